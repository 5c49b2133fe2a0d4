/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Which snapshots to keep: pure, given a list.
 *
 * What any rule keeps is kept.  Since the count is at least 1, and a snapshot
 * that failed its verification does not count, the newest good one is always
 * kept, however old it is.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "pgtime.h"
#include "retention.h"
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

/*
 * Of good snapshots, newest first, keep the first one in each of so many
 * periods.  Only the one at the head can be out of order: its period may come
 * again.
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
 * Of good snapshots, newest first, which no rule keeps, keep so many that were
 * not archived yet.
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
 * array of sets of reasons in the order of the list, palloc'd.
 *
 * The snapshot named "newest", if there is one, was just taken, and is counted
 * first wherever its name puts it: after a clock that ran ahead has been set
 * right, older snapshots have the later names.
 */
int *
retention_judge(const List *snapshots, uint64 system_identifier,
				const char *newest, const RetentionRules *rules,
				TimestampTz now)
{
	int			n = list_length(snapshots);
	int		   *reasons = palloc0((n + 1) * sizeof(int));
	StoredSnapshot **good = palloc((n + 1) * sizeof(StoredSnapshot *));
	int		  **verdicts = palloc((n + 1) * sizeof(int *));
	int			ngood = 0;
	int			nbefore = 0;	/* ours that are newer, good or bad */

	/* the one just taken in a first turn, all others in a second */
	for (int turn = 0; turn < 2; turn++)
	{
		for (int i = 0; i < n; i++)
		{
			StoredSnapshot *snapshot = list_nth(snapshots, i);
			bool		is_newest;

			is_newest = newest != NULL && strcmp(snapshot->name, newest) == 0;
			if (is_newest != (turn == 0))
				continue;
			if (snapshot->manifest.system_identifier != system_identifier)
				reasons[i] = KEPT_FOREIGN;
			else if (snapshot->pinned)
				reasons[i] = KEPT_PINNED;
			else if (snapshot->failed)
				reasons[i] = nbefore++ < rules->count ? KEPT_FAILED : 0;
			else
			{
				nbefore++;
				good[ngood] = snapshot;
				verdicts[ngood++] = &reasons[i];
			}
		}
	}

	for (int i = 0; i < ngood; i++)
	{
		if (i < rules->count)
			*verdicts[i] |= KEPT_BY_COUNT;
		if (rules->days > 0 &&
			good[i]->start > now - rules->days * USECS_PER_DAY)
			*verdicts[i] |= KEPT_BY_DAYS;
	}
	keep_periods(good, verdicts, ngood, day_of, rules->daily, KEPT_DAILY);
	keep_periods(good, verdicts, ngood, week_of, rules->weekly, KEPT_WEEKLY);
	keep_periods(good, verdicts, ngood, month_of, rules->monthly, KEPT_MONTHLY);
	keep_periods(good, verdicts, ngood, year_of, rules->yearly, KEPT_YEARLY);
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
		{KEPT_BY_COUNT, "retention"},
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
