/*-------------------------------------------------------------------------
 *
 * clock.h
 *	  A monotonic clock, for delays and deadlines.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CLOCK_H
#define SNAPSHOT_WORKER_CLOCK_H

#include "portability/instr_time.h"

/* Seconds since some moment in the past. */
static inline double
clock_seconds(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_DOUBLE(now);
}

#endif							/* SNAPSHOT_WORKER_CLOCK_H */
