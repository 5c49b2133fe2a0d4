/*-------------------------------------------------------------------------
 *
 * slot_times.c
 *	  Due times and retry delays: pure arithmetic on UTC.
 *
 * A TimestampTz counts microseconds in UTC, where every day has 24 hours, so
 * that a slot (an instant at which a run is due) is found by division alone,
 * without time zones, calendars or daylight saving time.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "util/slot_times.h"
#include "util/utc_time.h"

#define MINUTES_PER_DAY (HOURS_PER_DAY * MINS_PER_HOUR)

/* Return the whole minute at or before an instant, since 2000-01-01 UTC. */
static int64
minute_of(TimestampTz instant)
{
	return floor_divide(instant, USECS_PER_MINUTE);
}

static bool
is_due(const SlotTimes *times, int64 minute)
{
	int64		of_day = minute % MINUTES_PER_DAY;

	if (of_day < 0)
		of_day += MINUTES_PER_DAY;
	return times->due[of_day];
}

/*
 * Parse "HH:MM[, HH:MM ...]" into *times: UTC times of day, in any order,
 * repeats allowed.  Returns false, with *times undefined, if value is anything
 * else.
 */
bool
slot_times_parse(const char *value, SlotTimes *times)
{
	const char *p = value;

	memset(times, 0, sizeof(*times));

	for (;;)
	{
		int			hour;
		int			minute;

		while (*p == ' ' || *p == '\t')
			p++;
		for (int i = 0; i < 5; i++)
		{
			if (i == 2 ? p[i] != ':' : (p[i] < '0' || p[i] > '9'))
				return false;
		}
		hour = (p[0] - '0') * 10 + (p[1] - '0');
		minute = (p[3] - '0') * 10 + (p[4] - '0');
		if (hour >= HOURS_PER_DAY || minute >= MINS_PER_HOUR)
			return false;
		times->due[hour * MINS_PER_HOUR + minute] = true;

		p += 5;
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == '\0')
			return true;
		if (*p != ',')
			return false;
		p++;
	}
}

/*
 * Return the first slot strictly after an instant, which must be finite.  The
 * result can be outside the range of timestamps if the instant is near its
 * end.
 */
TimestampTz
slot_times_next(const SlotTimes *times, TimestampTz after)
{
	int64		minute = minute_of(after) + 1;

	while (!is_due(times, minute))
		minute++;
	return minute * USECS_PER_MINUTE;
}

/* Return the last slot at or before an instant, which must be finite. */
TimestampTz
slot_times_latest(const SlotTimes *times, TimestampTz upto)
{
	int64		minute = minute_of(upto);

	while (!is_due(times, minute))
		minute--;
	return minute * USECS_PER_MINUTE;
}

/*
 * Seconds from a failed attempt, counted from 1, to the next one.  The delay
 * is at least as long as the attempt took.
 */
double
retry_delay(int attempt, double took)
{
	static const int delays[] = {5, 10, 20, 30, 60, 120, 240, 480, 900, 1800,
	3600};
	int			delay = delays[Min(attempt, (int) lengthof(delays)) - 1];

	return Max(delay, took);
}
