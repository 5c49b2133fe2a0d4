/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Which snapshots to keep: pure, given a list.
 *
 * A snapshot is kept if any rule keeps it.  Scheduled and requested snapshots
 * have a count each: a session can ask for as many snapshots as it likes, and
 * pushes out none of the schedule's.  Both counts are at least 1, and a
 * snapshot that failed its verification does not count, so the newest good one
 * is always kept, however old it is.
 *
 * The clock can be wrong now, or can have been wrong when a snapshot was taken,
 * and nothing in the directory proves which (LSNs and timelines do not: a
 * restored virtual machine goes back to earlier ones).  Two rules keep a wrong
 * clock from removing what the right one keeps:
 *
 * - Snapshots from the future are judged last, so that they push out nothing.
 *   They are not removed for their date alone: if it is the present clock that
 *   is behind, then they are all the snapshots there are.
 *
 * - The newest snapshot, which was taken by the present clock, counts as one of
 *   its kind, but has no part in the rules by time (age, days, weeks, months,
 *   years) until a newer one is there.  These judge the snapshots before it,
 *   and measure age back from the newest of those.  So what a run removes does
 *   not depend on what its own clock shows.  The next run either confirms that
 *   clock, or finds the snapshot in the future.
 *
 * Two snapshots in a row that were taken by a clock that was ahead confirm each
 * other, as long as it is ahead: a server that was off for a year looks the
 * same.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "pgtime.h"
#include "retention.h"
#include "shared_state.h"
#include "utils/timestamp.h"

typedef int64 (*period_of) (TimestampTz instant);

/* The greatest whole number that is not above a / b, for b > 0. */
static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

/* Days, weeks, months and years in UTC, as numbers. */
static int64
day_of(TimestampTz instant)
{
	return floor_div(instant, USECS_PER_DAY);
}

/* Weeks begin on Monday, and 2000-01-01, day 0, was a Saturday. */
static int64
week_of(TimestampTz instant)
{
	return floor_div(day_of(instant) + 5, 7);
}

static int64
month_of(TimestampTz instant)
{
	struct pg_tm tm = {0};
	fsec_t		fsec;

	/* the instants in names have years of four digits: it cannot fail */
	(void) timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL);
	return (int64) tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1;
}

static int64
year_of(TimestampTz instant)
{
	return floor_div(month_of(instant), MONTHS_PER_YEAR);
}

/* The kinds of snapshots, each of which has a count of its own. */
typedef enum SnapshotKind
{
	SCHEDULED,
	REQUESTED,
	UNKNOWN,					/* a newer release has more reasons */
	NKINDS
} SnapshotKind;

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
 * How many of a kind to keep.  Snapshots of an unknown kind push out no others,
 * and no others push out them.
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
		snapshot->start > now + USECS_PER_HOUR;
}

/*
 * Put snapshots into the order in which they are judged: the one named "newest"
 * (if there is one), then the others from new to old, and those from the future
 * last, again from new to old.  Returns an array of their places in the list.
 */
static int *
judging_order(const List *snapshots, const char *newest, TimestampTz now)
{
	int			n = list_length(snapshots);
	int		   *order = palloc((n + 1) * sizeof(int));
	int			placed = 0;

	for (int turn = 0; turn < 3; turn++)
	{
		for (int i = 0; i < n; i++)
		{
			const StoredSnapshot *snapshot = list_nth(snapshots, i);
			int			its_turn;

			if (newest != NULL && strcmp(snapshot->name, newest) == 0)
				its_turn = 0;
			else
				its_turn = is_from_future(snapshot, now) ? 2 : 1;
			if (turn == its_turn)
				order[placed++] = i;
		}
	}
	return order;
}

/*
 * Of good snapshots in the order in which they are judged, keep the first one
 * in each of so many periods.  Those of a period are neighbours, but for the
 * period of the first snapshot: those from the future, which come last, can end
 * in it.
 */
static void
keep_periods(StoredSnapshot **good, int **verdicts, int ngood,
			 period_of period, int limit, RetentionReason reason)
{
	int			kept = 0;

	for (int i = 0; i < ngood && kept < limit; i++)
	{
		int64		this = period(good[i]->start);

		if (i > 0 && (this == period(good[0]->start) ||
					  this == period(good[i - 1]->start)))
			continue;
		*verdicts[i] |= reason;
		kept++;
	}
}

/*
 * Apply the rules by time to good snapshots in the order in which they are
 * judged, of which there is at least one.
 */
static void
keep_by_time(StoredSnapshot **good, int **verdicts, int ngood,
			 const RetentionRules *rules)
{
	TimestampTz since = good[0]->start - rules->days * USECS_PER_DAY;

	for (int i = 0; i < ngood && rules->days > 0; i++)
	{
		if (good[i]->start > since)
			*verdicts[i] |= KEPT_BY_DAYS;
	}
	keep_periods(good, verdicts, ngood, day_of, rules->daily, KEPT_DAILY);
	keep_periods(good, verdicts, ngood, week_of, rules->weekly, KEPT_WEEKLY);
	keep_periods(good, verdicts, ngood, month_of, rules->monthly, KEPT_MONTHLY);
	keep_periods(good, verdicts, ngood, year_of, rules->yearly, KEPT_YEARLY);
}

/*
 * Of good snapshots in the order in which they are judged, which no rule keeps,
 * keep so many that were not archived yet.
 */
static void
keep_unarchived(StoredSnapshot **good, int **verdicts, int ngood, int limit)
{
	int			kept = 0;

	for (int i = 0; i < ngood && kept < limit; i++)
	{
		if (*verdicts[i] != 0 || good[i]->archived_at != 0)
			continue;
		*verdicts[i] |= KEPT_TO_ARCHIVE;
		kept++;
	}
}

/*
 * Why to keep each of one database's snapshots, which come newest first: an
 * array of sets of reasons in the order of the list, palloc'd.  "newest" is the
 * name of the snapshot that was just taken, or NULL; it is never one to remove.
 */
int *
retention_judge(const List *snapshots, uint64 system_identifier,
				const char *newest, const RetentionRules *rules,
				TimestampTz now)
{
	int			n = list_length(snapshots);
	int		   *reasons = palloc0((n + 1) * sizeof(int));
	int		   *order = judging_order(snapshots, newest, now);
	StoredSnapshot **good = palloc((n + 1) * sizeof(StoredSnapshot *));
	int		  **verdicts = palloc((n + 1) * sizeof(int *));
	int			ngood = 0;
	int			ngood_of[NKINDS] = {0};
	int			nbefore_of[NKINDS] = {0};	/* good or bad */

	for (int i = 0; i < n; i++)
	{
		StoredSnapshot *snapshot = list_nth(snapshots, order[i]);
		int		   *verdict = &reasons[order[i]];
		SnapshotKind kind = kind_of(snapshot);
		int			count = count_of(kind, rules);

		if (snapshot->manifest.system_identifier != system_identifier)
			*verdict = KEPT_FOREIGN;
		else if (snapshot->pinned)
			*verdict = KEPT_PINNED;
		else if (snapshot->failed)
			*verdict = nbefore_of[kind]++ < count ? KEPT_FAILED : 0;
		else
		{
			nbefore_of[kind]++;
			if (ngood_of[kind]++ < count)
				*verdict = kind == REQUESTED ? KEPT_REQUESTED : KEPT_SCHEDULED;
			good[ngood] = snapshot;
			verdicts[ngood++] = verdict;
		}
	}

	/* nothing but the next run confirms the clock of the newest one */
	if (ngood > 1)
		keep_by_time(good + 1, verdicts + 1, ngood - 1, rules);
	keep_unarchived(good, verdicts, ngood, rules->unarchived);
	return reasons;
}

/* A set of reasons in words, palloc'd. */
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
