/*-------------------------------------------------------------------------
 *
 * started_workers.c
 *	  The workers that the launcher has registered, until they end.
 *
 * A worker reports the outcome of its run itself.  The launcher does that for
 * a worker that never attached to its run, or that exited without reporting.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "launcher/started_workers.h"
#include "util/clock.h"
#include "worker/worker.h"

/* How long a run waits for a free background worker slot. */
#define SLOT_PATIENCE_SECONDS	30

typedef struct StartedWorker
{
	uint64		run_id;
	bool		registered;		/* false while no slot is free */
	BackgroundWorkerHandle *handle; /* if registered */
	double		give_up_at;		/* on clock_seconds(), if not registered */
} StartedWorker;

static const RunError no_slot = {
	.sqlerrcode = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
	.message = "no background worker slot is free for the snapshot worker",
	.hint = "Raise \"max_worker_processes\" and restart the server.",
};

static const RunError not_started = {
	.sqlerrcode = ERRCODE_INSUFFICIENT_RESOURCES,
	.message = "could not start the snapshot worker",
	.hint = "See the server log for details.",
};

static const RunError lost = {
	.sqlerrcode = ERRCODE_INTERNAL_ERROR,
	.message = "the snapshot worker exited unexpectedly",
	.hint = "See the server log for details.",
};

static void
register_worker(StartedWorkers *workers, StartedWorker *worker, const Run *run)
{
	MemoryContext caller = MemoryContextSwitchTo(workers->context);

	worker->registered = worker_start(run, &worker->handle);
	MemoryContextSwitchTo(caller);
}

/*
 * Start a worker for a run.  If no slot is free, as during parallel queries,
 * the run waits for one.
 */
void
started_workers_add(StartedWorkers *workers, Breaker *breaker, const Run *run)
{
	MemoryContext caller;
	StartedWorker *worker;

	/* before anything that could crash exists */
	breaker_begin(breaker, &run->request);

	/* before the rest, so that an error below leaves an entry to check */
	caller = MemoryContextSwitchTo(workers->context);
	worker = palloc0(sizeof(StartedWorker));
	worker->run_id = run->id;
	worker->give_up_at = clock_seconds() + SLOT_PATIENCE_SECONDS;
	workers->list = lappend(workers->list, worker);
	MemoryContextSwitchTo(caller);

	state_set_starting(run->id);
	register_worker(workers, worker, run);
}

/*
 * Try again to register a worker.  Returns false when the run stops waiting:
 * it was canceled, or has waited too long and failed.
 */
static bool
retry_worker(StartedWorkers *workers, StartedWorker *worker)
{
	Run			run;

	if (!state_get(worker->run_id, &run) || run.state != RUN_STARTING)
		return false;
	register_worker(workers, worker, &run);
	if (worker->registered || clock_seconds() < worker->give_up_at)
		return true;
	state_fail(worker->run_id, RUN_STARTING, &no_slot);
	return false;
}

/* Is a worker registered, and has not exited? */
static bool
is_alive(StartedWorker *worker)
{
	pid_t		pid;
	BgwHandleStatus status = GetBackgroundWorkerPid(worker->handle, &pid);

	return status != BGWH_STOPPED && status != BGWH_POSTMASTER_DIED;
}

/* Fail runs whose worker exited without reporting, or cannot be started. */
void
started_workers_check(StartedWorkers *workers)
{
	ListCell   *lc;

	foreach(lc, workers->list)
	{
		StartedWorker *worker = lfirst(lc);

		if (worker->registered ? is_alive(worker) :
			retry_worker(workers, worker))
			continue;
		if (worker->registered)
			pfree(worker->handle);
		/* has no effect on a run whose worker attached */
		state_fail(worker->run_id, RUN_STARTING, &not_started);
		workers->list = foreach_delete_current(workers->list, lc);
		pfree(worker);
	}
	state_finish_lost(&lost);
}

/* Does a run wait for a free background worker slot? */
bool
started_workers_wait(const StartedWorkers *workers)
{
	ListCell   *lc;

	foreach(lc, workers->list)
	{
		if (!((StartedWorker *) lfirst(lc))->registered)
			return true;
	}
	return false;
}
