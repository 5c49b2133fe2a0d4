/*-------------------------------------------------------------------------
 *
 * slot_times.h
 *	  Due times and retry delays: pure arithmetic on UTC.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SLOT_TIMES_H
#define SNAPSHOT_WORKER_SLOT_TIMES_H

#include "datatype/timestamp.h"

/* Minutes of the UTC day at which a run is due; at least one is set. */
typedef struct SlotTimes
{
	bool		due[HOURS_PER_DAY * MINS_PER_HOUR];
} SlotTimes;

extern bool slot_times_parse(const char *value, SlotTimes *times);
extern TimestampTz slot_times_next(const SlotTimes *times, TimestampTz after);
extern TimestampTz slot_times_latest(const SlotTimes *times, TimestampTz upto);
extern double retry_delay(int attempt, double took);

#endif							/* SNAPSHOT_WORKER_SLOT_TIMES_H */
