/*-------------------------------------------------------------------------
 *
 * find_rows.c
 *	  Find which entries of a dump have the rows of a table.
 *
 * pg_restore finds a table by its exact name.  A partitioned table has no rows
 * of its own there: its partitions have entries with their rows, and other
 * entries attach them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/hsearch.h"

#include "session/dump_encoding.h"
#include "session/dump_partitions.h"
#include "session/find_relation.h"
#include "session/find_rows.h"
#include "tools/dump_toc.h"

#define TABLE_DATA	"TABLE DATA"

/* Kinds of entries, as pg_dump names them, of relations without rows. */
static const struct
{
	const char *kind;
	const char *what;
}			without_rows[] = {
	{"VIEW", "view"},
	{"MATERIALIZED VIEW", "materialized view"},
	{"FOREIGN TABLE", "foreign table"},
	{"SEQUENCE", "sequence"},
};

/* Collect the IDs of entries of a kind. */
static List *
ids_of_kind(const List *entries, const char *kind, bool has_catalog)
{
	List	   *ids = NIL;
	ListCell   *lc;

	foreach(lc, entries)
	{
		const TocEntry *entry = lfirst(lc);

		if (toc_entry_of_kind(entry, kind, has_catalog) != NULL)
			ids = lappend_int(ids, entry->dump_id);
	}
	return ids;
}

/* Raise the error that a name is ambiguous. */
static void
report_several(const OpenSnapshot *snapshot, const FoundRows *wanted,
			   const List *entries)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, entries)
	{
		const char *names = toc_entry_of_kind(lfirst(lc), TABLE_DATA, false);

		if (names != NULL)
			appendStringInfo(&list, "%s%s", list.len > 0 ? "\n" : "",
							 dump_encoding_shown(names, snapshot->encoding));
	}
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_ALIAS),
			 errmsg("snapshot \"%s\" has more than one table %s",
					snapshot->stored->name,
					find_shown_name(snapshot, wanted->schema, wanted->table)),
			 errdetail("By schema, name and owner:\n%s", list.data),
			 errhint("Write the table's name with its schema.")));
}

/* Raise the error that a relation has no rows in the dump. */
static void
report_no_rows(const OpenSnapshot *snapshot, const FoundRows *wanted,
			   const List *entries)
{
	char	   *name = find_shown_name(snapshot, wanted->schema, wanted->table);

	for (size_t i = 0; i < lengthof(without_rows); i++)
	{
		if (ids_of_kind(entries, without_rows[i].kind, true) != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("%s is a %s in snapshot \"%s\"", name,
							without_rows[i].what, snapshot->stored->name),
					 errdetail("A dump has rows of tables only.")));
	}
	if (ids_of_kind(entries, "TABLE", true) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("snapshot \"%s\" has table %s without its rows",
						snapshot->stored->name, name)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("snapshot \"%s\" has no table %s",
					snapshot->stored->name, name),
			 errhint("snapshot_tables() lists the tables of a snapshot.")));
}

/* A name as the list has it: the key of a hash table. */
typedef struct ListedName
{
	char		name[2 * NAMEDATALEN];
} ListedName;

/* Return the names of partitions as the list has them. */
static HTAB *
listed_names(HTAB *partitions)
{
	HASHCTL		info;
	HTAB	   *names;
	HASH_SEQ_STATUS status;
	const DumpTableName *name;

	info.keysize = sizeof(ListedName);
	info.entrysize = sizeof(ListedName);
	info.hcxt = CurrentMemoryContext;
	names = hash_create("listed partitions", 64, &info,
						HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	hash_seq_init(&status, partitions);
	while ((name = hash_seq_search(&status)) != NULL)
		(void) hash_search(names, toc_as_listed(psprintf("%s %s", name->schema,
														 name->table)),
						   HASH_ENTER, NULL);
	return names;
}

/*
 * May this text, a schema, a name and an owner, be about one of these names?
 * Each of the three can contain blanks.
 */
static bool
may_be_listed(HTAB *names, const char *text)
{
	const char *blank = strchr(text, ' ');
	char		key[sizeof(ListedName)];
	bool		found = false;

	while (blank != NULL && !found && blank - text < (int) sizeof(key))
	{
		strlcpy(key, text, blank - text + 1);
		(void) hash_search(names, key, HASH_FIND, &found);
		blank = strchr(blank + 1, ' ');
	}
	return found;
}

/* Return the schema of the only table in a list, whose name is known. */
static char *
schema_in(const List *entries, const char *table)
{
	ListCell   *lc;

	foreach(lc, entries)
	{
		const char *text = toc_entry_of_kind(lfirst(lc), "TABLE", true);

		if (text != NULL)
			return toc_schema_of(text, table);
	}
	return NULL;
}

/*
 * Find the partitions of a table that has no rows of its own, and the entries
 * of their rows.  Returns false if it is not partitioned.
 */
static bool
find_partitions(const OpenSnapshot *snapshot, const List *own,
				FoundRows *found)
{
	List	   *ids = ids_of_kind(own, "TABLE", true);
	List	   *entries;
	DumpTableName root;
	HTAB	   *names;
	bool		is_partitioned;
	ListCell   *lc;

	if (list_length(ids) != 1)
		return false;
	if (found->schema == NULL)
		found->schema = schema_in(own, found->table);
	entries = toc_all(open_snapshot_list(snapshot, NULL, NULL));
	ids = list_concat(ids, ids_of_kind(entries, "TABLE ATTACH", false));
	if (found->schema == NULL)
		return false;
	dump_table_name(&root, found->schema, found->table);
	found->partitions = dump_partitions(open_snapshot_script(snapshot, ids),
										&root, &is_partitioned);
	if (!is_partitioned)
		return false;

	names = listed_names(found->partitions);
	foreach(lc, entries)
	{
		const TocEntry *entry = lfirst(lc);
		const char *text = toc_entry_of_kind(entry, TABLE_DATA, false);

		if (text != NULL && may_be_listed(names, text))
			found->dump_ids = lappend_int(found->dump_ids, entry->dump_id);
		text = toc_entry_of_kind(entry, "FOREIGN TABLE", true);
		if (text != NULL && may_be_listed(names, text))
			ereport(NOTICE,
					(errmsg("the rows of a foreign table are not in snapshot \"%s\": %s",
							snapshot->stored->name,
							dump_encoding_shown(text, snapshot->encoding))));
	}
	return true;
}

/*
 * Find the rows of a table, given by its name in the dump's encoding: of its
 * own, or of its partitions.  The schema can be NULL if only one table has the
 * name.  Raises an error if the dump has no such table, several, or none of
 * its rows.
 */
void
find_rows(const OpenSnapshot *snapshot, const char *schema, const char *table,
		  FoundRows *found)
{
	List	   *entries = toc_all(open_snapshot_list(snapshot, schema, table));

	memset(found, 0, sizeof(*found));
	found->schema = schema;
	found->table = table;
	found->dump_ids = ids_of_kind(entries, TABLE_DATA, false);
	if (list_length(found->dump_ids) > 1)
		report_several(snapshot, found, entries);
	if (found->dump_ids == NIL &&
		!find_partitions(snapshot, entries, found))
		report_no_rows(snapshot, found, entries);
}

/*
 * Is this one of the tables that were found?  Where a hash of the partition
 * key can differ between servers, pg_dump names the root in place of a
 * partition; then the entry must suffice.
 */
bool
find_rows_wants(const FoundRows *found, const DumpTable *table)
{
	DumpTableName name;
	bool		wanted;

	if (table->via_root)
		return true;
	if (found->partitions == NULL)
		return strcmp(table->table, found->table) == 0 &&
			(found->schema == NULL ||
			 strcmp(table->schema, found->schema) == 0);
	dump_table_name(&name, table->schema, table->table);
	(void) hash_search(found->partitions, &name, HASH_FIND, &wanted);
	return wanted;
}
