/*-------------------------------------------------------------------------
 *
 * run_queue.c
 *	  The runs in shared memory that wait: submit them, choose the next.
 *
 * A session or the launcher submits a run (queued), and the launcher starts a
 * worker for it (starting).  The rest of its life is in run_table.c.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "shmem/run_kinds.h"
#include "shmem/shared_struct.h"

/*
 * Return an entry for a new run: an unused one, else the entry of the run that
 * ended first among those whose outcome the launcher has processed.  Returns
 * NULL when the table is full.  The caller holds the lock.
 */
static Run *
find_free_entry(void)
{
	Run		   *oldest = NULL;

	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *run = &state_shared->runs[i];

		if (run->state == RUN_NONE)
			return run;
		if (run_is_finished(run) && run->collected &&
			(oldest == NULL || run->outcome.finished_at < oldest->outcome.finished_at))
			oldest = run;
	}
	return oldest;
}

/* May one more alert be queued?  The caller holds the lock. */
static bool
may_alert(void)
{
	int			alerts = 0;

	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		const Run  *run = &state_shared->runs[i];

		if (run->request.kind == KIND_ALERT && run->state != RUN_NONE &&
			!run_is_finished(run))
			alerts++;
	}
	return alerts < STATE_MAX_ALERTS;
}

/*
 * Return start, moved to one second after other_start if it is not later than
 * that.  If the clock was set back by an hour or more, start is not moved: the
 * new snapshot would have to wait for the old time.
 */
static TimestampTz
move_start(TimestampTz start, TimestampTz other_start)
{
	if (other_start >= start && other_start < start + USECS_PER_HOUR)
		return other_start + USECS_PER_SEC;
	return start;
}

/* Before the server started, runs had names up to this instant. */
void
state_set_last_start(TimestampTz last_start)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->last_start = last_start;
	LWLockRelease(state_lock);
}

/*
 * Find the run of a database for a slot, if it has not ended or the launcher
 * has not processed its outcome.  Returns false if no run is found.
 */
bool
state_find_slot(const char *database, TimestampTz slot, Run *run)
{
	bool		found = false;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS && !found; i++)
	{
		Run		   *other = &state_shared->runs[i];

		found = other->state != RUN_NONE && !other->collected &&
			other->request.kind == KIND_SNAPSHOT &&
			other->request.scheduled_for == slot &&
			strcmp(other->request.database, database) == 0;
		if (found)
			*run = *other;
	}
	LWLockRelease(state_lock);
	return found;
}

/*
 * Put a queued run into an unused entry, and wake the launcher.  The caller
 * holds the lock.
 */
static void
queue_run(Run *run, const RunRequest *request)
{
	memset(run, 0, sizeof(*run));
	run->id = ++state_shared->last_id;
	run->state = RUN_QUEUED;
	run->request = *request;
	run->request.attempt = Max(request->attempt, 1);
	state_wake_launcher();
}

/*
 * Queue a snapshot of a database, for this reason, attempt and slot.  Its name
 * has the first second, not before "earliest", that no other run of the
 * database on this server has.  A session's request joins the run that another
 * session has queued, if no worker has attached to it yet; that run keeps its
 * own reason, and is full if either wants that.  Returns false when too many
 * runs are queued; else the run is in *run.
 */
bool
state_submit_snapshot(const RunRequest *request, TimestampTz earliest,
					  Run *run)
{
	RunRequest	named = *request;
	Run		   *entry = NULL;
	TimestampTz start = earliest - earliest % USECS_PER_SEC;

	Assert(request->kind == KIND_SNAPSHOT);

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	start = move_start(start, state_shared->last_start);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (other->state == RUN_NONE || other->request.kind != KIND_SNAPSHOT ||
			strcmp(other->request.database, request->database) != 0)
			continue;
		if (state_is_requested(request->reason) &&
			state_is_requested(other->request.reason) &&
			(other->state == RUN_QUEUED || other->state == RUN_STARTING))
			entry = other;
		start = move_start(start, other->request.start);
	}

	if (entry == NULL)
	{
		entry = find_free_entry();
		if (entry != NULL)
		{
			named.start = start;
			(void) names_make(named.database, start, named.name);
			queue_run(entry, &named);
		}
	}
	else
		entry->request.full |= request->full;
	if (entry != NULL)
		*run = *entry;
	LWLockRelease(state_lock);
	return entry != NULL;
}

/* As queue_run(), for a run that is not a snapshot. */
static void
queue_task(Run *run, const RunRequest *request)
{
	queue_run(run, request);
	run->request.reason = REASON_MANUAL;
}

/*
 * Queue a run that takes no snapshot.  Returns false when too many runs are
 * queued; else the run is in *run.
 */
bool
state_submit_task(const RunRequest *request, Run *run)
{
	Run		   *entry;

	Assert(request->kind != KIND_SNAPSHOT && request->kind != KIND_ALERT);

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	entry = find_free_entry();
	if (entry != NULL)
	{
		queue_task(entry, request);
		*run = *entry;
	}
	LWLockRelease(state_lock);
	return entry != NULL;
}

/*
 * Queue an alert about a run that failed with that error.  Returns false when
 * too many alerts, or too many runs, are queued.
 */
bool
state_submit_alert(const RunRequest *request, const RunError *failure)
{
	Run		   *entry;

	Assert(request->kind == KIND_ALERT);

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	entry = may_alert() ? find_free_entry() : NULL;
	if (entry != NULL)
	{
		queue_task(entry, request);
		entry->outcome.error = *failure;
	}
	LWLockRelease(state_lock);
	return entry != NULL;
}

/* Does an active run block this one?  The caller holds the lock. */
static bool
has_to_wait(const RunRequest *request)
{
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		const Run  *run = &state_shared->runs[i];

		if (run_is_active(run) && run_waits_for(request, &run->request))
			return true;
	}
	return false;
}

/*
 * Begin to verify this snapshot in the worker's run, which verifies many.
 * Returns false when another run is working on the snapshot.
 */
bool
state_begin_verifying(const char *name)
{
	RunRequest	verification;
	bool		begun = false;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
	{
		verification = MyRun->request;
		strlcpy(verification.name, name, sizeof(verification.name));
		begun = !has_to_wait(&verification);
		if (begun)
			MyRun->request = verification;
	}
	LWLockRelease(state_lock);
	return begun;
}

/*
 * Find the oldest run of a queue that can start now: only one snapshot of a
 * database is taken, and only one outcome of a verification is written, at a
 * time.  Returns false if no run can start.
 */
bool
state_next_request(RunQueue queue, Run *run)
{
	Run		   *first = NULL;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (other->state == RUN_QUEUED && run_queue(&other->request) == queue &&
			(first == NULL || other->id < first->id) &&
			!has_to_wait(&other->request))
			first = other;
	}
	if (first != NULL)
		*run = *first;
	LWLockRelease(state_lock);
	return first != NULL;
}

/* Count the runs of a queue that are starting or running. */
int
state_count_active(RunQueue queue)
{
	int			count = 0;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (run_is_active(&state_shared->runs[i]) &&
			run_queue(&state_shared->runs[i].request) == queue)
			count++;
	}
	LWLockRelease(state_lock);
	return count;
}

/* Is a snapshot of the database queued, or being taken? */
bool
state_is_busy(const char *database)
{
	bool		busy = false;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS && !busy; i++)
	{
		Run		   *run = &state_shared->runs[i];

		busy = (run_is_active(run) || run->state == RUN_QUEUED) &&
			run->request.kind == KIND_SNAPSHOT &&
			strcmp(run->request.database, database) == 0;
	}
	LWLockRelease(state_lock);
	return busy;
}

/*
 * Find the oldest run that is taking a snapshot.  Returns false if no run is
 * found.
 */
bool
state_first_running(Run *run)
{
	Run		   *first = NULL;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (run_is_active(other) && other->request.kind == KIND_SNAPSHOT &&
			(first == NULL || other->id < first->id))
			first = other;
	}
	if (first != NULL)
		*run = *first;
	LWLockRelease(state_lock);
	return first != NULL;
}

/* Record that the launcher is about to register a worker for this run. */
void
state_set_starting(uint64 id)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL)
		run->state = RUN_STARTING;
	LWLockRelease(state_lock);
}
