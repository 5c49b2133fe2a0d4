/*-------------------------------------------------------------------------
 *
 * run_table.c
 *	  The runs in shared memory: in progress, and ended.
 *
 * The worker that was asked for (see run_queue.c) takes a run up (running),
 * and whoever sees it end writes down the outcome, which stays there for those
 * who wait until the entry is needed again, oldest first.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "shmem/shared_struct.h"
#include "util/clock.h"

/* The entry of a run, or NULL.  The caller holds the lock. */
Run *
state_find_run(uint64 id)
{
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (state_shared->runs[i].id == id && state_shared->runs[i].state != RUN_NONE)
			return &state_shared->runs[i];
	}
	return NULL;
}

/*
 * Describe a failure by database, message and detail, which can be "", in a
 * buffer.  A message that begins with the database needs no such prefix.
 */
void
state_describe_failure(char *text, size_t size, const char *database,
					   const char *message, const char *detail)
{
	int			len = snprintf(text, size, "database \"%s\"", database);

	if (strncmp(message, text, len) == 0)
		len = 0;
	snprintf(text + len, size - len, "%s%s%s%s", len > 0 ? ": " : "",
			 message, detail[0] != '\0' ? "\n" : "", detail);
}

/* Note the end of a run.  The caller holds the lock. */
void
state_set_finished(Run *run, TimestampTz now, int64 size, const RunError *error)
{
	Outcomes   *outcomes = &state_shared->outcomes;

	run->state = error == NULL ? RUN_SUCCEEDED : RUN_FAILED;
	run->outcome.finished_at = now;
	run->progress.worker_pid = 0;
	memset(&run->progress.programs, 0, sizeof(run->progress.programs));
	run->outcome.size = size;
	if (error != NULL)
		run->outcome.error = *error;
	if (run->outcome.busy)
		;						/* it has not tried, so the last error stands */
	else if (run->request.kind == KIND_ARCHIVE)
	{
		outcomes->archive_error[0] = '\0';
		if (error != NULL)
			snprintf(outcomes->archive_error, sizeof(outcomes->archive_error),
					 "%s%s%s%s%s", run->request.name, run->request.name[0] != '\0' ? ": " : "",
					 error->message,
					 error->detail[0] != '\0' ? "\n" : "", error->detail);
	}
	else if (run->request.kind != KIND_SNAPSHOT)
		;						/* these are for whoever asked for them */
	else if (error == NULL)
		outcomes->last_success_at = now;
	else
	{
		outcomes->last_failure_at = now;
		state_describe_failure(outcomes->last_error,
							   sizeof(outcomes->last_error), run->request.database,
							   error->message, error->detail);
	}
	state_wake_launcher();
}

/* A copy of a run; false when its entry has been given to another one. */
bool
state_get(uint64 id, Run *run)
{
	Run		   *found;

	LWLockAcquire(state_lock, LW_SHARED);
	found = state_find_run(id);
	if (found != NULL)
		*run = *found;
	LWLockRelease(state_lock);
	return found != NULL;
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
	double		began = clock_seconds();

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = state_find_run(id);
	if (found != NULL && found->state == RUN_STARTING)
	{
		found->state = RUN_RUNNING;
		found->progress.worker_pid = MyProcPid;
		found->progress.started_at = now;
		found->progress.began = began;
		*run = *found;
		attached = true;
	}
	LWLockRelease(state_lock);
	return attached;
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
	run = state_find_run(id);
	if (run != NULL && !run_is_finished(run))
	{
		run->outcome.reported = reported;
		run->outcome.in_history = recorded;
		state_set_finished(run, now, size, error);
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
			pids[count++] = state_shared->runs[i].progress.worker_pid;
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

		if (run_is_finished(other) && !other->collected &&
			(first == NULL || other->outcome.finished_at < first->outcome.finished_at))
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

/*
 * Seconds since the worker of a run came, however the clock was set meanwhile;
 * 0 for a run that got none.
 */
double
state_seconds_taken(const Run *run)
{
	return run->progress.began == 0 ? 0 : clock_seconds() - run->progress.began;
}
