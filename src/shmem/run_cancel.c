/*-------------------------------------------------------------------------
 *
 * run_cancel.c
 *	  The runs in shared memory that are stopped, or cannot be started.
 *
 * What the launcher has in mind but has not asked for yet is not in shared
 * memory: a request tells it to drop that.
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

#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "shmem/shared_struct.h"

/*
 * Ask the launcher to drop what it has pending for a database, or (NULL) for
 * all.  Returns 0 when too many sessions ask for that.  The caller holds the
 * lock.
 */
static uint64
request_cancel(const char *database)
{
	CancelRequest *place = NULL;

	for (int i = 0; i < STATE_MAX_CANCELS; i++)
	{
		CancelRequest *other = &state_shared->cancels[i];

		/* who asked may have gone without looking at what was done */
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
 * Stop the runs of a database, or (NULL) of all: those that have no worker yet
 * at once, the others by an interrupt to their worker.  Returns how many.  The
 * launcher is asked to drop what is pending; state_get_canceled() tells of
 * *request, which is 0 when too many sessions ask for that.
 */
int
state_cancel(const char *database, uint64 *request)
{
	const RunError canceled = {ERRCODE_QUERY_CANCELED,
	"canceled before it was started", "", ""};
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pids[STATE_MAX_RUNS];
	int			npids = 0;
	int			count = 0;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	/* at the same moment, so that nothing begins unseen in between */
	*request = request_cancel(database);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *run = &state_shared->runs[i];

		if (database != NULL && strcmp(run->request.database, database) != 0)
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
		/* one that has gone has ended its run */
		if (BackendPidGetProc(pids[i]) != NULL)
			(void) kill(pids[i], SIGINT);
	}
	return count;
}

static CancelRequest *
find_request(uint64 id)
{
	for (int i = 0; i < STATE_MAX_CANCELS; i++)
	{
		if (state_shared->cancels[i].id == id)
			return &state_shared->cancels[i];
	}
	return NULL;
}

/*
 * Has the launcher dropped what it was asked to?  If so, *count tells how much
 * that was, and there is no more to learn about the request.
 */
bool
state_get_canceled(uint64 request, int *count)
{
	CancelRequest *found;
	bool		done;

	*count = 0;
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = find_request(request);
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
 * For the launcher: the request that came first, for a database (NAMEDATALEN
 * bytes) or "" for all, and the last run that it has canceled itself.  False
 * when there is none.
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

/* The launcher has dropped so much for a request. */
void
state_cancel_done(uint64 request, int count)
{
	CancelRequest *found;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = find_request(request);
	if (found != NULL)
	{
		found->done = true;
		found->count = count;
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
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
		pid = run->progress.worker_pid;
	}
	else if (run != NULL && !run_is_finished(run))
		state_set_finished(run, now, 0, &canceled);
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);

	/* it may have gone since */
	if (pid != 0 && BackendPidGetProc(pid) != NULL)
		(void) kill(pid, SIGINT);
}
