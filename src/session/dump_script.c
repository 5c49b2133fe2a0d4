/*-------------------------------------------------------------------------
 *
 * dump_script.c
 *	  Parse a script of pg_restore with definitions.
 *
 * All but two lines of such a script are SQL.  The two are commands to psql,
 * with a random key of pg_restore, and begin with a backslash.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "parser/parser.h"
#include "utils/guc.h"

#include "session/dump_script.h"

static void
blank_command(char *line, const char *command)
{
	if (line != NULL && strncmp(line, command, strlen(command)) == 0)
		memset(line, ' ', strcspn(line, "\n"));
}

/*
 * Replace the commands to psql by blanks.  They are the first and the last
 * lines but for comments; lines like them in between are part of a text.
 */
static void
blank_commands(char *script)
{
	char	   *first = NULL;
	char	   *last = NULL;
	char	   *next;

	for (char *line = script; line != NULL; line = next)
	{
		next = strchr(line, '\n');
		if (next != NULL)
			next++;
		if (line[0] == '\0' || line[0] == '\n' || strncmp(line, "--", 2) == 0)
			continue;
		if (first == NULL)
			first = line;
		last = line;
	}
	blank_command(first, "\\restrict ");
	blank_command(last, "\\unrestrict ");
}

/*
 * Return the statements of a script, a list of RawStmt.  Their locations are
 * positions in the script, where commands to psql become blanks.  Raises an
 * error if the server does not know the syntax.
 */
List *
dump_script_parse(char *script)
{
	int			level = NewGUCNestLevel();
	List	   *statements;

	/* as the script itself sets it */
	(void) set_config_option("standard_conforming_strings", "on", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	blank_commands(script);
	statements = raw_parser(script, RAW_PARSE_DEFAULT);
	AtEOXact_GUC(true, level);
	return statements;
}

/*
 * Return a COPY that pg_restore prints before the rows of a table, or NULL if
 * the text is anything else.  Raises an error if it cannot be parsed.
 */
const CopyStmt *
dump_script_copy(const char *text)
{
	List	   *parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	const CopyStmt *stmt;

	if (list_length(parsed) != 1)
		return NULL;
	stmt = (const CopyStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(stmt, CopyStmt) || stmt->relation == NULL ||
		stmt->relation->schemaname == NULL || !stmt->is_from ||
		stmt->is_program || stmt->filename != NULL || stmt->options != NIL)
		return NULL;
	return stmt;
}
