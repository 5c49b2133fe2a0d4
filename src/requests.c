/*-------------------------------------------------------------------------
 *
 * requests.c
 *	  The SQL-callable functions that have something done.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "ask.h"
#include "fmgr.h"
#include "functions.h"
#include "shared_state.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(snapshot_now);
PG_FUNCTION_INFO_V1(snapshot_cancel);

/* snapshot_now(database name, wait boolean) returns text */
Datum
snapshot_now(PG_FUNCTION_ARGS)
{
	const char *database;
	bool		wait;
	Oid			oid;
	Run			run;

	functions_check_loaded();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of snapshot_now must not be null")));
	database = NameStr(*PG_GETARG_NAME(0));
	wait = PG_GETARG_BOOL(1);

	oid = ask_check_database(database);
	ask_check_not_written();
	if (wait)
		ask_check_not_locked(oid, "Commit first, or use snapshot_now(wait => false).");

	ask_for_snapshot(database, REASON_MANUAL, wait, &run);
	PG_RETURN_TEXT_P(cstring_to_text(run.name));
}

/* snapshot_cancel(database name) returns integer */
Datum
snapshot_cancel(PG_FUNCTION_ARGS)
{
	functions_check_loaded();
	PG_RETURN_INT32(ask_to_cancel(PG_ARGISNULL(0) ? NULL :
								  NameStr(*PG_GETARG_NAME(0))));
}
