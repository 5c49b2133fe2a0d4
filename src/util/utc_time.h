/*-------------------------------------------------------------------------
 *
 * utc_time.h
 *	  Conversion of instants to and from UTC text, for names and for JSON.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_UTC_TIME_H
#define SNAPSHOT_WORKER_UTC_TIME_H

#include "datatype/timestamp.h"

/* "2026-03-19T03-00-00Z" */
#define UTC_TIME_NAME_SIZE	(20 + 1)
/* "2026-03-19T03:00:00.123456Z" */
#define UTC_TIME_SIZE		(27 + 1)

/* The greatest integer not above a / b, for b > 0. */
static inline int64
floor_divide(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

extern bool utc_time_format_name(TimestampTz instant, char *text);
extern bool utc_time_parse_name(const char *text, TimestampTz *instant);
extern void utc_time_format(TimestampTz instant, char *text);
extern bool utc_time_parse(const char *text, TimestampTz *instant);

#endif							/* SNAPSHOT_WORKER_UTC_TIME_H */
