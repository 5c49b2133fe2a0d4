/*-------------------------------------------------------------------------
 *
 * table_args.c
 *	  Argument vectors for programs that restore one table: pure.
 *
 * pg_restore compares the names of its options --schema and --table byte by
 * byte with those in the dump, whereas those of pg_dump are patterns.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "tools/table_args.h"

/* pg_restore that lists the dump on its standard input. */
char **
table_args_list_all(const char *bin_directory)
{
	return tool_args_end(lappend(tool_args_begin(bin_directory, "pg_restore", NULL),
								 "--list"));
}

/*
 * pg_restore of the definitions in a section of the dump at path.  It goes on
 * after errors.
 */
char **
table_args_definitions(const char *bin_directory, const Connection *connection,
					   const char *section, const char *path)
{
	List	   *args = tool_args_begin(bin_directory, "pg_restore", connection);

	args = lappend(args, "--verbose");
	args = lappend(args, "--no-subscriptions");
	args = lappend(args, "--schema-only");	/* no large objects */
	args = lappend(args, psprintf("--section=%s", section));
	args = lappend(args, psprintf("%s", path));
	return tool_args_end(args);
}

/*
 * pg_restore of the rows of tables, and the values of sequences, of a schema
 * in the dump at path.
 */
char **
table_args_rows(const char *bin_directory, const Connection *connection,
				const char *schema, List *relations, const char *path)
{
	List	   *args = tool_args_begin(bin_directory, "pg_restore", connection);
	ListCell   *lc;

	args = lappend(args, "--exit-on-error");
	args = lappend(args, "--verbose");
	args = lappend(args, "--data-only");
	args = lappend(args, psprintf("--schema=%s", schema));
	foreach(lc, relations)
		args = lappend(args, psprintf("--table=%s", (char *) lfirst(lc)));
	args = lappend(args, psprintf("%s", path));
	return tool_args_end(args);
}

/*
 * pg_dump to standard output: of the definitions of tables that match these
 * patterns or, if that is NIL, of the whole database.
 */
char **
table_args_dump(const char *bin_directory, const Connection *connection,
				List *patterns)
{
	List	   *args = tool_args_begin(bin_directory, "pg_dump", connection);
	ListCell   *lc;

	args = lappend(args, psprintf("--role=%s", connection->user));
	args = lappend(args, "--format=custom");
	args = lappend(args, "--compress=0");
	args = lappend(args, "--verbose");
	if (patterns != NIL)
		args = lappend(args, "--schema-only");
	foreach(lc, patterns)
		args = lappend(args, psprintf("--table=%s", (char *) lfirst(lc)));
	return tool_args_end(args);
}

/*
 * pg_restore of the entries in a list, in one transaction, of the dump at
 * path.
 */
char **
table_args_restore(const char *bin_directory, const Connection *connection,
				   const char *list, const char *path)
{
	List	   *args = tool_args_begin(bin_directory, "pg_restore", connection);

	args = lappend(args, "--single-transaction");
	args = lappend(args, "--exit-on-error");
	args = lappend(args, "--verbose");
	args = lappend(args, psprintf("--use-list=%s", list));
	args = lappend(args, psprintf("%s", path));
	return tool_args_end(args);
}

static void
append_quoted(StringInfo pattern, const char *name)
{
	appendStringInfoChar(pattern, '"');
	for (const char *p = name; *p != '\0'; p++)
	{
		if (*p == '"')
			appendStringInfoChar(pattern, '"');
		appendStringInfoChar(pattern, *p);
	}
	appendStringInfoChar(pattern, '"');
}

/*
 * Return a pattern of pg_dump that matches exactly one table, palloc'd: in
 * double quotes, no character has a special meaning.
 */
char *
table_args_pattern(const char *schema, const char *table)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	append_quoted(&pattern, schema);
	appendStringInfoChar(&pattern, '.');
	append_quoted(&pattern, table);
	return pattern.data;
}
