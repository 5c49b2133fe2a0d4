/*-------------------------------------------------------------------------
 *
 * sweep_schedule.h
 *	  When the launcher sweeps leftovers of interrupted runs.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SWEEP_SCHEDULE_H
#define SNAPSHOT_WORKER_SWEEP_SCHEDULE_H

#include "launcher/crash_breaker.h"

typedef struct SweepSchedule
{
	MemoryContext context;		/* of the directory's name */
	char	   *swept;			/* the directory that was swept, or NULL */
	bool		scratch_swept;	/* no scratch database is left, as far as
								 * known */
} SweepSchedule;

extern bool sweep_schedule_is_done(const SweepSchedule *sweeping);
extern void sweep_schedule_sweep(SweepSchedule *sweeping);
extern void sweep_schedule_note_scratch(SweepSchedule *sweeping);
extern void sweep_schedule_submit(SweepSchedule *sweeping, Breaker *breaker);

#endif							/* SNAPSHOT_WORKER_SWEEP_SCHEDULE_H */
