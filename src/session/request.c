/*-------------------------------------------------------------------------
 *
 * request.c
 *	  Queue a run on behalf of a session and wait for its outcome.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "session/request.h"
#include "session/sql_util.h"
#include "settings.h"
#include "store/database_folders.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/errors.h"

/* How long a request waits for a launcher. */
#define LAUNCHER_PATIENCE_SECONDS	30

/* How long to wait for the launcher to drop its pending jobs. */
#define CANCEL_PATIENCE_SECONDS		5

/*
 * Return the OID of a database.  Raises an error when no snapshot of it can be
 * taken.
 */
Oid
request_check_database(const char *database)
{
	HeapTuple	tuple = NULL;
	Oid			oid = get_database_oid(database, true);

	if (OidIsValid(oid))
		tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_DATABASE),
				 errmsg("database \"%s\" does not exist", database)));
	if (!((Form_pg_database) GETSTRUCT(tuple))->datallowconn)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("database \"%s\" does not allow connections",
						database),
				 errhint("Use ALTER DATABASE ... ALLOW_CONNECTIONS true.")));
	ReleaseSysCache(tuple);
	return oid;
}

/*
 * Could pg_dump block on this lock, directly or queued behind another waiter?
 * Weak catalog locks are ignored: every session holds some.
 */
static bool
is_in_the_way(const LockInstanceData *lock, Oid database)
{
	const LOCKTAG *tag = &lock->locktag;

	if (tag->locktag_type != LOCKTAG_RELATION || lock->holdMask == 0 ||
		(tag->locktag_field1 != database && OidIsValid(tag->locktag_field1)))
		return false;
	return tag->locktag_field2 >= FirstNormalObjectId ||
		(lock->holdMask & LOCKBIT_ON(AccessExclusiveLock)) != 0;
}

/* Does this session hold a lock on a table of the database? */
bool
request_holds_table_lock(Oid database)
{
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		if (locks->locks[i].pid == MyProcPid &&
			is_in_the_way(&locks->locks[i], database))
			return true;
	}
	return false;
}

/* Has this transaction written? */
bool
request_has_written(void)
{
	return TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/*
 * Raise an error if this transaction has written: pg_dump would not see that.
 */
void
request_check_not_written(void)
{
	if (request_has_written())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot take a snapshot in a transaction that has written"),
				 errdetail("The snapshot would lack the changes of this transaction, and could wait for its locks forever."),
				 errhint("Commit first.")));
}

/*
 * Raise an error, with this hint, if this transaction cannot wait for a
 * snapshot of the database.  If it waits while it holds a table lock, even a
 * weak one, pg_dump may have to wait for that lock, or queue behind a session
 * that wants a strong lock on the table.  The deadlock detector cannot see
 * this deadlock, because we do not wait for a lock.
 */
void
request_check_not_locked(Oid database, const char *hint)
{
	if (request_holds_table_lock(database))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot wait for a snapshot in a transaction that has locked a table"),
				 errdetail("The snapshot could wait for that lock forever."),
				 errhint("%s", hint)));
}

static const RunError no_launcher = {
	.sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	.message = "the launcher of snapshot_worker is not running",
	.hint = "It is restarted within seconds of its exit; if not, see the server log. It needs one of \"max_worker_processes\".",
};

/*
 * Wait for the end of a run.  If no launcher appears that would start the run,
 * it fails after a while.
 */
static void
wait_for_run(Run *run)
{
	double		give_up_at = 0;

	state_prepare_to_wait();
	while (state_get(run->id, run) &&
		   run->state != RUN_SUCCEEDED && run->state != RUN_FAILED)
	{
		if (run->state != RUN_QUEUED || state_launcher_pid() != 0)
			give_up_at = 0;
		else if (give_up_at == 0)
			give_up_at = clock_seconds() + LAUNCHER_PATIENCE_SECONDS;
		else if (clock_seconds() >= give_up_at)
			state_fail(run->id, RUN_QUEUED, &no_launcher);
		state_wait(1000);
	}
	state_cancel_wait();
}

/*
 * As wait_for_run(), but if canceled, the error says that the run continues.
 */
static void
wait_interruptibly(Run *run)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		wait_for_run(run);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(caller);

		state_cancel_wait();
		(void) state_get(run->id, run);
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			edata->detail = psprintf(run->state == RUN_QUEUED ?
									 "Snapshot \"%s\" is still queued." :
									 "Snapshot \"%s\" is still being taken.",
									 run->request.name);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/* Raise the error with which a run failed; what is "could not ...". */
static void
raise_run_error(const char *what, const RunError *error)
{
	int			sqlerrcode = error->sqlerrcode;

	/* The run was shut down or canceled, not this session. */
	if (ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		sqlerrcode = ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;

	error_report(ERROR, sqlerrcode,
				 psprintf("%s: %s", what, sql_clean_text(error->message)),
				 sql_clean_text(error->detail), error->hint);
}

static void
raise_too_many(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many snapshot runs are queued"),
			 errhint("Retry when some have finished.")));
}

/*
 * Queue a snapshot of a database, one that reads everything if it is to be
 * full, and wait for it if so requested.  *run is the run, with the name of
 * the snapshot.  Raises an error when the run cannot be queued; when waiting,
 * also raises the error with which the run failed.
 */
void
request_snapshot(const char *database, RunReason reason, bool full, bool wait,
				 Run *run)
{
	const char *what = psprintf("could not take a snapshot of database \"%s\"",
								database);
	RunRequest	request = {.kind = KIND_SNAPSHOT,.reason = reason,.full = full};
	TimestampTz earliest = GetCurrentTimestamp();

	earliest = folders_free_instant(settings_directory(), database,
									earliest - earliest % USECS_PER_SEC);
	if (!wait && state_launcher_pid() == 0)
		raise_run_error(what, &no_launcher);

	strlcpy(request.database, database, sizeof(request.database));
	if (!state_submit_snapshot(&request, earliest, run))
		raise_too_many();
	if (!wait)
		return;

	wait_interruptibly(run);
	if (run->state == RUN_FAILED)
		raise_run_error(what, &run->outcome.error);
	if (run->state != RUN_SUCCEEDED)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("outcome of snapshot \"%s\" is no longer available",
						run->request.name),
				 errhint("snapshot_list() shows it if it was taken.")));
}

/*
 * Cancel the runs of a database, or of all databases (NULL), and the jobs that
 * the launcher has pending for them.  Returns how many runs and jobs were
 * canceled.  If the launcher does not answer in time, it still drops its jobs,
 * but they are not counted.
 */
int
request_cancel(const char *database)
{
	double		give_up_at = clock_seconds() + CANCEL_PATIENCE_SECONDS;
	uint64		request;
	int			count = state_cancel(database, &request);
	int			dropped = 0;

	state_prepare_to_wait();
	while (clock_seconds() < give_up_at)
	{
		if (request == 0)
			(void) state_cancel(database, &request);
		else if (state_launcher_pid() == 0 ||
				 state_get_canceled(request, &dropped))
			break;
		state_wait(100);
	}
	state_cancel_wait();
	return count + dropped;
}

static void
cancel_run(int code, Datum arg)
{
	state_cancel_wait();
	state_cancel_run(((Run *) DatumGetPointer(arg))->id);
}

/*
 * Queue a run that takes no snapshot, and wait for its end.  If the wait is
 * interrupted, the run is canceled, too.  Raises the error with which the run
 * failed; what is "could not ...".
 */
void
request_task(const RunRequest *request, const char *what)
{
	Run			run;

	if (!state_submit_task(request, &run))
		raise_too_many();
	PG_ENSURE_ERROR_CLEANUP(cancel_run, PointerGetDatum(&run));
	{
		wait_for_run(&run);
	}
	PG_END_ENSURE_ERROR_CLEANUP(cancel_run, PointerGetDatum(&run));
	if (run.state == RUN_FAILED)
		raise_run_error(what, &run.outcome.error);
	if (run.state != RUN_SUCCEEDED)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s: its outcome is no longer available", what)));
}
