/*-------------------------------------------------------------------------
 *
 * shared_cancel.c
 *	  The runs in shared memory that are stopped, or cannot be started.
 *
 * One that has no worker yet just ends; to the others' workers a signal is sent,
 * and they note the end of their runs themselves.  A worker that is not yet in
 * the server's array of processes gets no signal; it looks for itself whether
 * its run was canceled, once it can be interrupted.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "shared_struct.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

/*
 * A run that still is in the given state, in which no worker is at it, has
 * failed.
 */
void
state_fail_waiting(uint64 id, RunState state, const RunError *error)
{
	TimestampTz now = GetCurrentTimestamp();
	Run		   *run;

	Assert(state == RUN_QUEUED || state == RUN_STARTING);

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL && run->state == state)
		state_set_finished(run, now, 0, error);
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/*
 * Stop the runs of a database, or (NULL) of all: those that have no worker yet
 * at once, the others by an interrupt to their worker.  Returns how many.
 */
int
state_cancel(const char *database)
{
	const RunError canceled = {ERRCODE_QUERY_CANCELED,
	"canceled before it was started", "", ""};
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pids[STATE_MAX_RUNS];
	int			npids = 0;
	int			count = 0;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *run = &state_shared->runs[i];

		if (database != NULL && strcmp(run->database, database) != 0)
			continue;
		if (run->state == RUN_RUNNING)
		{
			run->canceled = true;
			pids[npids++] = run->worker_pid;
			count++;
		}
		else if (run->state == RUN_QUEUED || run->state == RUN_STARTING)
		{
			state_set_finished(run, now, 0, &canceled);
			count++;
		}
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);

	for (int i = 0; i < npids; i++)
	{
		/* one that has gone has ended its run */
		if (BackendPidGetProc(pids[i]) != NULL)
			(void) kill(pids[i], SIGINT);
	}
	return count;
}

/*
 * Stop a run that a session asked for and no longer waits for.  Does nothing
 * when it has ended.
 */
void
state_cancel_run(uint64 id)
{
	const RunError canceled = {ERRCODE_QUERY_CANCELED,
	"canceled before it was started", "", ""};
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pid = 0;
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL && run->state == RUN_RUNNING)
	{
		run->canceled = true;
		pid = run->worker_pid;
	}
	else if (run != NULL && !run_is_finished(run))
		state_set_finished(run, now, 0, &canceled);
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);

	/* it may have gone since */
	if (pid != 0 && BackendPidGetProc(pid) != NULL)
		(void) kill(pid, SIGINT);
}

/* Was a run canceled since its worker has begun? */
bool
state_is_canceled(uint64 id)
{
	Run		   *run;
	bool		canceled;

	LWLockAcquire(state_lock, LW_SHARED);
	run = state_find_run(id);
	canceled = run != NULL && run->canceled;
	LWLockRelease(state_lock);
	return canceled;
}
