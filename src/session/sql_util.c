/*-------------------------------------------------------------------------
 *
 * sql_util.c
 *	  Arguments and results of SQL functions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

#include "session/sql_util.h"
#include "shmem/shared_state.h"
#include "util/clean_text.h"
#include "util/compat.h"

/* Raise an error if the library was not loaded at server start. */
void
sql_check_loaded(void)
{
	if (!state_exists())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot_worker must be loaded via \"shared_preload_libraries\""),
				 errhint("Add snapshot_worker to \"shared_preload_libraries\" in postgresql.conf and restart the server.")));
}

/*
 * Raise an error if the library was not loaded, or if an argument of this
 * function is NULL.
 */
void
sql_check_arguments(FunctionCallInfo fcinfo, const char *function)
{
	sql_check_loaded();
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("arguments of %s must not be null", function)));
	}
}

/* A copy that this database's encoding can hold; see clean_text(). */
char *
sql_clean_text(const char *value)
{
	return clean_text(value, GetDatabaseEncoding());
}

/* Return a cleaned value as text. */
Datum
sql_text_datum(const char *value)
{
	return CStringGetTextDatum(sql_clean_text(value));
}

/* Return a cleaned value as name. */
Datum
sql_name_datum(const char *value)
{
	return DirectFunctionCall1(namein, CStringGetDatum(sql_clean_text(value)));
}

/* Return the row of a function that returns a record. */
Datum
sql_row_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values,
											 nulls));
}

/* Return the name in an argument, or NULL. */
const char *
sql_name_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL :
		NameStr(*DatumGetName(PG_GETARG_DATUM(argument)));
}

/*
 * Split a table's name, as SQL writes it, into schema (NULL if it has none)
 * and table, palloc'd.  Raises an error if it is not such a name.
 */
void
sql_table_name(const char *text, const char **schema, const char **table)
{
	List	   *names = compat_qualified_name(text);

	if (list_length(names) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("improper qualified name (too many dotted names): %s",
						NameListToString(names))));
	*schema = list_length(names) == 2 ? strVal(linitial(names)) : NULL;
	*table = strVal(llast(names));
}
