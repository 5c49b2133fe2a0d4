/*-------------------------------------------------------------------------
 *
 * row_counts.c
 *	  Compare the row counts of a dump and its restore by table: pure.
 *
 * Tables with different names may have the same name in a manifest, because a
 * byte without an equivalent in UTF-8 becomes "?".  All tables with the same
 * name are therefore compared together.
 *
 * pg_dump can have the rows of partitions restored through the root of their
 * tree.  Such partitions have no equal in the restored database, and the root
 * has none in the dump; their sums are compared.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "store/manifest.h"
#include "worker/row_counts.h"

static int
compare_names(const ManifestRows *a, const ManifestRows *b)
{
	int			order = strcmp(a->schema, b->schema);

	return order != 0 ? order : strcmp(a->table, b->table);
}

static int
compare_rows(const ManifestRows *a, const ManifestRows *b)
{
	int			order = compare_names(a, b);

	return order != 0 ? order : (a->count > b->count) - (a->count < b->count);
}

static int
compare_cells(const ListCell *a, const ListCell *b)
{
	return compare_rows(lfirst(a), lfirst(b));
}

/* Tables that are only in one of the two lists. */
typedef struct Unequaled
{
	List	   *tables;			/* of ManifestRows */
	int64		rows;			/* of all of them */
} Unequaled;

static void
add_table(Unequaled *unequaled, ManifestRows *rows)
{
	unequaled->tables = lappend(unequaled->tables, rows);
	unequaled->rows += rows->count;
}

/* Describe partitions that were restored through the roots of their trees. */
static char *
describe_partitions(const Unequaled *dumped, const Unequaled *restored)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfoString(&text, "The partitions of ");
	foreach(lc, restored->tables)
	{
		const ManifestRows *rows = lfirst(lc);

		appendStringInfo(&text, "%stable \"%s.%s\"",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 rows->schema, rows->table);
	}
	appendStringInfo(&text, " have " INT64_FORMAT " rows instead of "
					 INT64_FORMAT ".", restored->rows, dumped->rows);
	return text.data;
}

/* Return the differences of tables that are only in one of the two lists. */
static List *
compare_unequaled(const Unequaled *dumped, const Unequaled *restored)
{
	List	   *differences = NIL;
	ListCell   *lc;

	if (dumped->tables != NIL && restored->tables != NIL)
		return dumped->rows == restored->rows ? NIL :
			list_make1(describe_partitions(dumped, restored));
	foreach(lc, dumped->tables)
	{
		const ManifestRows *rows = lfirst(lc);

		differences = lappend(differences,
							  psprintf("No rows of table \"%s.%s\" were restored instead of " INT64_FORMAT ".",
									   rows->schema, rows->table,
									   rows->count));
	}
	return differences;
}

/*
 * Return the tables that were dumped but not restored with the same number of
 * rows: a list of sentences, or NIL.  Both arguments are lists of
 * ManifestRows.  Earlier releases, which counted rows by queries, counted
 * large objects as a table of pg_catalog, which has no rows here.
 */
List *
row_counts_differences(const List *dumped, const List *restored)
{
	List	   *before = list_copy(dumped);
	List	   *after = list_copy(restored);
	Unequaled	only_dumped = {NIL, 0};
	Unequaled	only_restored = {NIL, 0};
	List	   *differences = NIL;
	int			i = 0;
	ListCell   *lc;

	list_sort(before, compare_cells);
	list_sort(after, compare_cells);
	foreach(lc, before)
	{
		ManifestRows *rows = lfirst(lc);
		const ManifestRows *found;

		if (strcmp(rows->schema, "pg_catalog") == 0)
			continue;
		while (i < list_length(after) &&
			   compare_names(list_nth(after, i), rows) < 0)
			add_table(&only_restored, list_nth(after, i++));
		found = i < list_length(after) ? list_nth(after, i) : NULL;
		if (found == NULL || compare_names(found, rows) != 0)
		{
			add_table(&only_dumped, rows);
			continue;
		}
		i++;					/* matches one dumped table only */
		if (found->count != rows->count)
			differences = lappend(differences,
								  psprintf("Table \"%s.%s\" has " INT64_FORMAT
										   " rows instead of " INT64_FORMAT ".",
										   rows->schema, rows->table,
										   found->count, rows->count));
	}
	while (i < list_length(after))
		add_table(&only_restored, list_nth(after, i++));
	return list_concat(differences,
					   compare_unequaled(&only_dumped, &only_restored));
}
