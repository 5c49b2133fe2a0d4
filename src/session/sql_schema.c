/*-------------------------------------------------------------------------
 *
 * sql_schema.c
 *	  SQL function that returns the definitions in a snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "session/dump_encoding.h"
#include "session/find_relation.h"
#include "session/open_snapshot.h"
#include "session/relation_script.h"
#include "session/sql_util.h"
#include "util/compat.h"

PG_FUNCTION_INFO_V1(snapshot_schema);

/* Return the statements that make a table of a snapshot. */
static char *
statements_of_table(const OpenSnapshot *snapshot, const char *text)
{
	const char *schema;
	const char *name;
	char	   *statements;

	sql_table_name(text, &schema, &name);
	find_relation(snapshot, &schema, &name);
	statements = relation_script(open_snapshot_script(snapshot, NIL), schema,
								 name);
	if (statements[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the dump in \"%s\" is damaged", snapshot->dump),
				 errdetail("It does not have the definition of %s.", text)));
	return statements;
}

/* snapshot_schema(name text, table text) returns text */
Datum
snapshot_schema(PG_FUNCTION_ARGS)
{
	OpenSnapshot *snapshot;
	char	   *script;

	sql_check_loaded();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("snapshot name must not be null")));
	snapshot = open_snapshot(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (PG_ARGISNULL(1))
		script = open_snapshot_script(snapshot, NIL);
	else
		script = statements_of_table(snapshot,
									 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	open_snapshot_close(snapshot);
	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(script, strlen(script),
													  snapshot->encoding)));
}
