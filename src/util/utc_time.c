/*-------------------------------------------------------------------------
 *
 * utc_time.c
 *	  Conversion of instants to and from UTC text, for names and for JSON.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/timestamp.h"

#include "util/utc_time.h"

/*
 * Break an instant up in UTC.  Returns false unless its year has four digits,
 * because our names have room for no others.
 */
static bool
break_up(TimestampTz instant, struct pg_tm *tm, fsec_t *fsec)
{
	return !TIMESTAMP_NOT_FINITE(instant) &&
		timestamp2tm(instant, NULL, tm, fsec, NULL, NULL) == 0 &&
		tm->tm_year >= 1 && tm->tm_year <= 9999;
}

/*
 * Parse text by a pattern, in which 0 stands for a digit and any other
 * character for itself: year, month, day, hour, minute, second, microseconds.
 */
static bool
parse_by_pattern(const char *text, const char *pattern, TimestampTz *instant)
{
	int			fields[7] = {0};
	int			nfields = 0;
	struct pg_tm tm = {0};
	struct pg_tm again;
	fsec_t		fsec;

	if (strlen(text) != strlen(pattern))
		return false;
	for (int i = 0; pattern[i] != '\0'; i++)
	{
		if (pattern[i] == '0')
		{
			if (text[i] < '0' || text[i] > '9')
				return false;
			fields[nfields] = fields[nfields] * 10 + (text[i] - '0');
			if (pattern[i + 1] != '0')
				nfields++;
		}
		else if (text[i] != pattern[i])
			return false;
	}

	tm.tm_year = fields[0];
	tm.tm_mon = fields[1];
	tm.tm_mday = fields[2];
	tm.tm_hour = fields[3];
	tm.tm_min = fields[4];
	tm.tm_sec = fields[5];
	if (tm.tm_mon < 1 || tm.tm_mon > MONTHS_PER_YEAR ||
		tm2timestamp(&tm, fields[6], NULL, instant) != 0)
		return false;

	/* February 31 must not pass for a day in March. */
	return break_up(*instant, &again, &fsec) &&
		again.tm_year == tm.tm_year && again.tm_mon == tm.tm_mon &&
		again.tm_mday == tm.tm_mday && again.tm_hour == tm.tm_hour &&
		again.tm_min == tm.tm_min && again.tm_sec == tm.tm_sec;
}

/*
 * Write an instant, to the second, as in a snapshot's name, UTC_TIME_NAME_SIZE
 * bytes.  Returns false unless its year has four digits.
 */
bool
utc_time_format_name(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (!break_up(instant, &tm, &fsec))
		return false;
	snprintf(text, UTC_TIME_NAME_SIZE, "%04d-%02d-%02dT%02d-%02d-%02dZ",
			 tm.tm_year, tm.tm_mon, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
	return true;
}

/* Parse text that utc_time_format_name() could have written. */
bool
utc_time_parse_name(const char *text, TimestampTz *instant)
{
	return parse_by_pattern(text, "0000-00-00T00-00-00Z", instant);
}

/* Write an instant as in a manifest, UTC_TIME_SIZE bytes; "" on failure. */
void
utc_time_format(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t		fsec;

	text[0] = '\0';
	if (break_up(instant, &tm, &fsec))
		snprintf(text, UTC_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
				 tm.tm_year, tm.tm_mon, tm.tm_mday,
				 tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

/* Parse text that utc_time_format() could have written. */
bool
utc_time_parse(const char *text, TimestampTz *instant)
{
	return parse_by_pattern(text, "0000-00-00T00:00:00.000000Z", instant);
}
