/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  The rules of retention: which snapshots to keep, given a list: pure.
 *
 * A snapshot is kept if any rule keeps it.  Scheduled and requested snapshots
 * have separate counts: a session can request as many snapshots as it likes
 * without pushing out any of the schedule's.  Both counts are at least 1, and
 * a snapshot that failed its verification does not count, so the newest good
 * one is always kept, however old it is.
 *
 * The clock may be wrong now, or may have been wrong when a snapshot was
 * taken.  Three rules keep one run with a wrong clock, ahead or behind, from
 * removing snapshots that the right clock keeps:
 *
 * - Snapshots with doubtful dates form histories of their own, to which the
 *   rules apply separately.  They push out none of the others, and none of the
 *   others push out them.  A date is doubtful if the snapshot's LSN is before
 *   that of a snapshot with an earlier date, or else if it is in the future.
 *   These snapshots are not simply the first to go: if the present clock is
 *   behind, the newest ones are in the future.  If LSNs mislead (a virtual
 *   machine that was reset repeats earlier ones), the worst result is that
 *   more is kept.
 *
 * - The newest snapshot, which was taken by the present clock, counts as one
 *   of its kind, but has no part in the rules by time (age, days, weeks,
 *   months, years) until there is a newer one.  These rules judge the
 *   snapshots before it, and measure age from the newest of those.  So the
 *   snapshots that a run removes do not depend on how far ahead its own clock
 *   is.
 *
 * - The snapshot that was just taken is the newest, whatever its date.
 *
 * Two runs in a row with a clock that is ahead confirm each other: a server
 * that was off for a year looks the same.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/timestamp.h"

#include "shmem/run_kinds.h"
#include "shmem/shared_state.h"
#include "store/retention.h"
#include "util/utc_time.h"

/* A snapshot's name can be this far ahead of the clock. */
#define NAME_AHEAD	USECS_PER_HOUR

typedef int64 (*period_of) (TimestampTz instant);

/* Days, weeks, months and years in UTC, as numbers. */
static int64
day_of(TimestampTz instant)
{
	return floor_divide(instant, USECS_PER_DAY);
}

/* Weeks begin on Monday, and 2000-01-01, day 0, was a Saturday. */
static int64
week_of(TimestampTz instant)
{
	return floor_divide(day_of(instant) + 5, 7);
}

static int64
month_of(TimestampTz instant)
{
	struct pg_tm tm = {0};
	fsec_t		fsec;

	/* cannot fail: the instants in names have years of four digits */
	(void) timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL);
	return (int64) tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1;
}

static int64
year_of(TimestampTz instant)
{
	return floor_divide(month_of(instant), MONTHS_PER_YEAR);
}

/* The kinds of snapshots, each with a count of its own. */
typedef enum SnapshotKind
{
	SCHEDULED,
	REQUESTED,
	UNKNOWN,					/* a reason of a newer release */
	NKINDS
} SnapshotKind;

/* Groups of snapshots to which the rules apply separately. */
typedef enum History
{
	HISTORY_PROPER,
	HISTORY_FUTURE,				/* in the future, by the present clock */
	HISTORY_OUT_OF_ORDER,		/* by their LSNs, whatever the present clock */
	NHISTORIES
} History;

/* A snapshot being judged. */
typedef struct Judged
{
	const StoredSnapshot *snapshot;
	SnapshotKind kind;
	bool		just_taken;
	History		history;
	int		   *reasons;		/* reasons to keep it */
} Judged;

static SnapshotKind
kind_of(const StoredSnapshot *snapshot)
{
	static const RunReason reasons[] = {REASON_SCHEDULE, REASON_CATCH_UP,
	REASON_MANUAL, REASON_BEFORE_DROP};

	for (size_t i = 0; i < lengthof(reasons); i++)
	{
		if (strcmp(snapshot->manifest.reason,
				   state_reason_name(reasons[i])) == 0)
			return state_is_requested(reasons[i]) ? REQUESTED : SCHEDULED;
	}
	return UNKNOWN;
}

/*
 * Return how many snapshots of a kind to keep.  Snapshots of an unknown kind
 * and others do not push out each other.
 */
static int
count_of(SnapshotKind kind, const RetentionRules *rules)
{
	return kind == SCHEDULED ? rules->scheduled :
		kind == REQUESTED ? rules->requested :
		Max(rules->scheduled, rules->requested);
}

/*
 * Was a snapshot taken by a clock that was ahead of "now"?  Its name alone can
 * be up to an hour ahead of the clock, after many runs within a second; see
 * state_submit().
 */
static bool
is_from_future(const StoredSnapshot *snapshot, TimestampTz now)
{
	return snapshot->manifest.started_at > now ||
		snapshot->start > now + NAME_AHEAD;
}

/* Is a snapshot's position in WAL before that of another one? */
static bool
is_before_in_wal(const Manifest *manifest, const Manifest *other)
{
	if (manifest->timeline != other->timeline)
		return manifest->timeline < other->timeline;
	return manifest->lsn < other->lsn;
}

/*
 * Divide one cluster's snapshots, newest first, into histories.  The snapshot
 * just taken belongs to the regular history, but proves nothing about others:
 * its clock is not confirmed.
 */
static void
divide_into_histories(Judged *all, int n, TimestampTz now)
{
	const Manifest *last = NULL;	/* latest in WAL of those with earlier
									 * dates */
	int			earlier = n - 1;

	for (int i = n - 1; i >= 0; i--)
	{
		const StoredSnapshot *snapshot = all[i].snapshot;

		for (; all[earlier].snapshot->start < snapshot->start - NAME_AHEAD;
			 earlier--)
		{
			const Manifest *manifest = &all[earlier].snapshot->manifest;

			if (!all[earlier].just_taken &&
				(last == NULL || is_before_in_wal(last, manifest)))
				last = manifest;
		}
		all[i].history = HISTORY_PROPER;
		if (all[i].just_taken)
			continue;
		if (last != NULL && is_before_in_wal(&snapshot->manifest, last))
			all[i].history = HISTORY_OUT_OF_ORDER;
		else if (is_from_future(snapshot, now))
			all[i].history = HISTORY_FUTURE;
	}
}

/*
 * Of good snapshots, newest first, keep the first in each of up to "limit"
 * periods.
 */
static void
keep_periods(const Judged *good, int ngood, period_of period, int limit,
			 RetentionReason reason)
{
	int			kept = 0;

	for (int i = 0; i < ngood && kept < limit; i++)
	{
		if (i > 0 && period(good[i].snapshot->start) ==
			period(good[i - 1].snapshot->start))
			continue;
		*good[i].reasons |= reason;
		kept++;
	}
}

/* Apply the rules by time to at least one good snapshot, newest first. */
static void
keep_by_time(const Judged *good, int ngood, const RetentionRules *rules)
{
	TimestampTz since = good[0].snapshot->start - rules->days * USECS_PER_DAY;

	for (int i = 0; i < ngood && rules->days > 0; i++)
	{
		if (good[i].snapshot->start > since)
			*good[i].reasons |= KEPT_BY_DAYS;
	}
	keep_periods(good, ngood, day_of, rules->daily, KEPT_DAILY);
	keep_periods(good, ngood, week_of, rules->weekly, KEPT_WEEKLY);
	keep_periods(good, ngood, month_of, rules->monthly, KEPT_MONTHLY);
	keep_periods(good, ngood, year_of, rules->yearly, KEPT_YEARLY);
}

/*
 * Of good snapshots, newest first, that no rule keeps, keep up to "limit" that
 * have not been archived.
 */
static void
keep_unarchived(const Judged *good, int ngood, int limit)
{
	int			kept = 0;

	for (int i = 0; i < ngood && kept < limit; i++)
	{
		if (*good[i].reasons != 0 || good[i].snapshot->archived_at != 0)
			continue;
		*good[i].reasons |= KEPT_TO_ARCHIVE;
		kept++;
	}
}

/*
 * Apply all rules to one history, newest first.  Afterwards the array holds
 * only the good snapshots.
 */
static void
judge_history(Judged *history, int n, const RetentionRules *rules)
{
	int			ngood = 0;
	int			ngood_of[NKINDS] = {0};
	int			nbefore_of[NKINDS] = {0};	/* good or bad */

	for (int i = 0; i < n; i++)
	{
		SnapshotKind kind = history[i].kind;
		int			count = count_of(kind, rules);
		int			nbefore = nbefore_of[kind]++;

		if (store_is_bad(history[i].snapshot))
		{
			if (nbefore < count)
				*history[i].reasons |= KEPT_FAILED;
			continue;
		}
		if (ngood_of[kind]++ < count)
			*history[i].reasons |= kind == REQUESTED ? KEPT_REQUESTED :
				KEPT_SCHEDULED;
		history[ngood++] = history[i];
	}

	/* only the next run confirms the clock of the newest one */
	if (ngood > 1)
		keep_by_time(history + 1, ngood - 1, rules);
	keep_unarchived(history, ngood, rules->unarchived);
}

/*
 * Copy the snapshots of a history that count into an array, newest first.
 * Returns their number.
 */
static int
pick_history(const Judged *all, int n, History which, Judged *history)
{
	int			picked = 0;

	/* the one just taken in a first turn, all others in a second */
	for (int turn = 0; turn < 2; turn++)
	{
		for (int i = 0; i < n; i++)
		{
			if (all[i].history == which && !all[i].snapshot->pinned &&
				all[i].just_taken == (turn == 0))
				history[picked++] = all[i];
		}
	}
	return picked;
}

/*
 * Judge one database's snapshots, newest first.  Returns an array of sets of
 * reasons to keep each, in the order of the list, palloc'd.  "newest" is the
 * name of the snapshot that was just taken, or NULL; it is always kept.
 */
int *
retention_judge(const List *snapshots, uint64 system_identifier,
				const char *newest, const RetentionRules *rules,
				TimestampTz now)
{
	int			n = list_length(snapshots);
	int		   *reasons = palloc0((n + 1) * sizeof(int));
	Judged	   *ours = palloc0((n + 1) * sizeof(Judged));
	Judged	   *history = palloc((n + 1) * sizeof(Judged));
	int			nours = 0;
	ListCell   *lc;

	foreach(lc, snapshots)
	{
		const StoredSnapshot *snapshot = lfirst(lc);
		int		   *its_reasons = &reasons[foreach_current_index(lc)];
		Judged	   *judged = &ours[nours];

		if (snapshot->manifest.system_identifier != system_identifier)
		{
			*its_reasons = KEPT_FOREIGN;
			continue;
		}

		/* pinned ones help to find doubtful dates */
		if (snapshot->pinned)
			*its_reasons = KEPT_PINNED;
		judged->snapshot = snapshot;
		judged->kind = kind_of(snapshot);
		judged->just_taken = newest != NULL &&
			strcmp(snapshot->name, newest) == 0;
		judged->reasons = its_reasons;
		nours++;
	}

	divide_into_histories(ours, nours, now);
	for (int which = 0; which < NHISTORIES; which++)
		judge_history(history, pick_history(ours, nours, which, history),
					  rules);
	return reasons;
}

/* Return a set of reasons in words, palloc'd. */
char *
retention_describe(int reasons)
{
	static const struct
	{
		RetentionReason reason;
		const char *words;
	}			all[] = {
		{KEPT_PINNED, "pinned"},
		{KEPT_FOREIGN, "other cluster"},
		{KEPT_GONE, "database is gone"},
		{KEPT_FAILED, "failed, but recent"},
		{KEPT_SCHEDULED, "retention"},
		{KEPT_REQUESTED, "retention_manual"},
		{KEPT_BY_DAYS, "retention_days"},
		{KEPT_DAILY, "keep_daily"},
		{KEPT_WEEKLY, "keep_weekly"},
		{KEPT_MONTHLY, "keep_monthly"},
		{KEPT_YEARLY, "keep_yearly"},
		{KEPT_TO_ARCHIVE, "to be archived"},
	};
	StringInfoData words;

	initStringInfo(&words);
	for (size_t i = 0; i < lengthof(all); i++)
	{
		if ((reasons & all[i].reason) != 0)
			appendStringInfo(&words, "%s%s", words.len > 0 ? ", " : "",
							 all[i].words);
	}
	return words.data;
}
