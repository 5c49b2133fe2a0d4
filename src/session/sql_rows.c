/*-------------------------------------------------------------------------
 *
 * sql_rows.c
 *	  SQL functions that return the rows of a table in a snapshot.
 *
 * The rows come one call at a time.  In the select list, the server stops
 * calling when it needs no more rows, as with LIMIT.  In FROM, it first
 * collects all rows, in memory up to work_mem, then in a temporary file.
 * Either way the end of the query resets the memory context that the reading
 * belongs to.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "session/sql_util.h"
#include "session/table_rows.h"
#include "util/compat.h"

PG_FUNCTION_INFO_V1(snapshot_rows);
PG_FUNCTION_INFO_V1(snapshot_rows_of_table);

static const char *
snapshot_argument(FunctionCallInfo fcinfo)
{
	sql_check_loaded();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("snapshot name must not be null")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* Return the description of the rows that the query expects. */
static TupleDesc
result_desc(FunctionCallInfo fcinfo, TypeFuncClass *class)
{
	TupleDesc	desc = NULL;

	*class = get_call_result_type(fcinfo, NULL, &desc);
	return desc != NULL ? BlessTupleDesc(CreateTupleDescCopy(desc)) : NULL;
}

/* Begin to read the table that the row type names. */
static TableRows *
begin_row_type(FunctionCallInfo fcinfo)
{
	const char *name = snapshot_argument(fcinfo);
	Oid			relation = get_typ_typrelid(get_fn_expr_argtype(fcinfo->flinfo, 1));
	TypeFuncClass class;
	TupleDesc	desc;
	char	   *table;

	/* its columns must stay as they are while rows of the type are made */
	if (OidIsValid(relation))
		LockRelationOid(relation, AccessShareLock);
	desc = result_desc(fcinfo, &class);
	table = OidIsValid(relation) ? get_rel_name(relation) : NULL;
	if (table == NULL || class != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the row argument of snapshot_rows must be of a table's row type"),
				 errhint("Write it as NULL::schema.table, or give the table's name as text, and a column definition list.")));
	return table_rows_begin(name,
							get_namespace_name(get_rel_namespace(relation)),
							table, desc);
}

/* Begin to read the table that a text names. */
static TableRows *
begin_table_name(FunctionCallInfo fcinfo)
{
	const char *name = snapshot_argument(fcinfo);
	TypeFuncClass class;
	TupleDesc	desc = result_desc(fcinfo, &class);
	const char *schema;
	const char *table;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table name must not be null")));
	if (desc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("snapshot_rows with the name of a table needs a column definition list"),
				 errhint("Call it in FROM, such as: SELECT * FROM snapshot_rows('latest', 'public.t') AS (id integer, note text).")));
	sql_table_name(text_to_cstring(PG_GETARG_TEXT_PP(1)), &schema, &table);
	return table_rows_begin(name, schema, table, desc);
}

/* Return the next row of a call, which begins with this function. */
static Datum
next_row(FunctionCallInfo fcinfo, TableRows *(*begin) (FunctionCallInfo))
{
	FuncCallContext *call;
	HeapTuple	tuple;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->user_fctx = begin(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	call = SRF_PERCALL_SETUP();
	tuple = table_rows_next(call->user_fctx);
	if (tuple == NULL)
		SRF_RETURN_DONE(call);
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(tuple));
}

/* snapshot_rows(name text, row anyelement) returns setof anyelement */
Datum
snapshot_rows(PG_FUNCTION_ARGS)
{
	return next_row(fcinfo, begin_row_type);
}

/* snapshot_rows(name text, table text) returns setof record */
Datum
snapshot_rows_of_table(PG_FUNCTION_ARGS)
{
	return next_row(fcinfo, begin_table_name);
}
