/*-------------------------------------------------------------------------
 *
 * run_table.c
 *	  The runs in shared memory: in progress, and ended.
 *
 * The worker that the launcher started (see run_queue.c) attaches to the entry
 * of its run.  From then until it reports the outcome, other processes change
 * that entry only to cancel the run or, if the worker has died, to report
 * that.  The outcome stays for waiting sessions until another run needs the
 * entry; the entries of the oldest runs are reused first.
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

/* The entry of the run that this process works on, or NULL. */
Run		   *MyRun = NULL;

/* Return the entry of a run, or NULL.  The caller holds the lock. */
Run *
state_find_run(uint64 id)
{
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		if (state_shared->runs[i].id == id &&
			state_shared->runs[i].state != RUN_NONE)
			return &state_shared->runs[i];
	}
	return NULL;
}

/*
 * Write the database, message and detail (or "") of a failure into a buffer.
 * The database is left out if the message begins with it.
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

/*
 * Set the outcome of a run: success when error is NULL.  Wakes the launcher.
 * The caller holds the lock, and wakes waiting sessions after it has released
 * the lock.
 */
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

	/*
	 * An archive run that found another one running has tried nothing, so the
	 * last error remains.  Other kinds concern only the session that
	 * requested the run.
	 */
	if (run->request.kind == KIND_ARCHIVE && !run->outcome.busy)
	{
		outcomes->archive_error[0] = '\0';
		if (error != NULL)
			snprintf(outcomes->archive_error, sizeof(outcomes->archive_error),
					 "%s%s%s%s%s", run->request.name, run->request.name[0] != '\0' ? ": " : "",
					 error->message,
					 error->detail[0] != '\0' ? "\n" : "", error->detail);
	}
	else if (run->request.kind == KIND_SNAPSHOT && error == NULL)
		outcomes->last_success_at = now;
	else if (run->request.kind == KIND_SNAPSHOT)
	{
		outcomes->last_failure_at = now;
		state_describe_failure(outcomes->last_error,
							   sizeof(outcomes->last_error), run->request.database,
							   error->message, error->detail);
	}
	state_wake_launcher();
}

/* Copy a run.  Returns false when its entry now belongs to another run. */
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
 * Fail a run that has no worker, or whose worker has exited.  Does nothing
 * unless the run is in the given state.  The launcher adds the outcome to log
 * and history.
 */
void
state_fail(uint64 id, RunState state, const RunError *error)
{
	TimestampTz now = GetCurrentTimestamp();
	Run		   *run;

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	run = state_find_run(id);
	if (run != NULL && run->state == state)
		state_set_finished(run, now, 0, error);
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/*
 * Become the worker of a run, and copy the run to *run.  Returns false when
 * the run has ended already, or has another worker.
 */
bool
state_attach(uint64 id, Run *run)
{
	Run		   *found;
	TimestampTz now = GetCurrentTimestamp();
	double		began = clock_seconds();

	Assert(MyRun == NULL);

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	found = state_find_run(id);
	if (found != NULL && found->state == RUN_STARTING)
	{
		found->state = RUN_RUNNING;
		found->progress.worker_pid = MyProcPid;
		found->progress.started_at = now;
		found->progress.began = began;
		*run = *found;
		MyRun = found;
	}
	LWLockRelease(state_lock);
	return MyRun != NULL;
}

/* Was the worker's run canceled since the worker attached? */
bool
state_is_canceled(void)
{
	bool		canceled;

	LWLockAcquire(state_lock, LW_SHARED);
	canceled = MyRun != NULL && MyRun->canceled;
	LWLockRelease(state_lock);
	return canceled;
}

/* Set the snapshot that the worker's run is about. */
void
state_set_name(const char *name)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
		strlcpy(MyRun->request.name, name, sizeof(MyRun->request.name));
	LWLockRelease(state_lock);
}

/* Record that the snapshot of the worker's run has been published. */
void
state_set_published(void)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
		MyRun->outcome.published = true;
	LWLockRelease(state_lock);
}

/*
 * Record that the worker's run archived nothing, because another archive
 * command is running, perhaps one of another server.
 */
void
state_set_busy(void)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
		MyRun->outcome.busy = true;
	LWLockRelease(state_lock);
}

/*
 * Record the scratch database that the worker is about to create, or ("") that
 * its run no longer has one.
 */
void
state_set_scratch(const char *scratch)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
		strlcpy(MyRun->progress.scratch, scratch,
				sizeof(MyRun->progress.scratch));
	LWLockRelease(state_lock);
}

/*
 * Publish the progress of the worker's run.  The percentage never decreases.
 */
void
state_set_progress(const Progress *progress)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
	{
		Progress   *shown = &MyRun->progress.shown;
		int			percent = Max(shown->percent, progress->percent);

		*shown = *progress;
		shown->percent = percent;
	}
	LWLockRelease(state_lock);
}

/*
 * End the worker's run, successfully when error is NULL.  reported and
 * in_history tell whether log and history have the outcome; if not, the
 * launcher adds it.  Does nothing when the worker has ended its run before.
 */
void
state_finish(int64 size, const RunError *error, bool reported, bool in_history)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
	{
		MyRun->outcome.reported = reported;
		MyRun->outcome.in_history = in_history;
		state_set_finished(MyRun, now, size, error);
		/* the entry can now go to another run */
		MyRun = NULL;
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/*
 * Fail the runs whose worker has died without reporting an outcome.  Looks for
 * the processes with kill(), not among the backends of the server: a worker
 * that has just attached is not one of those yet.
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
		const Run  *run = &state_shared->runs[i];

		if (run->state == RUN_RUNNING)
		{
			ids[count] = run->id;
			pids[count++] = run->progress.worker_pid;
		}
	}
	LWLockRelease(state_lock);

	for (int i = 0; i < count; i++)
	{
		if (kill(pids[i], 0) != 0 && errno == ESRCH)
			state_fail(ids[i], RUN_RUNNING, error);
	}
}

/*
 * Copy the run that ended first among those whose outcome the launcher has not
 * processed yet, and mark it as processed.  Returns false when no such run is
 * left.
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
			(first == NULL ||
			 other->outcome.finished_at < first->outcome.finished_at))
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
 * Copy all runs that are starting or running to a palloc'd array.  Returns
 * their number.
 */
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
	{
		const Run  *run = &state_shared->runs[i];

		found = run->state == RUN_RUNNING && run->progress.worker_pid == pid;
	}
	LWLockRelease(state_lock);
	return found;
}

/*
 * Return the seconds since the worker of a run attached, or 0 if none has.
 * Setting the system's clock does not affect them.
 */
double
state_seconds_taken(const Run *run)
{
	return run->progress.began == 0 ? 0 :
		clock_seconds() - run->progress.began;
}
