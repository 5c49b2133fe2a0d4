/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The worker process: executes one run and exits.
 *
 * A snapshot worker is a dynamic background worker connected to the database
 * of its run, or to another one if the run takes no snapshot.  It executes one
 * run, and exits with code 0 whether the run succeeded or failed: the outcome
 * is in shared memory, and the launcher decides about retries.
 *
 * It can end in three ways.  An ERROR is caught in snapshot_worker_main().  A
 * FATAL error (no connection to the database, or an administrator's command)
 * ends the process through end_of_worker(), which also stops the child and
 * removes the staging directory.  A crash of the server leaves the staging
 * directory for a sweep.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "database/catalog_query.h"
#include "shmem/run_kinds.h"
#include "shmem/shared_state.h"
#include "store/staging.h"
#include "tools/child_process.h"
#include "util/errors.h"
#include "util/process.h"
#include "util/test_step.h"
#include "worker/alert_run.h"
#include "worker/archive_run.h"
#include "worker/restore.h"
#include "worker/restore_table.h"
#include "worker/run_report.h"
#include "worker/scratch_database.h"
#include "worker/take_snapshot.h"
#include "worker/verify.h"
#include "worker/worker.h"

static RunContext cxt;

static bool fatal_known = false;
static RunError fatal;			/* why this process is ending */

static emit_log_hook_type prev_emit_log_hook = NULL;

/*
 * Register a worker for a run.  Returns false if the server has no free slot.
 */
bool
worker_start(const Run *run, BackgroundWorkerHandle **handle)
{
	const char *database = run_database(&run->request);
	BackgroundWorker worker;

	StaticAssertStmt(sizeof(run->id) <= BGW_EXTRALEN, "room for a run");

	process_describe(&worker, "snapshot_worker_main", "snapshot_worker");
	worker.bgw_notify_pid = MyProcPid;
	if (database != NULL)
		snprintf(worker.bgw_name, sizeof(worker.bgw_name),
				 "snapshot_worker for database %s", database);
	memcpy(worker.bgw_extra, &run->id, sizeof(run->id));
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/*
 * Publish the outcome of the run.  error is that of the run; after
 * publication, it is that of a later step and does not fail the run.
 */
static void
finish_run(const RunError *error)
{
	if (cxt.run.outcome.published)
	{
		if (error != NULL)
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("could not apply retention to database \"%s\": %s",
							cxt.run.request.database, error->message)));
		state_finish(cxt.manifest.size, cxt.verify_error, true,
					 cxt.run.outcome.in_history);
		return;
	}
	if (error != NULL)
		report_failure(&cxt.run.request, error);
	if (cxt.run.request.kind == KIND_SNAPSHOT)
		report_history(&cxt.run, NULL, error);
	state_finish(0, error, true, true);
}

/* Execute the run. */
static void
do_run(void)
{
	/* before the first transaction, which has a timeout of its own */
	catalog_prepare_process();
	switch (cxt.run.request.kind)
	{
		case KIND_SNAPSHOT:
			take_snapshot(&cxt);
			verify_after_snapshot(&cxt);
			report_history(&cxt.run, &cxt.manifest, cxt.verify_error);
			cxt.run.outcome.in_history = true;
			run_prune(&cxt);
			break;
		case KIND_VERIFY:
			verify_run(&cxt);
			break;
		case KIND_VERIFY_ALL:
			run_prepare(&cxt);
			verify_all(&cxt);
			break;
		case KIND_RESTORE:
			restore_snapshot(&cxt);
			break;
		case KIND_RESTORE_TABLE:
			restore_table(&cxt);
			break;
		case KIND_ARCHIVE:
			run_prepare(&cxt);
			archive_snapshots(&cxt);
			break;
		case KIND_ALERT:
			alert_run(&cxt);
			break;
		case KIND_SWEEP:
			test_step("sweeping scratch databases");
			scratch_sweep();
			break;
	}
}

/* emit_log_hook: save the first FATAL error, which ends this process. */
static void
note_fatal(ErrorData *edata)
{
	if (edata->elevel >= FATAL && !fatal_known)
	{
		report_fill_error(&fatal, edata);
		fatal_known = true;
		if (edata->sqlerrcode == ERRCODE_UNDEFINED_DATABASE)
			strlcpy(fatal.hint,
					"It was dropped or renamed, or \"snapshot_worker.databases\" names a database that does not exist.",
					sizeof(fatal.hint));
	}
	if (prev_emit_log_hook)
		prev_emit_log_hook(edata);
}

/*
 * before_shmem_exit callback: however the process ends, except by a crash,
 * report the outcome and clean up.  Does nothing if the run has finished.  An
 * error in here would be FATAL, so the launcher writes the history; if the
 * whole server is shutting down, the next launcher finds what
 * staging_abandon() leaves.
 */
static void
end_of_worker(int code, Datum arg)
{
	const RunOutcome *outcome = &cxt.run.outcome;
	RunError	error = fatal;

	child_stop();
	staging_abandon(&cxt.staging);
	replace_cancel(&cxt.archived);
	if (!fatal_known)
	{
		error.sqlerrcode = ERRCODE_ADMIN_SHUTDOWN;
		strlcpy(error.message, "the snapshot worker was stopped",
				sizeof(error.message));
	}
	state_finish(cxt.manifest.size,
				 outcome->published ? NULL : &error,
				 outcome->published, outcome->in_history);
}

/* Entry point of a snapshot worker. */
void
snapshot_worker_main(Datum main_arg)
{
	uint64		run_id;
	MemoryContext context;

	pqsignal(SIGTERM, die);
	child_init();
	BackgroundWorkerUnblockSignals();

	memcpy(&run_id, MyBgworkerEntry->bgw_extra, sizeof(run_id));
	cxt.staging.owner_fd = -1;
	cxt.staging.manifest_fd = -1;
	cxt.held = -1;
	cxt.archived.fd = -1;
	if (!state_attach(run_id, &cxt.run))
		proc_exit(0);
	before_shmem_exit(end_of_worker, 0);
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = note_fatal;

	test_step("attached");
	catalog_prepare_connection();
	BackgroundWorkerInitializeConnection(run_database(&cxt.run.request), NULL, 0);

	context = AllocSetContextCreate(TopMemoryContext, "snapshot worker",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		/* the run was canceled before this process could be interrupted */
		if (state_is_canceled())
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("canceled before it was started")));
		do_run();
		finish_run(NULL);
	}
	PG_CATCH();
	{
		RunError	error;
		ErrorData  *edata;

		HOLD_INTERRUPTS();
		edata = error_catch_and_abort(context);
		run_explain_timeout(edata);
		report_fill_error(&error, edata);
		/* for end_of_worker(), if another interrupt ends the process */
		fatal = error;
		fatal_known = true;
		run_limit_time(&cxt, 0);
		/* the run is over: a cancel must not prevent the cleanup */
		HOLD_CANCEL_INTERRUPTS();
		RESUME_INTERRUPTS();

		/* end_of_worker() completes whatever is interrupted from here on. */
		staging_discard(&cxt.staging);
		scratch_discard(&cxt);
		finish_run(&error);
	}
	PG_END_TRY();
	proc_exit(0);
}
