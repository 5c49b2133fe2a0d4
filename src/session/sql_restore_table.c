/*-------------------------------------------------------------------------
 *
 * sql_restore_table.c
 *	  The SQL function that brings one table back into the current database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "session/request.h"
#include "session/restore_result.h"
#include "session/snapshot_at.h"
#include "session/sql_runs.h"
#include "session/sql_util.h"
#include "util/compat.h"

PG_FUNCTION_INFO_V1(snapshot_restore_table);

/*
 * Parse the name of a table, as in SQL: with or without a schema, which is
 * then "".
 */
static void
parse_name(text * value, char *schema, char *table)
{
	const char *given_schema;
	const char *given_table;

	sql_table_name(text_to_cstring(value), &given_schema, &given_table);
	strlcpy(schema, given_schema != NULL ? given_schema : "", NAMEDATALEN);
	strlcpy(table, given_table, NAMEDATALEN);
}

/*
 * Raise an error if this transaction holds a lock on a table: the restore
 * could wait for it, and the deadlock detector would not see that.
 */
static void
check_not_locked(const char *what)
{
	if (request_holds_table_lock(MyDatabaseId))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s: this transaction has locked a table", what),
				 errdetail("The restore could wait for that lock forever."),
				 errhint("Commit first.")));
}

/* Raise the warnings of the restore, and return its row. */
static Datum
result_row(FunctionCallInfo fcinfo, dsm_segment *report)
{
	RestoreTotals totals;
	Datum		left_out = restore_result_left_out(report, &totals);
	Datum		values[4] = {0};
	bool		nulls[4] = {0};
	int			i = 0;

	values[i++] = sql_text_datum(totals.table);
	values[i++] = Int64GetDatum(totals.rows);
	values[i++] = Float8GetDatum(totals.seconds);
	values[i++] = left_out;
	Assert(i == lengthof(values));
	return sql_row_datum(fcinfo, values, nulls);
}

/* snapshot_restore_table(name text, table text, target text) returns record */
Datum
snapshot_restore_table(PG_FUNCTION_ARGS)
{
	const StoredSnapshot *snapshot;
	RunRequest	request;
	const char *what;
	dsm_segment *report;

	sql_check_loaded();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and table must not be null")));
	snapshot = sql_begin_request(&request, KIND_RESTORE_TABLE,
								 snapshot_at_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	parse_name(PG_GETARG_TEXT_PP(1), request.schema, request.table);
	if (!PG_ARGISNULL(2))
		parse_name(PG_GETARG_TEXT_PP(2), request.target_schema,
				   request.target_table);
	what = psprintf("could not restore table \"%s%s%s\" of snapshot \"%s\"",
					request.schema, request.schema[0] != '\0' ? "." : "",
					request.table, request.name);
	sql_check_not_standby(what);
	PreventCommandIfReadOnly("snapshot_restore_table()");
	sql_check_not_written(what);
	check_not_locked(what);

	sql_warn_if_bad(snapshot);
	request.caller = GetUserId();
	report = restore_report_create();
	request.report = dsm_segment_handle(report);
	request_task(&request, what);
	return result_row(fcinfo, report);
}
