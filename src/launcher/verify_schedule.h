/*-------------------------------------------------------------------------
 *
 * verify_schedule.h
 *	  The schedule of verification retries for scheduled snapshots.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_SCHEDULE_H
#define SNAPSHOT_WORKER_VERIFY_SCHEDULE_H

#include "launcher/crash_breaker.h"

typedef struct VerifySchedule
{
	MemoryContext context;		/* of the list */
	List	   *unproved;
} VerifySchedule;

extern void verify_schedule_resume(VerifySchedule *verifying);
extern bool verify_schedule_note_outcome(VerifySchedule *verifying, Breaker *breaker,
										 const Run *run);
extern void verify_schedule_submit(VerifySchedule *verifying, Breaker *breaker);
extern int	verify_schedule_cancel(VerifySchedule *verifying, const char *database,
								   uint64 last_run_id);
extern double verify_schedule_seconds_to_next(const VerifySchedule *verifying);

#endif							/* SNAPSHOT_WORKER_VERIFY_SCHEDULE_H */
