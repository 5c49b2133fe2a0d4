/*-------------------------------------------------------------------------
 *
 * dump_definitions.c
 *	  Hashes of the definitions in a script of pg_restore: pure.
 *
 * The hash of a definition does not depend on the order of its lines, because
 * the order of columns can change when a table with parents is restored.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/dump_definitions.h"

static const char heading[] = "-- Name: ";

/*
 * Lines to ignore: those between definitions, which depend on what follows,
 * and those at the end of the script.
 */
static const char *const between[] = {
	"SET default_tablespace = ", "SET default_table_access_method = ",
	"\\unrestrict ", "-- PostgreSQL database dump complete",
};

/* Compared by other means, or not at all; see dump_toc.c. */
static const char *const left_out[] = {
	"LARGE OBJECT ", "SUBSCRIPTION ",
	"plpgsql; Type: EXTENSION;", "EXTENSION plpgsql; Type: COMMENT;",
};

/* Start.  Needs a transaction, and definitions_end() before it ends. */
void
definitions_begin(Definitions *definitions)
{
	initStringInfo(&definitions->text);
	initStringInfo(&definitions->heading);
	line_hash_begin(&definitions->hash);
}

static bool
begins_with(const char *line, const char *beginning)
{
	return strncmp(line, beginning, strlen(beginning)) == 0;
}

static bool
is_left_out(const char *name)
{
	for (size_t i = 0; i < lengthof(left_out); i++)
	{
		if (begins_with(name, left_out[i]))
			return true;
	}
	return strstr(name, "; Type: BLOB") != NULL;
}

/* Finish the current definition, if any. */
static void
end_definition(Definitions *definitions)
{
	char		hex[LINEHASH_HEX_SIZE];

	line_hash_take(&definitions->hash, hex);
	if (definitions->heading.len == 0 ||
		is_left_out(definitions->heading.data))
		return;
	if (definitions->text.len > 0)
		appendStringInfoChar(&definitions->text, '\n');
	appendStringInfo(&definitions->text, "%s\t%s", definitions->heading.data,
					 hex);
}

/* Add the next line of the script. */
void
definitions_add(Definitions *definitions, const char *line, size_t len)
{
	if (begins_with(line, heading))
	{
		end_definition(definitions);
		resetStringInfo(&definitions->heading);
		appendStringInfoString(&definitions->heading,
							   line + strlen(heading));
		return;
	}
	if (len == 0 || strcmp(line, "--") == 0)
		return;
	for (size_t i = 0; i < lengthof(between); i++)
	{
		if (begins_with(line, between[i]))
			return;
	}
	line_hash_add(&definitions->hash, line, len);
}

/*
 * Return the definitions as text, palloc'd: a line for each, with its heading,
 * a tab, and its hash.
 */
char *
definitions_end(Definitions *definitions)
{
	end_definition(definitions);
	line_hash_end(&definitions->hash);
	return definitions->text.data;
}
