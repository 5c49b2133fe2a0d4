/*-------------------------------------------------------------------------
 *
 * shared_runs.c
 *	  The runs in shared memory: asked for, in progress, ended.
 *
 * A run is asked for by a session or by the launcher's schedule (queued), the
 * launcher asks for a worker (starting), the worker takes it up (running), and
 * whoever sees it end writes down the outcome, which stays there for those
 * who wait until the entry is needed again, oldest first.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "shared_struct.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

static bool
is_active(const Run *run)
{
	return run->state == RUN_STARTING || run->state == RUN_RUNNING;
}

static bool
is_finished(const Run *run)
{
	return run->state == RUN_SUCCEEDED || run->state == RUN_FAILED;
}

/* The entry of a run, or NULL.  The caller holds the lock. */
static Run *
find(uint64 id)
{
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (state_shared->runs[i].id == id && state_shared->runs[i].state != RUN_NONE)
			return &state_shared->runs[i];
	}
	return NULL;
}

static RunQueue
queue_of(const Run *run)
{
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
		if (is_active(&state_shared->runs[i]) &&
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
		if (is_finished(run) && run->collected &&
			(oldest == NULL || run->finished_at < oldest->finished_at))
			oldest = run;
	}
	return oldest;
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
	place = free_place();
	if (place != NULL)
	{
		*place = *task;
		place->id = ++state_shared->last_id;
		place->state = RUN_QUEUED;
		place->reason = REASON_MANUAL;
		place->attempt = 1;
		*run = *place;
		state_wake_launcher();
	}
	LWLockRelease(state_lock);
	return place != NULL;
}

/* Note the end of a run.  The caller holds the lock. */
static void
set_finished(Run *run, TimestampTz now, int64 size, const RunError *error)
{
	Outcomes   *outcomes = &state_shared->outcomes;

	run->state = error == NULL ? RUN_SUCCEEDED : RUN_FAILED;
	run->finished_at = now;
	run->worker_pid = 0;
	run->size = size;
	if (error != NULL)
		run->error = *error;
	if (run->kind != KIND_SNAPSHOT)
		;						/* the outcomes are those of snapshots */
	else if (error == NULL)
		outcomes->last_success_at = now;
	else
	{
		outcomes->last_failure_at = now;
		snprintf(outcomes->last_error, sizeof(outcomes->last_error),
				 "database \"%s\": %s%s%s", run->database, error->message,
				 error->detail[0] != '\0' ? "\n" : "", error->detail);
	}
	state_wake_launcher();
}

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
	run = find(id);
	if (run != NULL && run->state == state)
		set_finished(run, now, 0, error);
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
			pids[npids++] = run->worker_pid;
		else if (run->state == RUN_QUEUED || run->state == RUN_STARTING)
		{
			set_finished(run, now, 0, &canceled);
			count++;
		}
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);

	for (int i = 0; i < npids; i++)
	{
		if (BackendPidGetProc(pids[i]) != NULL && kill(pids[i], SIGINT) == 0)
			count++;
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
	run = find(id);
	if (run != NULL && run->state == RUN_RUNNING)
		pid = run->worker_pid;
	else if (run != NULL && !is_finished(run))
		set_finished(run, now, 0, &canceled);
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);

	/* it may have gone since */
	if (pid != 0 && BackendPidGetProc(pid) != NULL)
		(void) kill(pid, SIGINT);
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

		if (is_active(run) &&
			(run->kind == KIND_VERIFY || run->kind == KIND_SNAPSHOT) &&
			strcmp(run->name, name) == 0)
			return true;
	}
	return false;
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
		case KIND_RESTORE:
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
		if (is_active(&state_shared->runs[i]) &&
			queue_of(&state_shared->runs[i]) == queue)
			count++;
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
			state_shared->runs[i].worker_pid == pid;
	LWLockRelease(state_lock);
	return found;
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

		busy = (is_active(run) || run->state == RUN_QUEUED) &&
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

		if (is_active(other) && other->kind == KIND_SNAPSHOT &&
			(first == NULL || other->id < first->id))
			first = other;
	}
	if (first != NULL)
		*run = *first;
	LWLockRelease(state_lock);
	return first != NULL;
}

/* A copy of a run; false when its entry has been given to another one. */
bool
state_get(uint64 id, Run *run)
{
	Run		   *found;

	LWLockAcquire(state_lock, LW_SHARED);
	found = find(id);
	if (found != NULL)
		*run = *found;
	LWLockRelease(state_lock);
	return found != NULL;
}

/* The launcher is about to ask for a worker for this run. */
void
state_set_starting(uint64 id)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL)
		run->state = RUN_STARTING;
	LWLockRelease(state_lock);
}

/*
 * This process is the worker of a run.  Returns false when the run is not to
 * be started (any more).
 */
bool
state_attach(uint64 id, Run *run)
{
	Run		   *found;
	bool		attached = false;
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = find(id);
	if (found != NULL && found->state == RUN_STARTING)
	{
		found->state = RUN_RUNNING;
		found->worker_pid = MyProcPid;
		found->started_at = now;
		*run = *found;
		attached = true;
	}
	LWLockRelease(state_lock);
	return attached;
}

/* The name under which a run will be published. */
void
state_set_name(uint64 id, const char *name)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL)
		strlcpy(run->name, name, sizeof(run->name));
	LWLockRelease(state_lock);
}

/* The snapshot of a run has its name. */
void
state_set_published(uint64 id)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL)
		run->published = true;
	LWLockRelease(state_lock);
}

/* A run is about to make this scratch database, or ("") has none any more. */
void
state_set_scratch(uint64 id, const char *scratch)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL)
		strlcpy(run->scratch, scratch, sizeof(run->scratch));
	LWLockRelease(state_lock);
}

/* A run has come this far.  Its percentage does not fall. */
void
state_set_progress(uint64 id, const Progress *progress)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL)
	{
		int			percent = Max(run->progress.percent, progress->percent);

		run->progress = *progress;
		run->progress.percent = percent;
	}
	LWLockRelease(state_lock);
}

/* Its scratch database is as the manifest says when error is NULL. */
void
state_set_comparison(uint64 id, const RunError *error)
{
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL)
	{
		run->comparison = error == NULL ? COMPARISON_EQUAL :
			COMPARISON_DIFFERENT;
		if (error != NULL)
			run->error = *error;
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
		if (is_active(&state_shared->runs[i]))
			(*runs)[count++] = state_shared->runs[i];
	}
	LWLockRelease(state_lock);
	return count;
}

/*
 * A run has ended: well, when error is NULL.  reported and recorded tell
 * whether the log and the history were told already; if not, the launcher
 * tells them.  Does nothing when the end of the run is known.
 */
void
state_finish(uint64 id, int64 size, const RunError *error,
			 bool reported, bool recorded)
{
	TimestampTz now = GetCurrentTimestamp();
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = find(id);
	if (run != NULL && !is_finished(run))
	{
		run->reported = reported;
		run->recorded = recorded;
		set_finished(run, now, size, error);
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/*
 * Runs whose worker is no longer there have failed.  A worker notes its own
 * end; this is for one that could not do even that.
 */
void
state_finish_lost(const RunError *error)
{
	uint64		ids[STATE_MAX_RUNS];
	pid_t		pids[STATE_MAX_RUNS];
	int			count = 0;

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (state_shared->runs[i].state == RUN_RUNNING)
		{
			ids[count] = state_shared->runs[i].id;
			pids[count++] = state_shared->runs[i].worker_pid;
		}
	}
	LWLockRelease(state_lock);

	for (int i = 0; i < count; i++)
	{
		if (kill(pids[i], 0) != 0 && errno == ESRCH)
			state_finish(ids[i], 0, error, false, false);
	}
}

/*
 * The next run whose outcome the launcher has not heard of; false when there
 * is none.
 */
bool
state_collect(Run *run)
{
	Run		   *first = NULL;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *other = &state_shared->runs[i];

		if (is_finished(other) && !other->collected &&
			(first == NULL || other->finished_at < first->finished_at))
			first = other;
	}
	if (first != NULL)
	{
		first->collected = true;
		*run = *first;
	}
	LWLockRelease(state_lock);
	return first != NULL;
}

/* The word for a reason, in manifests and lists. */
const char *
state_reason_name(RunReason reason)
{
	switch (reason)
	{
		case REASON_SCHEDULE:
			return "schedule";
		case REASON_CATCH_UP:
			return "catch-up";
		case REASON_MANUAL:
			return "manual";
		case REASON_BEFORE_DROP:
			return "before drop";
	}
	return "unknown";
}

/* Does a session ask for runs of this reason, and not the schedule? */
bool
state_is_requested(RunReason reason)
{
	return reason == REASON_MANUAL || reason == REASON_BEFORE_DROP;
}
