/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  The SQL-callable functions.
 *
 * They hold no state: what they tell is read from shared memory and from the
 * snapshot directory.  What each one means is in the COMMENTs of the
 * extension's script.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "clock.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "history.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "names.h"
#include "settings.h"
#include "shared_state.h"
#include "storage/lock.h"
#include "store.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* How long a request waits for a launcher to be there. */
#define LAUNCHER_PATIENCE_SECONDS	30

PG_FUNCTION_INFO_V1(snapshot_now);
PG_FUNCTION_INFO_V1(snapshot_list);
PG_FUNCTION_INFO_V1(snapshot_status);
PG_FUNCTION_INFO_V1(snapshot_next_run);
PG_FUNCTION_INFO_V1(snapshot_history);
PG_FUNCTION_INFO_V1(snapshot_cancel);

static void
check_loaded(void)
{
	if (!state_exists())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot_worker must be loaded via \"shared_preload_libraries\""),
				 errhint("Add snapshot_worker to \"shared_preload_libraries\" in postgresql.conf and restart the server.")));
}

/*
 * A copy for the caller.  Names and messages can come from a database of
 * another encoding; what is not valid here gets a "?" for each odd byte.
 */
static char *
clean(const char *value)
{
	char	   *copy = pstrdup(value);

	if (!pg_verifymbstr(copy, strlen(copy), true))
	{
		for (char *p = copy; *p != '\0'; p++)
		{
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
		}
	}
	return copy;
}

static Datum
text_datum(const char *value)
{
	return CStringGetTextDatum(clean(value));
}

static Datum
name_datum(const char *value)
{
	return DirectFunctionCall1(namein, CStringGetDatum(clean(value)));
}

/*
 * The OID of a database.  Raises an error where no snapshot of it can be taken
 * at all.
 */
static Oid
check_database(const char *database)
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

/* Does this session hold a lock on a table of the database? */
static bool
holds_table_lock(Oid database)
{
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (lock->pid == MyProcPid && lock->holdMask != 0 &&
			lock->locktag.locktag_type == LOCKTAG_RELATION &&
			lock->locktag.locktag_field1 == database &&
			lock->locktag.locktag_field2 >= FirstNormalObjectId)
			return true;
	}
	return false;
}

/*
 * Raise an error in a transaction that cannot take a snapshot.  pg_dump would
 * not see what it has written.  And if it waits while it holds a lock on a
 * table, of whatever mode, pg_dump can come to wait for it: behind someone who
 * wants that table for himself, if not for the lock itself.  Nobody would see
 * that deadlock, since we do not wait for a lock.
 */
static void
check_transaction(Oid database, bool wait)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot take a snapshot in a transaction that has written"),
				 errdetail("The snapshot would not contain what this transaction has written, and could wait for its locks for ever."),
				 errhint("Commit first.")));
	if (wait && holds_table_lock(database))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot wait for a snapshot in a transaction that has locked a table"),
				 errdetail("The snapshot could wait for that lock for ever."),
				 errhint("Commit first, or use snapshot_now(wait => false).")));
}

static const RunError no_launcher = {
	ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	"the launcher of snapshot_worker is not running",
	"",
	"It is started again within seconds of its end; if not, the server's log says why. It takes one of \"max_worker_processes\"."
};

/*
 * Wait for the end of a run.  Where there is no launcher that would start it,
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
			state_fail_waiting(run->id, RUN_QUEUED, &no_launcher);
		state_wait(1000);
	}
	state_cancel_wait();
}

/* As wait_for_run; when canceled, the error says that the run goes on. */
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
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		state_cancel_wait();
		(void) state_get(run->id, run);
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			edata->detail = psprintf(run->state == RUN_QUEUED ?
									 "The request for snapshot \"%s\" stands." :
									 "Snapshot \"%s\" is still being taken.",
									 run->name);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/* Raise the error with which a run failed. */
static void
raise_run_error(const char *database, const RunError *error)
{
	int			sqlerrcode = error->sqlerrcode;

	/* What was shut down or canceled was the run, not this session. */
	if (ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		sqlerrcode = ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;

	ereport(ERROR,
			(errcode(sqlerrcode),
			 errmsg("could not take a snapshot of database \"%s\": %s",
					database, clean(error->message)),
			 error->detail[0] != '\0' ?
			 errdetail_internal("%s", clean(error->detail)) : 0,
			 error->hint[0] != '\0' ? errhint("%s", error->hint) : 0));
}

/* snapshot_now(database name, wait boolean) returns text */
Datum
snapshot_now(PG_FUNCTION_ARGS)
{
	const char *database;
	bool		wait;
	TimestampTz earliest = GetCurrentTimestamp();
	Run			run;

	check_loaded();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of snapshot_now must not be null")));
	database = NameStr(*PG_GETARG_NAME(0));
	wait = PG_GETARG_BOOL(1);

	check_transaction(check_database(database), wait);
	earliest = store_free_instant(settings_directory(), database,
								  earliest - earliest % USECS_PER_SEC);
	if (!wait && state_launcher_pid() == 0)
		raise_run_error(database, &no_launcher);

	if (!state_submit(database, REASON_MANUAL, 1, 0, earliest, &run))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many snapshots are being asked for"),
				 errhint("Ask again when some are done.")));
	if (wait)
	{
		wait_interruptibly(&run);
		if (run.state == RUN_FAILED)
			raise_run_error(database, &run.error);
		if (run.state != RUN_SUCCEEDED)
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("what became of snapshot \"%s\" is not known any more",
							run.name),
					 errhint("snapshot_list() has it if it was taken.")));
	}
	PG_RETURN_DATUM(text_datum(run.name));
}

/* snapshot_list() returns setof record */
Datum
snapshot_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, store_list(settings_directory(), NULL, WARNING))
	{
		StoredSnapshot *snapshot = lfirst(lc);
		Manifest   *manifest = &snapshot->manifest;
		Datum		values[13];
		bool		nulls[13] = {0};
		int			i = 0;

		values[i++] = text_datum(snapshot->name);
		values[i++] = name_datum(snapshot->database);
		values[i++] = text_datum(manifest->reason);
		values[i++] = TimestampTzGetDatum(manifest->started_at);
		values[i++] = TimestampTzGetDatum(manifest->finished_at);
		values[i++] = Int64GetDatum(manifest->size);
		values[i++] = text_datum(manifest->format);
		values[i++] = Int64GetDatum(manifest->tables);
		values[i++] = LSNGetDatum(manifest->lsn);
		values[i++] = text_datum(manifest->server_version);
		nulls[i++] = true;		/* verified_at: no call verifies yet */
		values[i++] = BoolGetDatum(snapshot->pinned);
		values[i++] = text_datum(snapshot->path);
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* snapshot_history() returns setof record */
Datum
snapshot_history(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *lines;

	check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	lines = history_read(settings_directory(), GetSystemIdentifier());
	for (int n = list_length(lines) - 1; n >= 0; n--)
	{
		HistoryLine *line = list_nth(lines, n);
		char		folder[NAMES_FOLDER_SIZE];
		char		database[NAMEDATALEN];
		TimestampTz start;
		Datum		values[9] = {0};
		bool		nulls[9] = {0};
		int			i = 0;

		if (!names_split(line->name, folder, database, &start))
			continue;
		values[i++] = text_datum(line->name);
		values[i++] = name_datum(database);
		values[i++] = text_datum(line->reason);
		values[i++] = Int32GetDatum((int32) line->attempt);
		values[i++] = TimestampTzGetDatum(line->started_at);
		values[i++] = TimestampTzGetDatum(line->finished_at);
		values[i++] = text_datum(line->outcome);
		if (line->error != NULL)
			values[i++] = text_datum(line->error);
		else
			nulls[i++] = true;
		if (strcmp(line->outcome, OUTCOME_SUCCEEDED) == 0)
			values[i++] = Int64GetDatum(line->size);
		else
			nulls[i++] = true;
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* snapshot_cancel(database name) returns integer */
Datum
snapshot_cancel(PG_FUNCTION_ARGS)
{
	check_loaded();
	PG_RETURN_INT32(state_cancel(PG_ARGISNULL(0) ? NULL :
								 NameStr(*PG_GETARG_NAME(0))));
}

/* What an administrator should know about, or NULL. */
static const char *
status_warning(pid_t launcher_pid)
{
	if (launcher_pid == 0)
		return "the launcher is not running: no snapshot will be taken";
	if (!settings_directory_is_set())
		return "no snapshot directory is set: set snapshot_worker.directory";
	if (settings_directory_in_data_directory())
		return "the snapshot directory is inside the data directory: what destroys that destroys the snapshots";
	return NULL;
}

/* snapshot_status() returns record */
Datum
snapshot_status(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	LauncherPlan plan;
	Outcomes	outcomes;
	Run			run;
	bool		running;
	bool		retrying;
	pid_t		launcher_pid;
	const char *warning;
	Datum		values[13] = {0};
	bool		nulls[13];

	check_loaded();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	state_get_plan(&plan, &outcomes);
	running = state_first_running(&run);
	retrying = !running && plan.retry_at != 0;
	launcher_pid = state_launcher_pid();
	warning = status_warning(launcher_pid);

	memset(nulls, true, sizeof(nulls));
#define SET(column, datum) (nulls[column] = false, values[column] = (datum))
	SET(0, BoolGetDatum(setting_enable));
	SET(1, text_datum(running ? "running" : retrying ? "retrying" :
					  setting_enable ? "idle" : "disabled"));
	if (running)
	{
		SET(2, name_datum(run.database));
		SET(3, text_datum(run.name));
		SET(4, Int32GetDatum(run.attempt));
	}
	else if (retrying)
	{
		SET(2, name_datum(plan.retry_database));
		SET(4, Int32GetDatum(plan.retry_attempt));
	}
	if (retrying)
		SET(5, TimestampTzGetDatum(plan.retry_at));
	else if (plan.next_slot != 0)
		SET(5, TimestampTzGetDatum(plan.next_slot));
	if (outcomes.last_success_at != 0)
		SET(6, TimestampTzGetDatum(outcomes.last_success_at));
	if (outcomes.last_failure_at != 0)
	{
		SET(7, TimestampTzGetDatum(outcomes.last_failure_at));
		SET(8, text_datum(outcomes.last_error));
	}
	SET(9, Int32GetDatum(plan.consecutive_failures));
	if (settings_directory_is_set())
		SET(10, text_datum(settings_directory()));
	if (launcher_pid != 0)
		SET(11, Int32GetDatum(launcher_pid));
	if (warning != NULL)
		SET(12, text_datum(warning));
#undef SET

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}

/* snapshot_next_run(after timestamptz) returns timestamptz */
Datum
snapshot_next_run(PG_FUNCTION_ARGS)
{
	TimestampTz after = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz next = DT_NOEND;
	Schedule	schedule;

	check_loaded();
	settings_schedule(&schedule);
	if (!TIMESTAMP_NOT_FINITE(after))
		next = schedule_next(&schedule, after);
	if (!IS_VALID_TIMESTAMP(next))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	PG_RETURN_TIMESTAMPTZ(next);
}
