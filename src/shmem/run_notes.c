/*-------------------------------------------------------------------------
 *
 * run_notes.c
 *	  What a worker notes of its run while it is on, and who reads that.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/shared_struct.h"

/* The name under which a run will be published. */
void
state_set_name(uint64 id, const char *name)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL)
		strlcpy(run->request.name, name, sizeof(run->request.name));
	LWLockRelease(state_lock);
}

/* The snapshot of a run has its name. */
void
state_set_published(uint64 id)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL)
		run->outcome.published = true;
	LWLockRelease(state_lock);
}

/* A run that archives has found another one, maybe of another server. */
void
state_set_busy(uint64 id)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL)
		run->outcome.busy = true;
	LWLockRelease(state_lock);
}

/* A run is about to make this scratch database, or ("") has none any more. */
void
state_set_scratch(uint64 id, const char *scratch)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL)
		strlcpy(run->progress.scratch, scratch, sizeof(run->progress.scratch));
	LWLockRelease(state_lock);
}

/* A run has come this far.  Its percentage does not fall. */
void
state_set_progress(uint64 id, const Progress *progress)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL)
	{
		int			percent = Max(run->progress.shown.percent, progress->percent);

		run->progress.shown = *progress;
		run->progress.shown.percent = percent;
	}
	LWLockRelease(state_lock);
}

/* Copies of all runs that are starting or running, palloc'd; how many. */
int
state_active_runs(Run **runs)
{
	int			count = 0;

	*runs = palloc(STATE_MAX_RUNS * sizeof(Run));
	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (run_is_active(&state_shared->runs[i]))
			(*runs)[count++] = state_shared->runs[i];
	}
	LWLockRelease(state_lock);
	return count;
}

/* Is this process the worker of a run? */
bool
state_is_worker(pid_t pid)
{
	bool		found = false;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS && !found; i++)
		found = state_shared->runs[i].state == RUN_RUNNING &&
			state_shared->runs[i].progress.worker_pid == pid;
	LWLockRelease(state_lock);
	return found;
}
