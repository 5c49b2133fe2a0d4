/*-------------------------------------------------------------------------
 *
 * schedule.h
 *	  Due times and retry delays: pure arithmetic on UTC.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCHEDULE_H
#define SNAPSHOT_WORKER_SCHEDULE_H

#include "datatype/timestamp.h"

/* Minutes of the UTC day at which a run is due; at least one is. */
typedef struct Schedule
{
	bool		due[HOURS_PER_DAY * MINS_PER_HOUR];
} Schedule;

extern bool schedule_parse(const char *value, Schedule *schedule);
extern TimestampTz schedule_next(const Schedule *schedule, TimestampTz after);
extern TimestampTz schedule_latest(const Schedule *schedule, TimestampTz upto);
extern double schedule_retry_delay(int attempt, double took);

#endif							/* SNAPSHOT_WORKER_SCHEDULE_H */
