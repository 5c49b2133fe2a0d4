/*-------------------------------------------------------------------------
 *
 * dump_toc.c
 *	  Comparison of dumps' tables of contents, as pg_restore lists them: pure.
 *
 * An entry is one line, such as "214; 1259 16385 TABLE public t postgres".
 * The three leading numbers differ in each dump.  The rest is compared byte by
 * byte, without parsing it: names can contain blanks, and their encoding does
 * not matter.  Line breaks in names are printed as blanks, so that two entries
 * can have equal lines; each counts as often as it occurs.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "tools/dump_toc.h"

/*
 * Entries that may differ in a restored database.  Large objects are compared
 * by their own hash (see column_hashes.c), and can be grouped differently.
 * Statistics and subscriptions are not restored.
 */
static const char *const left_out[] = {
	"BLOB", "COMMENT - LARGE OBJECT", "ACL - LARGE OBJECT",
	"SECURITY LABEL - LARGE OBJECT", "STATISTICS DATA ",
	"SUBSCRIPTION ", "COMMENT - SUBSCRIPTION ",
	"SECURITY LABEL - SUBSCRIPTION ",
};

/* Each new database has it, and pg_dump does not dump it by default. */
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

/* Skip a number and the text after it.  Returns NULL if they are not there. */
static char *
skip_number(char *p, const char *end)
{
	size_t		digits = strspn(p, "0123456789");

	if (digits == 0 || strncmp(p + digits, end, strlen(end)) != 0)
		return NULL;
	return p + digits + strlen(end);
}

/* Return an entry without its numbers, or NULL if it is not to be compared. */
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

/* Split a text into lines, in place, keeping those that part_of() accepts. */
static void
split_lines(char *text, char *(*part_of) (char *line), TocLines *result)
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
 * Return the entries in the output of pg_restore --list that are to be
 * compared.  They point into the text, which is modified.
 */
void
toc_entries(char *text, TocLines *entries)
{
	split_lines(text, entry_of, entries);
}

/* Return all nonempty lines of a text, as toc_entries() does. */
void
toc_lines(char *text, TocLines *lines)
{
	split_lines(text, whole_line, lines);
}

/*
 * Return the lines that occur more often in "from" than in "in", each repeated
 * by the difference: a list of strings in their order.
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
 * All entries in a list of pg_restore: a list of TocEntry, palloc'd, which
 * point into the text.  The text is modified.
 */
List *
toc_all(char *text)
{
	List	   *entries = NIL;
	char	   *next;

	for (char *line = text; line != NULL; line = next)
	{
		char	   *catalog;
		char	   *p;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		p = catalog = skip_number(line, "; ");
		if (p != NULL)
			p = skip_number(p, " ");
		if (p != NULL)
			p = skip_number(p, " ");
		if (p != NULL)
		{
			TocEntry   *entry = palloc(sizeof(TocEntry));

			entry->dump_id = (int) strtol(line, NULL, 10);
			entry->catalog = (Oid) strtoul(catalog, NULL, 10);
			entry->text = p;
			entries = lappend(entries, entry);
		}
	}
	return entries;
}

/*
 * Return what follows the kind of an entry: the schema, the name and the
 * owner, separated by blanks.  Returns NULL if the entry is of another kind.
 * Kinds that begin with the same word, "TABLE" and "TABLE DATA", are told
 * apart by whether they have a catalog, for a schema may be called "DATA".
 */
const char *
toc_entry_of_kind(const TocEntry *entry, const char *kind, bool has_catalog)
{
	size_t		len = strlen(kind);

	if ((entry->catalog != 0) != has_catalog ||
		strncmp(entry->text, kind, len) != 0 || entry->text[len] != ' ')
		return NULL;
	return entry->text + len + 1;
}

/*
 * Replace line breaks in a name by blanks, as pg_restore's list does.  Returns
 * the name, which is modified.
 */
char *
toc_as_listed(char *name)
{
	for (char *p = name; *p != '\0'; p++)
	{
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	return name;
}

/*
 * Return the schema in a text of a list (a schema, a known name and an owner),
 * palloc'd; "" if the text does not have the name.  If the schema's name
 * contains the other one, too, the result may be too short.
 */
char *
toc_schema_of(const char *text, const char *name)
{
	const char *end = strstr(text, toc_as_listed(psprintf(" %s ", name)));

	return end != NULL ? pnstrdup(text, end - text) : pstrdup("");
}

/*
 * Parse a line of a list of pg_restore, "<dump ID>; <catalog> <OID> <entry>".
 * Returns false if it is not an entry of a table's rows, which have no
 * catalog.
 */
static bool
parse_table_data(const char *line, TocTableData *entry)
{
	static const char separator[] = "; 0 ";
	static const char kind[] = " TABLE DATA ";
	char	   *end;

	entry->dump_id = (int) strtol(line, &end, 10);
	if (end == line || strncmp(end, separator, strlen(separator)) != 0)
		return false;
	line = end + strlen(separator);
	entry->table = (Oid) strtoul(line, &end, 10);
	return end != line && strncmp(end, kind, strlen(kind)) == 0;
}

/*
 * The entries of tables' rows in a list of pg_restore, which is destroyed: a
 * list of TocTableData, palloc'd.
 */
List *
toc_table_data(char *text)
{
	List	   *entries = NIL;
	char	   *next;

	for (char *line = text; line != NULL; line = next)
	{
		TocTableData entry;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (parse_table_data(line, &entry))
			entries = lappend(entries,
							  memcpy(palloc(sizeof(entry)), &entry,
									 sizeof(entry)));
	}
	return entries;
}
