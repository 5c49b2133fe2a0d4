/*-------------------------------------------------------------------------
 *
 * dump_toc.c
 *	  Tables of contents of archives, as pg_restore prints them, compared: pure.
 *
 * An entry is one line, such as "214; 1259 16385 TABLE public t postgres".
 * After its three numbers, which are new in each archive, it is compared byte
 * by byte, and not taken apart: names can have blanks in them, and what
 * encoding they are in does not matter.  Line breaks in names are printed as
 * blanks, so that two entries can be one line; each counts as often as it is
 * there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "tools/dump_toc.h"

/*
 * What a restored database need not have the same way.  Large objects are
 * compared by their own hash (see column_hashes.c), and can be grouped in another
 * way.  Statistics are none of what is restored, nor are subscriptions.
 */
static const char *const left_out[] = {
	"BLOB", "COMMENT - LARGE OBJECT", "ACL - LARGE OBJECT",
	"SECURITY LABEL - LARGE OBJECT", "STATISTICS DATA ",
	"SUBSCRIPTION ", "COMMENT - SUBSCRIPTION ",
	"SECURITY LABEL - SUBSCRIPTION ",
};

/* Each new database has it, and pg_dump does not dump that one. */
static const char *const plpgsql[] = {
	"EXTENSION - plpgsql ", "COMMENT - EXTENSION plpgsql ",
};

static bool
is_left_out(const char *entry)
{
	for (size_t i = 0; i < lengthof(left_out); i++)
	{
		if (strncmp(entry, left_out[i], strlen(left_out[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < lengthof(plpgsql); i++)
	{
		if (strcmp(entry, plpgsql[i]) == 0)
			return true;
	}
	return false;
}

/* What comes after a number and the text that ends it, or NULL. */
static char *
skip_number(char *p, const char *end)
{
	size_t		digits = strspn(p, "0123456789");

	if (digits == 0 || strncmp(p + digits, end, strlen(end)) != 0)
		return NULL;
	return p + digits + strlen(end);
}

/* An entry without its numbers, or NULL if the line is none to compare. */
static char *
entry_of(char *line)
{
	char	   *p = skip_number(line, "; ");

	if (p != NULL)
		p = skip_number(p, " ");
	if (p != NULL)
		p = skip_number(p, " ");
	if (p == NULL)
		return line[0] == '\0' || line[0] == ';' ? NULL : line;
	return is_left_out(p) ? NULL : p;
}

static char *
whole_line(char *line)
{
	return line[0] == '\0' ? NULL : line;
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Take a text apart into lines, in place, as far as part_of wants them. */
static void
split(char *text, char *(*part_of) (char *line), TocLines *result)
{
	size_t		room = 0;

	memset(result, 0, sizeof(*result));
	while (text != NULL)
	{
		char	   *newline = strchr(text, '\n');
		char	   *part;

		if (newline != NULL)
			*newline++ = '\0';
		part = part_of(text);
		text = newline;
		if (part == NULL)
			continue;
		if (result->count == room)
		{
			room = Max(2 * room, 1024);
			result->lines = result->lines == NULL ?
				palloc(room * sizeof(char *)) :
				repalloc_huge(result->lines, room * sizeof(char *));
		}
		result->lines[result->count++] = part;
	}
	if (result->count > 1)
		qsort(result->lines, result->count, sizeof(char *), compare_lines);
}

/*
 * The entries in what pg_restore --list has printed, as they are compared.
 * They point into the text, which is changed.
 */
void
toc_entries(char *text, TocLines *entries)
{
	split(text, entry_of, entries);
}

/* All lines of a text but empty ones, as toc_entries(). */
void
toc_lines(char *text, TocLines *lines)
{
	split(text, whole_line, lines);
}

/*
 * The lines that "from" has more often than "in", each as often as that: a
 * list of strings in their order.
 */
List *
toc_missing(const TocLines *from, const TocLines *in)
{
	List	   *missing = NIL;
	size_t		j = 0;

	for (size_t i = 0; i < from->count; i++)
	{
		int			order = 1;

		while (j < in->count &&
			   (order = strcmp(from->lines[i], in->lines[j])) > 0)
			j++;
		if (j < in->count && order == 0)
			j++;
		else
			missing = lappend(missing, from->lines[i]);
	}
	return missing;
}

/*
 * The entries of tables' rows in a list of pg_restore, which is destroyed: a list
 * of TocTableData, palloc'd.
 */
List *
toc_table_data(char *text)
{
	List	   *entries = NIL;
	char	   *next;

	for (char *line = text; line != NULL; line = next)
	{
		unsigned	catalog;
		unsigned	oid;
		int			dump_id;
		int			end = 0;
		TocTableData *entry;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (sscanf(line, "%d; %u %u TABLE DATA %n", &dump_id, &catalog, &oid,
				   &end) != 3 || end == 0)
			continue;
		entry = palloc(sizeof(TocTableData));
		entry->table = oid;
		entry->dump_id = dump_id;
		entries = lappend(entries, entry);
	}
	return entries;
}
