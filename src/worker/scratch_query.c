/*-------------------------------------------------------------------------
 *
 * scratch_query.c
 *	  Queries and statements in a scratch database, by psql.
 *
 * The worker is connected to another database.  cxt->connection is that of the
 * scratch database.  Values come back as hexadecimal digits of UTF-8, because
 * names can contain anything.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "tools/output_spool.h"
#include "worker/scratch_query.h"

/* Statements that one psql executes: their total length is limited. */
#define STATEMENTS_AT_ONCE	500

/*
 * Convert a text between encodings, palloc'd.  Raises an error when a
 * character has no equivalent.  The server converts in a transaction only.
 */
char *
scratch_convert(const char *text, int from, int to)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		own = !IsTransactionState();
	char	   *converted;

	if (own)
		StartTransactionCommand();
	MemoryContextSwitchTo(caller);
	converted = (char *) pg_do_encoding_conversion((unsigned char *) unconstify(char *, text),
												   strlen(text), from, to);
	if (converted == text)
		converted = pstrdup(text);
	if (own)
		CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return converted;
}

/*
 * Run a program and return its output, palloc'd.  Raises an error unless the
 * program succeeds.
 */
char *
scratch_output(RunContext *cxt, char **argv, int input)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		own = !IsTransactionState();
	ChildResult result;
	File		file;
	char	   *text;

	/* for the temporary file */
	if (own)
		StartTransactionCommand();
	MemoryContextSwitchTo(caller);
	file = spool_create();
	if (!run_try_program(cxt, argv, input, spool_descriptor(file), &result))
		run_fail(cxt, argv, &result);
	text = spool_text(file);
	FileClose(file);
	if (own)
		CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return text;
}

/* As scratch_output(), in a temporary file.  Needs a transaction. */
File
scratch_output_file(RunContext *cxt, char **argv, int input)
{
	File		file = spool_create();
	ChildResult result;

	if (!run_try_program(cxt, argv, input, spool_descriptor(file), &result))
		run_fail(cxt, argv, &result);
	return file;
}

/* Return the text of a value, in this database's encoding, palloc'd. */
static char *
decode_value(const char *digits)
{
	size_t		len = strlen(digits);
	char	   *utf8 = palloc(len / 2 + 1);

	utf8[hex_decode(digits, len, utf8)] = '\0';
	return scratch_convert(utf8, PG_UTF8, GetDatabaseEncoding());
}

static char **
psql(RunContext *cxt, List *statements)
{
	statements = lcons("SET search_path = pg_catalog, pg_temp", statements);
	statements = lcons("SET client_min_messages = warning", statements);
	return tool_args_psql(cxt->bin_directory, &cxt->connection, statements);
}

/*
 * Run a query whose columns are SCRATCH_VALUE()s.  Returns a list of its rows,
 * each a list of strings, palloc'd; null is "".  Raises an error when it
 * fails, or when a name has no equivalent in this database's encoding.
 */
List *
scratch_query(RunContext *cxt, const char *query)
{
	List	   *rows = NIL;
	char	   *text;
	char	   *line;
	char	   *next_line = NULL;

	text = scratch_output(cxt, psql(cxt, list_make1(unconstify(char *, query))), -1);
	for (line = strtok_r(text, "\n", &next_line); line != NULL;
		 line = strtok_r(NULL, "\n", &next_line))
	{
		List	   *row = NIL;
		char	   *value;

		while ((value = strsep(&line, "|")) != NULL)
			row = lappend(row, decode_value(value));
		rows = lappend(rows, row);
	}
	return rows;
}

/*
 * Execute statements in order, without firing triggers.  Raises an error when
 * one fails.
 */
void
scratch_execute(RunContext *cxt, List *statements)
{
	const char *options = cxt->connection.options;

	cxt->connection.options = psprintf("%s -c session_replication_role=replica",
									   options);
	for (int first = 0; first < list_length(statements);
		 first += STATEMENTS_AT_ONCE)
	{
		List	   *part = NIL;

		for (int i = first;
			 i < Min(first + STATEMENTS_AT_ONCE, list_length(statements)); i++)
			part = lappend(part, list_nth(statements, i));
		(void) run_program(cxt, psql(cxt, part), false);
	}
	cxt->connection.options = options;
}
