/*-------------------------------------------------------------------------
 *
 * shared_struct.h
 *	  The struct itself, for shared_state.c and shared_runs.c alone.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SHARED_STRUCT_H
#define SNAPSHOT_WORKER_SHARED_STRUCT_H

#include "shared_state.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define STATE_MAX_RUNS	256

typedef struct SharedState
{
	/* Broadcast when a run ends, and when the launcher comes or goes. */
	ConditionVariable changed;

	TimestampTz made_at;		/* never changes */

	/* All that follows is guarded by the lock. */
	pid_t		launcher_pid;	/* 0 without a launcher */
	Latch	   *launcher_latch; /* in shared memory; NULL without a launcher */
	uint64		last_id;
	TimestampTz last_start;		/* newest in any name before the server started */
	LauncherPlan plan;
	Outcomes	outcomes;
	Run			runs[STATE_MAX_RUNS];
} SharedState;

extern SharedState *state_shared;
extern LWLock *state_lock;

extern void state_wake_launcher(void);

#endif							/* SNAPSHOT_WORKER_SHARED_STRUCT_H */
