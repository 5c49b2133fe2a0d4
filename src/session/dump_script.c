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

/* Replace the commands to psql by blanks. */
static void
blank_commands(char *script)
{
	static const char *const commands[] = {"\\restrict ", "\\unrestrict "};

	for (char *line = script; line != NULL;)
	{
		for (size_t i = 0; i < lengthof(commands); i++)
		{
			if (strncmp(line, commands[i], strlen(commands[i])) == 0)
				memset(line, ' ', strcspn(line, "\n"));
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
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
