/*-------------------------------------------------------------------------
 *
 * run_cancel.c
 *	  Cancel runs in shared memory, and what the launcher has pending.
 *
 * A run without a worker ends at once.  A worker that is running gets a
 * signal, and reports the end of its run itself.  A worker that is not yet in
 * the server's array of processes gets no signal; once it can be interrupted,
 * it calls state_is_canceled().
 *
 * Jobs that the launcher has not queued yet are not in shared memory.  A
 * CancelRequest asks the launcher to drop them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "shmem/shared_struct.h"

static const RunError canceled = {
	.sqlerrcode = ERRCODE_QUERY_CANCELED,
	.message = "canceled before it was started",
};

/*
 * Ask the launcher to drop the pending jobs of a database, or (NULL) of all.
 * Returns the id of the CancelRequest, or 0 when too many sessions cancel.
 * The caller holds the lock.
 */
static uint64
submit_cancel(const char *database)
{
	CancelRequest *place = NULL;

	for (int i = 0; i < STATE_MAX_CANCELS; i++)
	{
		CancelRequest *other = &state_shared->cancels[i];

		/* a session may end without reading the answer */
		if (other->id == 0 || other->done)
		{
			if (place == NULL || other->id < place->id)
				place = other;
		}
	}
	if (place == NULL)
		return 0;
	memset(place, 0, sizeof(*place));
	place->id = ++state_shared->last_cancel_id;
	if (database != NULL)
		strlcpy(place->database, database, sizeof(place->database));
	place->last_run_id = state_shared->last_id;
	state_wake_launcher();
	return place->id;
}

/*
 * Does a cancel of the runs of a database, or (NULL) of all, include this run?
 * An alert reports a failure that has happened.  It is no run of the database.
 */
static bool
is_canceled_with(const Run *run, const char *database)
{
	return database == NULL ||
		(run->request.kind != KIND_ALERT &&
		 strcmp(run->request.database, database) == 0);
}

/*
 * Cancel the runs of a database, or (NULL) of all, and ask the launcher to
 * drop its pending jobs.  Returns the number of runs.  *request is for
 * state_get_canceled(), or 0 when too many sessions cancel at the same time.
 */
int
state_cancel(const char *database, uint64 *request)
{
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pids[STATE_MAX_RUNS];
	int			npids = 0;
	int			count = 0;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	/* under the same lock, or a job could begin in between */
	*request = submit_cancel(database);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *run = &state_shared->runs[i];

		if (!is_canceled_with(run, database))
			continue;
		if (run->state == RUN_RUNNING)
		{
			run->canceled = true;
			pids[npids++] = run->progress.worker_pid;
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
		/* a worker that has exited has reported its outcome */
		if (BackendPidGetProc(pids[i]) != NULL)
			(void) kill(pids[i], SIGINT);
	}
	return count;
}

static CancelRequest *
find_cancel(uint64 id)
{
	for (int i = 0; i < STATE_MAX_CANCELS; i++)
	{
		if (state_shared->cancels[i].id == id)
			return &state_shared->cancels[i];
	}
	return NULL;
}

/*
 * Has the launcher dropped the jobs of a CancelRequest?  If so, *count is
 * their number, and the request ends.
 */
bool
state_get_canceled(uint64 request, int *count)
{
	CancelRequest *found;
	bool		done;

	*count = 0;
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = find_cancel(request);
	done = found == NULL || found->done;
	if (done && found != NULL)
	{
		*count = found->count;
		memset(found, 0, sizeof(*found));
	}
	LWLockRelease(state_lock);
	return done;
}

/*
 * For the launcher: find the oldest CancelRequest that it has not served.
 * database (NAMEDATALEN bytes) is "" for all.  The session has canceled runs
 * up to *last_run_id itself.  Returns false when no request is left.
 */
bool
state_next_cancel(uint64 *request, char *database, uint64 *last_run_id)
{
	CancelRequest *first = NULL;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_CANCELS; i++)
	{
		CancelRequest *other = &state_shared->cancels[i];

		if (other->id != 0 && !other->done &&
			(first == NULL || other->id < first->id))
			first = other;
	}
	if (first != NULL)
	{
		*request = first->id;
		strlcpy(database, first->database, NAMEDATALEN);
		*last_run_id = first->last_run_id;
	}
	LWLockRelease(state_lock);
	return first != NULL;
}

/* Record that the launcher has dropped "count" jobs for a CancelRequest. */
void
state_cancel_done(uint64 request, int count)
{
	CancelRequest *found;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = find_cancel(request);
	if (found != NULL)
	{
		found->done = true;
		found->count = count;
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/* Cancel a run.  Does nothing when it has ended. */
void
state_cancel_run(uint64 id)
{
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pid = 0;
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL && run->state == RUN_RUNNING)
	{
		run->canceled = true;
		pid = run->progress.worker_pid;
	}
	else if (run != NULL && !run_is_finished(run))
		state_set_finished(run, now, 0, &canceled);
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);

	/* it may have exited since */
	if (pid != 0 && BackendPidGetProc(pid) != NULL)
		(void) kill(pid, SIGINT);
}
