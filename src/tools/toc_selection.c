/*-------------------------------------------------------------------------
 *
 * toc_selection.c
 *	  Select the entries of one table from a dump's table of contents: pure.
 *
 * pg_dump --table knows what belongs to a table, except for extended
 * statistics, which it omits.  A dump of the whole database has everything.
 * Both have the same entries, apart from their dump IDs, if the database has
 * not changed in between.  So those of the first dump, and those of the
 * statistics, select the entries of the second one.
 *
 * A list of pg_restore has one line for each entry, "<dump ID>; <catalog>
 * <OID> <kind> <schema> <name> <owner>".  Line breaks in names are blanks.
 * The names alone can be those of another entry, as they can contain blanks,
 * so the catalog and the OID are compared, too.  Both are 0 for privileges,
 * comments and the values of sequences.  The rows of a table have its OID, but
 * no catalog.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
#include "utils/builtins.h"

#include "tools/dump_toc.h"
#include "tools/toc_selection.h"

#define TABLE		"TABLE "
#define SEQUENCE	"SEQUENCE "

#define DIGITS		"0123456789"

/*
 * Return what follows the dump ID of a line, or NULL if it is not an entry.
 */
static char *
entry_of(char *line)
{
	size_t		digits = strspn(line, DIGITS);

	if (digits == 0 || line[digits] != ';')
		return NULL;
	line += digits + 1;
	return line + strspn(line, " ");
}

/* Return what follows the catalog of an entry: the OID and so on. */
static char *
after_catalog(char *entry)
{
	entry += strspn(entry, DIGITS);
	return entry + strspn(entry, " ");
}

/* Return what follows the numbers of an entry. */
static char *
words_of(char *entry)
{
	return after_catalog(after_catalog(entry));
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

/* Return what follows the kind, if the words begin with it. */
static const char *
after(const char *words, const char *kind)
{
	size_t		len = strlen(kind);

	return strncmp(words, kind, len) == 0 ? words + len : NULL;
}

/*
 * Does an entry define a relation of this kind?  Other entries about relations
 * begin with the same word, but have no catalog.
 */
static bool
is_definition(char *entry, const char *kind)
{
	return strtoul(entry, NULL, 10) == RelationRelationId &&
		after(words_of(entry), kind) != NULL;
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
			tables = lappend(tables, words_of(entry) + strlen(TABLE));
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
		char	   *words;

		next = cut_line(line);
		entry = entry_of(line);
		if (entry == NULL)
			continue;
		entries = lappend(entries, entry);
		words = words_of(entry);
		if (is_definition(entry, TABLE))
			entries = lappend(entries,
							  psprintf("0 %.*sTABLE DATA %s",
									   (int) (words - after_catalog(entry)),
									   after_catalog(entry),
									   after(words, TABLE)));
		if (is_definition(entry, SEQUENCE))
			entries = lappend(entries,
							  psprintf("0 0 SEQUENCE SET %s",
									   after(words, SEQUENCE)));
	}
	return entries;
}

/* Return the entry of extended statistics as a list has it. */
char *
toc_selection_statistics(Oid oid, const char *schema, const char *name,
						 const char *owner)
{
	return toc_as_listed(psprintf("%u %u STATISTICS %s %s %s",
								  StatisticExtRelationId, oid, schema, name,
								  owner));
}

/* Return the entry of the comment on extended statistics. */
char *
toc_selection_statistics_comment(const char *schema, const char *name,
								 const char *owner)
{
	return toc_as_listed(psprintf("0 0 COMMENT %s STATISTICS %s %s", schema,
								  quote_identifier(name), owner));
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
