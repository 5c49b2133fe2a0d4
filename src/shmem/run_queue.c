/*-------------------------------------------------------------------------
 *
 * run_queue.c
 *	  The runs in shared memory that are asked for: which comes next.
 *
 * A run is asked for by a session or by the launcher's schedule (queued), and
 * the launcher asks for a worker (starting).  What comes then is in
 * run_table.c.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "shmem/shared_struct.h"

static RunQueue
queue_of(const Run *run)
{
	if (run->kind == KIND_ARCHIVE)
		return QUEUE_ARCHIVE;
	if (run->kind == KIND_ALERT)
		return QUEUE_ALERTS;
	if (run->kind == KIND_VERIFY_ALL)
		return QUEUE_SWEEPS;
	if (run->kind != KIND_SNAPSHOT)
		return QUEUE_TASKS;
	return state_is_requested(run->reason) ? QUEUE_REQUESTED : QUEUE_SCHEDULED;
}

/* Is a snapshot of the database being taken?  The caller holds the lock. */
static bool
is_busy(const char *database)
{
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (run_is_active(&state_shared->runs[i]) &&
			state_shared->runs[i].kind == KIND_SNAPSHOT &&
			strcmp(state_shared->runs[i].database, database) == 0)
			return true;
	}
	return false;
}

/*
 * A place for a new run: an unused one, or that of the run whose outcome has
 * been known for longest.  NULL when there is none.  The caller holds the
 * lock.
 */
static Run *
free_place(void)
{
	Run		   *oldest = NULL;

	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *run = &state_shared->runs[i];

		if (run->state == RUN_NONE)
			return run;
		if (run_is_finished(run) && run->collected &&
			(oldest == NULL || run->finished_at < oldest->finished_at))
			oldest = run;
	}
	return oldest;
}

/* Is there room for one more alert?  The caller holds the lock. */
static bool
may_alert(void)
{
	int			alerts = 0;

	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		const Run  *run = &state_shared->runs[i];

		if (run->kind == KIND_ALERT && run->state != RUN_NONE &&
			!run_is_finished(run))
			alerts++;
	}
	return alerts < STATE_MAX_ALERTS;
}

/*
 * The start, or the second after another run's if that is not before it.  A
 * clock that was set back is no reason to wait for it, though.
 */
static TimestampTz
after(TimestampTz other, TimestampTz start)
{
	if (other >= start && other < start + USECS_PER_HOUR)
		return other + USECS_PER_SEC;
	return start;
}

/* Runs of earlier lives of the server had names up to this start. */
void
state_set_last_start(TimestampTz last_start)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->last_start = last_start;
	LWLockRelease(state_lock);
}

/*
 * The run of a database for a slot that is on, or whose outcome the launcher
 * has not heard of; false when there is none.
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
			other->kind == KIND_SNAPSHOT &&
			other->scheduled_for == slot &&
			strcmp(other->database, database) == 0;
		if (found)
			*run = *other;
	}
	LWLockRelease(state_lock);
	return found;
}

/*
 * Queue a run of a database, to be named by the first second from earliest on
 * that no other run of this database here has.  A session's request joins
 * another session's that has not begun to look at the database yet, and that
 * keeps its reason.
 * Returns false when too many runs are queued; else the run is in *run.
 */
bool
state_submit(const char *database, RunReason reason, int attempt,
			 TimestampTz scheduled_for, TimestampTz earliest, Run *run)
{
	Run		   *place = NULL;
	TimestampTz start = earliest - earliest % USECS_PER_SEC;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	start = after(state_shared->last_start, start);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (other->state == RUN_NONE || other->kind != KIND_SNAPSHOT ||
			strcmp(other->database, database) != 0)
			continue;
		if (state_is_requested(reason) && state_is_requested(other->reason) &&
			(other->state == RUN_QUEUED || other->state == RUN_STARTING))
			place = other;
		start = after(other->start, start);
	}

	if (place == NULL)
	{
		place = free_place();
		if (place != NULL)
		{
			memset(place, 0, sizeof(*place));
			place->id = ++state_shared->last_id;
			place->state = RUN_QUEUED;
			place->reason = reason;
			strlcpy(place->database, database, sizeof(place->database));
			place->start = start;
			(void) names_make(database, start, place->name);
			place->scheduled_for = scheduled_for;
			place->attempt = attempt;
			state_wake_launcher();
		}
	}
	if (place != NULL)
		*run = *place;
	LWLockRelease(state_lock);
	return place != NULL;
}

/*
 * Queue a run that takes no snapshot, with what "task" says of it.  Returns
 * false when too many runs are queued; else the run is in *run.
 */
bool
state_submit_task(const Run *task, Run *run)
{
	Run		   *place;

	Assert(task->kind != KIND_SNAPSHOT);

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	place = task->kind == KIND_ALERT && !may_alert() ? NULL : free_place();
	if (place != NULL)
	{
		*place = *task;
		place->id = ++state_shared->last_id;
		place->state = RUN_QUEUED;
		place->reason = REASON_MANUAL;
		place->attempt = Max(task->attempt, 1);
		*run = *place;
		state_wake_launcher();
	}
	LWLockRelease(state_lock);
	return place != NULL;
}

/*
 * Is the snapshot of that name being verified, or taken, after which it may be
 * verified?  The caller holds the lock.
 */
static bool
is_being_verified(const char *name)
{
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		const Run  *run = &state_shared->runs[i];

		if (run_is_active(run) &&
			(run->kind == KIND_VERIFY || run->kind == KIND_VERIFY_ALL ||
			 run->kind == KIND_SNAPSHOT) &&
			strcmp(run->name, name) == 0)
			return true;
	}
	return false;
}

/*
 * A run that verifies many snapshots comes to this one, which is its name from
 * then on.  Returns false when another run is at that snapshot.
 */
bool
state_begin_verifying(uint64 id, const char *name)
{
	Run		   *run;
	bool		begun;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	begun = run != NULL && !is_being_verified(name);
	if (begun)
		strlcpy(run->name, name, sizeof(run->name));
	LWLockRelease(state_lock);
	return begun;
}

/* Is another run in the way of this one?  The caller holds the lock. */
static bool
has_to_wait(const Run *run)
{
	switch (run->kind)
	{
		case KIND_SNAPSHOT:
			return is_busy(run->database);
		case KIND_VERIFY:
			return is_being_verified(run->name);
		case KIND_VERIFY_ALL:
		case KIND_RESTORE:
		case KIND_ARCHIVE:
		case KIND_ALERT:
		case KIND_SWEEP:
			break;
	}
	return false;
}

/*
 * The queued run that a session asked for first, of those in a queue for which
 * no other run is in the way: one snapshot of a database is taken at a time, and
 * one outcome of a verification is written.
 */
bool
state_next_request(RunQueue queue, Run *run)
{
	Run		   *first = NULL;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (other->state == RUN_QUEUED && queue_of(other) == queue &&
			(first == NULL || other->id < first->id) &&
			!has_to_wait(other))
			first = other;
	}
	if (first != NULL)
		*run = *first;
	LWLockRelease(state_lock);
	return first != NULL;
}

/* How many runs of a queue are starting or running. */
int
state_count_active(RunQueue queue)
{
	int			count = 0;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (run_is_active(&state_shared->runs[i]) &&
			queue_of(&state_shared->runs[i]) == queue)
			count++;
	}
	LWLockRelease(state_lock);
	return count;
}

/* Is a snapshot of the database asked for, or being taken? */
bool
state_is_busy(const char *database)
{
	bool		busy = false;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS && !busy; i++)
	{
		Run		   *run = &state_shared->runs[i];

		busy = (run_is_active(run) || run->state == RUN_QUEUED) &&
			run->kind == KIND_SNAPSHOT &&
			strcmp(run->database, database) == 0;
	}
	LWLockRelease(state_lock);
	return busy;
}

/* The snapshot being taken that was asked for first. */
bool
state_first_running(Run *run)
{
	Run		   *first = NULL;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (run_is_active(other) && other->kind == KIND_SNAPSHOT &&
			(first == NULL || other->id < first->id))
			first = other;
	}
	if (first != NULL)
		*run = *first;
	LWLockRelease(state_lock);
	return first != NULL;
}

/* The launcher is about to ask for a worker for this run. */
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
