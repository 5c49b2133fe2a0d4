/*-------------------------------------------------------------------------
 *
 * toc_selection.c
 *	  Select the entries of one table from a dump's table of contents: pure.
 *
 * pg_dump --table knows what belongs to a table, except for extended
 * statistics, which it omits.  A dump of the whole database has everything.
 * Both have the same entries, apart from their numbers, if the database has
 * not changed in between.  So those of the first dump, and those of the
 * statistics, select the entries of the second one.
 *
 * A list of pg_restore has one line for each entry, "<dump ID>; <catalog>
 * <OID> <kind> <schema> <name> <owner>".  Line breaks in names are blanks.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/toc_selection.h"

#define TABLE		"TABLE "
#define SEQUENCE	"SEQUENCE "

/*
 * Return what follows the numbers of a line, or NULL if it is not an entry.
 */
static char *
entry_of(char *line)
{
	size_t		digits = strspn(line, "0123456789");

	if (digits == 0 || line[digits] != ';')
		return NULL;
	line += digits + 1;
	return line + strspn(line, " 0123456789");
}

/* Cut off the first line of a text; returns the rest, or NULL. */
static char *
cut_line(char *text)
{
	char	   *newline = strchr(text, '\n');

	if (newline == NULL)
		return NULL;
	*newline = '\0';
	return newline + 1;
}

/* Return what follows the kind, if an entry is of a kind that ends so. */
static const char *
after(const char *entry, const char *kind)
{
	size_t		len = strlen(kind);

	return strncmp(entry, kind, len) == 0 ? entry + len : NULL;
}

static bool
is_definition(const char *entry, const char *kind)
{
	static const char *const others[] = {
		"TABLE ATTACH ", "TABLE DATA ", "SEQUENCE OWNED BY ", "SEQUENCE SET ",
	};

	for (size_t i = 0; i < lengthof(others); i++)
	{
		if (after(entry, others[i]) != NULL)
			return false;
	}
	return after(entry, kind) != NULL;
}

/*
 * Return the tables in a list of pg_restore: strings of schema, name and
 * owner, with a blank between them.  The text is modified.
 */
List *
toc_selection_tables(char *text)
{
	List	   *tables = NIL;
	char	   *next;

	for (char *line = text; line != NULL; line = next)
	{
		char	   *entry;

		next = cut_line(line);
		entry = entry_of(line);
		if (entry != NULL && is_definition(entry, TABLE))
			tables = lappend(tables, entry + strlen(TABLE));
	}
	return tables;
}

/*
 * Return the entries in a list of pg_restore, of definitions only, and those
 * of the rows of its tables and the values of its sequences.  The text is
 * modified.
 */
List *
toc_selection_entries(char *text)
{
	List	   *entries = NIL;
	char	   *next;

	for (char *line = text; line != NULL; line = next)
	{
		char	   *entry;

		next = cut_line(line);
		entry = entry_of(line);
		if (entry == NULL)
			continue;
		entries = lappend(entries, entry);
		if (is_definition(entry, TABLE))
			entries = lappend(entries, psprintf("TABLE DATA %s", after(entry, TABLE)));
		if (is_definition(entry, SEQUENCE))
			entries = lappend(entries, psprintf("SEQUENCE SET %s", after(entry, SEQUENCE)));
	}
	return entries;
}

/*
 * Return an entry of extended statistics, such as "STATISTICS" or "COMMENT",
 * as a list has it.
 */
char *
toc_selection_statistics(const char *kind, const char *schema,
						 const char *name, const char *owner)
{
	char	   *entry = strcmp(kind, "STATISTICS") == 0 ?
	psprintf("%s %s %s %s", kind, schema, name, owner) :
	psprintf("%s %s STATISTICS %s %s", kind, schema, name, owner);

	for (char *p = entry; *p != '\0'; p++)
	{
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	return entry;
}

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * Append the lines of a list of pg_restore whose entries are wanted, in their
 * order.  The text is modified.
 */
void
toc_selection_list(char *text, List *wanted, StringInfo list)
{
	size_t		count = list_length(wanted);
	char	  **entries = palloc_array(char *, count + 1);
	char	   *next;
	ListCell   *lc;

	foreach(lc, wanted)
		entries[foreach_current_index(lc)] = lfirst(lc);
	qsort(entries, count, sizeof(char *), compare_entries);
	for (char *line = text; line != NULL; line = next)
	{
		char	   *entry;

		next = cut_line(line);
		entry = entry_of(line);
		if (entry != NULL &&
			bsearch(&entry, entries, count, sizeof(char *), compare_entries) != NULL)
			appendStringInfo(list, "%s\n", line);
	}
	pfree(entries);
}
