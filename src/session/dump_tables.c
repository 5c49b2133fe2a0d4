/*-------------------------------------------------------------------------
 *
 * dump_tables.c
 *	  The tables with rows in a snapshot, and what its manifest says of each.
 *
 * pg_restore's list separates schema, name and owner by blanks, and writes a
 * blank for a line break in a name.  If that leaves more than one reading, the
 * names whose rows were counted decide, and if that does not suffice,
 * pg_restore itself: it finds a table by its exact name.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/hsearch.h"

#include "session/dump_encoding.h"
#include "session/dump_partitions.h"
#include "session/dump_tables.h"
#include "tools/dump_toc.h"

#define TABLE_DATA	"TABLE DATA"

/* A table whose rows were counted. */
typedef struct CountedTable
{
	DumpTableName name;			/* hash key */
	int64		rows;
} CountedTable;

/* All tables whose names a list shows alike. */
typedef struct ListedTables
{
	char		shown[2 * NAMEDATALEN]; /* hash key: schema, blank, name */
	List	   *names;			/* of DumpTableName */
} ListedTables;

typedef struct TableReader
{
	const OpenSnapshot *snapshot;
	HTAB	   *counted;
	HTAB	   *listed;
} TableReader;

static HTAB *
create_hash(const char *name, Size keysize, Size entrysize, int flags)
{
	HASHCTL		info;

	info.keysize = keysize;
	info.entrysize = entrysize;
	info.hcxt = CurrentMemoryContext;
	return hash_create(name, 256, &info, HASH_ELEM | HASH_CONTEXT | flags);
}

/* Collect the tables whose rows were counted. */
static void
read_counts(TableReader *reader)
{
	const OpenSnapshot *snapshot = reader->snapshot;
	ListCell   *lc;

	reader->counted = create_hash("counted tables", sizeof(DumpTableName),
								  sizeof(CountedTable), HASH_BLOBS);
	reader->listed = create_hash("listed tables", (Size) 2 * NAMEDATALEN,
								 sizeof(ListedTables), HASH_STRINGS);
	foreach(lc, snapshot->stored->manifest.row_counts)
	{
		const ManifestRows *rows = lfirst(lc);
		char	   *schema = dump_encoding_from_utf8(rows->schema,
													 snapshot->encoding);
		char	   *table = dump_encoding_from_utf8(rows->table,
													snapshot->encoding);
		DumpTableName *name = palloc(sizeof(DumpTableName));
		CountedTable *counted;
		ListedTables *listed;
		bool		found;

		if (schema == NULL || table == NULL)
			continue;
		dump_table_name(name, schema, table);
		counted = hash_search(reader->counted, name, HASH_ENTER, &found);
		/* names that UTF-8 lacks can be the same in the manifest */
		counted->rows = found ? -1 : rows->count;
		listed = hash_search(reader->listed,
							 toc_as_listed(psprintf("%s %s", name->schema,
													name->table)),
							 HASH_ENTER, &found);
		if (!found)
			listed->names = NIL;
		listed->names = lappend(listed->names, name);
	}
}

/*
 * Collect all names that a text (a schema, a name and an owner) may begin
 * with: those that were counted, or if none was, all that it can be split
 * into.
 */
static List *
possible_names(const TableReader *reader, const char *text)
{
	List	   *names = NIL;
	char		key[2 * NAMEDATALEN];

	for (const char *blank = strchr(text, ' ');
		 blank != NULL && blank - text < (int) sizeof(key);
		 blank = strchr(blank + 1, ' '))
	{
		const ListedTables *listed;

		strlcpy(key, text, blank - text + 1);
		listed = hash_search(reader->listed, key, HASH_FIND, NULL);
		if (listed != NULL)
			names = list_concat(names, listed->names);
	}
	if (names != NIL)
		return names;
	for (const char *first = strchr(text, ' '); first != NULL;
		 first = strchr(first + 1, ' '))
	{
		for (const char *second = strchr(first + 1, ' '); second != NULL;
			 second = strchr(second + 1, ' '))
		{
			DumpTableName *name = palloc(sizeof(DumpTableName));

			dump_table_name(name, pnstrdup(text, first - text),
							pnstrdup(first + 1, second - first - 1));
			names = lappend(names, name);
		}
	}
	return names;
}

/* Does an entry have the rows of the table of this very name? */
static bool
is_entry_of(const TableReader *reader, const TocEntry *entry,
			const DumpTableName *name)
{
	ListCell   *lc;

	foreach(lc, toc_all(open_snapshot_list(reader->snapshot, name->schema,
										   name->table)))
	{
		const TocEntry *found = lfirst(lc);

		if (found->dump_id == entry->dump_id)
			return true;
	}
	return false;
}

/*
 * Return the name in a text, where only the name between schema and owner can
 * contain blanks, or NULL.
 */
static const DumpTableName *
shown_name(const char *text)
{
	const char *first = strchr(text, ' ');
	const char *last = strrchr(text, ' ');
	DumpTableName *name;

	if (first == last)
		return NULL;
	name = palloc(sizeof(DumpTableName));
	dump_table_name(name, pnstrdup(text, first - text),
					pnstrdup(first + 1, last - first - 1));
	return name;
}

/*
 * Return the name of the table whose rows an entry has, or NULL.  If the rows
 * were not counted, and the name has line breaks, it gets blanks instead.
 */
static const DumpTableName *
name_of_entry(const TableReader *reader, const TocEntry *entry,
			  const char *text)
{
	List	   *names = possible_names(reader, text);
	ListCell   *lc;

	if (list_length(names) == 1)
		return linitial(names);
	foreach(lc, names)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_entry_of(reader, entry, lfirst(lc)))
			return lfirst(lc);
	}
	return shown_name(text);
}

static TableInfo *
make_info(const TableReader *reader, const TocEntry *entry,
		  const DumpTableName *name)
{
	const OpenSnapshot *snapshot = reader->snapshot;
	const CountedTable *counted = hash_search(reader->counted, name, HASH_FIND,
											  NULL);
	TableInfo  *info = palloc(sizeof(TableInfo));

	info->schema = dump_encoding_shown(name->schema, snapshot->encoding);
	info->table = dump_encoding_shown(name->table, snapshot->encoding);
	info->rows = counted != NULL ? counted->rows : -1;
	info->file = open_snapshot_data_file(snapshot, entry->dump_id);
	return info;
}

/*
 * Return the tables whose rows a snapshot has, as a list of TableInfo in the
 * order of its list.  Raises an error if pg_restore cannot list it.
 */
List *
dump_tables(const OpenSnapshot *snapshot)
{
	TableReader reader = {.snapshot = snapshot};
	List	   *tables = NIL;
	ListCell   *lc;

	read_counts(&reader);
	foreach(lc, toc_all(open_snapshot_list(snapshot, NULL, NULL)))
	{
		const TocEntry *entry = lfirst(lc);
		const char *text = toc_entry_of_kind(entry, TABLE_DATA, false);
		const DumpTableName *name;

		CHECK_FOR_INTERRUPTS();
		if (text == NULL)
			continue;
		name = name_of_entry(&reader, entry, text);
		if (name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the dump in \"%s\" is damaged", snapshot->dump),
					 errdetail("Its table of contents has a table without a name: %s",
							   dump_encoding_shown(text, snapshot->encoding))));
		tables = lappend(tables, make_info(&reader, entry, name));
	}
	return tables;
}

/* Compare two tables by their schemas and names. */
int
dump_tables_compare(const TableInfo *a, const TableInfo *b)
{
	int			order = strcmp(a->schema, b->schema);

	return order != 0 ? order : strcmp(a->table, b->table);
}

static int
compare_pointers(const void *a, const void *b)
{
	return dump_tables_compare(*(const TableInfo *const *) a,
							   *(const TableInfo *const *) b);
}

/*
 * Return a list of tables as an array, palloc'd, sorted by schema and name.
 * *count is set to their number.
 */
const TableInfo **
dump_tables_sort(const List *tables, int *count)
{
	const TableInfo **sorted = palloc((list_length(tables) + 1) *
									  sizeof(TableInfo *));
	ListCell   *lc;

	*count = list_length(tables);
	foreach(lc, tables)
		sorted[foreach_current_index(lc)] = lfirst(lc);
	qsort(sorted, *count, sizeof(TableInfo *), compare_pointers);
	return sorted;
}
