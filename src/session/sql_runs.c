/*-------------------------------------------------------------------------
 *
 * sql_runs.c
 *	  SQL functions that start runs and wait for them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "database/database_properties.h"
#include "session/request.h"
#include "session/restore_result.h"
#include "session/sql_runs.h"
#include "session/sql_util.h"
#include "settings.h"
#include "shmem/restore_report.h"
#include "shmem/shared_state.h"
#include "store/database_folders.h"
#include "store/store.h"
#include "util/compat.h"

/* The maximum that pg_dump accepts. */
#define MAX_JOBS	64

PG_FUNCTION_INFO_V1(snapshot_now);
PG_FUNCTION_INFO_V1(snapshot_cancel);
PG_FUNCTION_INFO_V1(snapshot_verify);
PG_FUNCTION_INFO_V1(snapshot_verify_all);
PG_FUNCTION_INFO_V1(snapshot_restore);

/* snapshot_now(database name, wait boolean, full boolean) returns text */
Datum
snapshot_now(PG_FUNCTION_ARGS)
{
	const char *database;
	bool		wait;
	Oid			oid;
	Run			run;

	sql_check_loaded();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of snapshot_now must not be null")));
	database = NameStr(*PG_GETARG_NAME(0));
	wait = PG_GETARG_BOOL(1);

	oid = request_check_database(database);
	request_check_not_written();
	if (wait)
		request_check_not_locked(oid, "Commit first, or use snapshot_now(wait => false).");

	request_snapshot(database, REASON_MANUAL, PG_GETARG_BOOL(2), wait, &run);
	PG_RETURN_TEXT_P(cstring_to_text(run.request.name));
}

/* snapshot_cancel(database name) returns integer */
Datum
snapshot_cancel(PG_FUNCTION_ARGS)
{
	sql_check_loaded();
	PG_RETURN_INT32(request_cancel(sql_name_argument(fcinfo, 0)));
}

/* Raise an error on a standby, where no database can be created. */
void
sql_check_not_standby(const char *what)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("%s: recovery is in progress", what),
				 errdetail("No database can be created on a standby."),
				 errhint("Call it on the primary, or on another server.")));
}

/*
 * Raise an error if this transaction has written.  A restore could wait for a
 * lock of this transaction, on a role for example, and the deadlock detector
 * would not see that.
 */
void
sql_check_not_written(const char *what)
{
	if (request_has_written())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s: this transaction has written", what),
				 errdetail("The restore could wait for its locks forever."),
				 errhint("Commit first.")));
}

/*
 * Prepare a run for a snapshot.  Raises an error when the snapshot does not
 * exist.
 */
const StoredSnapshot *
sql_begin_request(RunRequest *request, RunKind kind, const char *name)
{
	StoredSnapshot *snapshot = store_get(settings_directory(), name, false);

	memset(request, 0, sizeof(*request));
	request->kind = kind;
	strlcpy(request->name, snapshot->name, sizeof(request->name));
	strlcpy(request->database, snapshot->database, sizeof(request->database));
	strlcpy(request->connect_to, get_database_name(MyDatabaseId),
			sizeof(request->connect_to));
	return snapshot;
}

/* snapshot_verify(name text, restore boolean) returns timestamptz */
Datum
snapshot_verify(PG_FUNCTION_ARGS)
{
	RunRequest	request;
	const char *what;
	StoredSnapshot *snapshot;

	sql_check_arguments(fcinfo, "snapshot_verify");
	(void) sql_begin_request(&request, KIND_VERIFY, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	what = psprintf("could not verify snapshot \"%s\"", request.name);
	request.test_restore = PG_GETARG_BOOL(1);
	if (request.test_restore)
	{
		sql_check_not_standby(what);
		sql_check_not_written(what);
	}

	request_task(&request, what);
	snapshot = store_get(settings_directory(), request.name, false);
	PG_RETURN_TIMESTAMPTZ(snapshot->verification.verified_at);
}

/*
 * Add a row for a snapshot whose files were to be verified, starting at
 * "since".  snapshot is NULL if the directory only has the name of a snapshot.
 */
static void
put_verified(ReturnSetInfo *rsinfo, const char *name,
			 const StoredSnapshot *snapshot, TimestampTz since)
{
	const char *problem = NULL;
	Datum		values[3] = {0};
	bool		nulls[3] = {0};

	if (snapshot == NULL)
		problem = "its manifest is missing or damaged";
	else if (!store_is_verified(snapshot) || snapshot->verification.verified_at < since)
		problem = "it was not verified: see the server log";
	else if (store_is_bad(snapshot))
		problem = snapshot->verification.problem;
	values[0] = sql_text_datum(name);
	nulls[1] = problem != NULL;
	if (problem == NULL)
		values[1] = TimestampTzGetDatum(snapshot->verification.verified_at);
	nulls[2] = problem == NULL;
	values[2] = sql_text_datum(problem != NULL ? problem : "");
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* snapshot_verify_all(database name) returns setof record */
Datum
snapshot_verify_all(PG_FUNCTION_ARGS)
{
	const char *database = sql_name_argument(fcinfo, 0);
	TimestampTz since = GetCurrentTimestamp();
	RunRequest	request = {0};
	List	   *names;
	ListCell   *lc;

	sql_check_loaded();
	(void) settings_directory();
	InitMaterializedSRF(fcinfo, 0);
	/* to a run, an empty name would mean all databases */
	if (database != NULL && database[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("database name must not be empty")));
	request.kind = KIND_VERIFY_ALL;
	if (database != NULL)
		strlcpy(request.database, database, sizeof(request.database));
	strlcpy(request.connect_to, get_database_name(MyDatabaseId),
			sizeof(request.connect_to));
	request_task(&request, "could not verify the snapshots");

	names = folders_names(settings_directory(), database, DT_NOBEGIN, ERROR);
	if (database != NULL && names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no snapshot of database \"%s\"", database),
				 errdetail("It would be in directory \"%s\".",
						   settings_directory())));
	foreach(lc, names)
	{
		const StoredSnapshot *snapshot = store_load(settings_directory(),
													lfirst(lc), false, WARNING);

		/* skip those that were taken in the meantime */
		if (snapshot == NULL || snapshot->manifest.finished_at < since)
			put_verified((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc),
						 snapshot, since);
	}
	return (Datum) 0;
}

/* Warn of a snapshot that failed its last verification. */
void
sql_warn_if_bad(const StoredSnapshot *snapshot)
{
	if (store_is_bad(snapshot))
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("snapshot \"%s\" failed its last verification",
						snapshot->name),
				 errdetail_internal("%s", sql_clean_text(snapshot->verification.problem))));
}

static void
check_target(const char *target)
{
	if (target[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("database name must not be empty")));
	if (names_is_scratch(target))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("database name \"%s\" is reserved", target),
				 errdetail("Names that start with \"%s\" are reserved for scratch databases of restores.",
						   NAMES_SCRATCH_PREFIX)));
	properties_check_name_is_free(target);
}

/* Does on_error say that a restore is to go on after errors? */
static bool
goes_on(const char *on_error)
{
	if (strcmp(on_error, "continue") == 0)
		return true;
	if (strcmp(on_error, "stop") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_error must be \"stop\" or \"continue\"")));
	return false;
}

/*
 * snapshot_restore(name text, target name, jobs integer, no_owner boolean,
 * on_error text, run_analyze boolean) returns record
 */
Datum
snapshot_restore(PG_FUNCTION_ARGS)
{
	const StoredSnapshot *snapshot;
	RunRequest	request;
	const char *what;
	const char *target;
	dsm_segment *report;
	int			jobs;

	sql_check_arguments(fcinfo, "snapshot_restore");
	snapshot = sql_begin_request(&request, KIND_RESTORE,
								 text_to_cstring(PG_GETARG_TEXT_PP(0)));
	target = NameStr(*PG_GETARG_NAME(1));
	jobs = PG_GETARG_INT32(2);
	what = psprintf("could not restore snapshot \"%s\"", request.name);
	sql_check_not_standby(what);
	sql_check_not_written(what);
	check_target(target);
	if (jobs < 1 || jobs > MAX_JOBS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("jobs must be from 1 to %d", MAX_JOBS)));

	request.go_on = goes_on(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	request.analyze = PG_GETARG_BOOL(5);
	sql_warn_if_bad(snapshot);
	strlcpy(request.target, target, sizeof(request.target));
	request.jobs = jobs;
	if (PG_GETARG_BOOL(3))
		strlcpy(request.owner, GetUserNameFromId(GetUserId(), false),
				sizeof(request.owner));
	report = restore_report_create();
	request.report = dsm_segment_handle(report);
	request_task(&request, what);
	return restore_result(fcinfo, target, report);
}
