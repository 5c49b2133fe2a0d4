/*-------------------------------------------------------------------------
 *
 * row_counts.c
 *	  Compare the row counts of a dump and its restore by table: pure.
 *
 * Tables with different names may have the same name in a manifest, because a
 * byte without an equivalent in UTF-8 becomes "?".  All tables with the same
 * name are therefore compared together.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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

/* Describe a table that has no equal in the restored database. */
static char *
describe_difference(const ManifestRows *dumped, const ManifestRows *restored)
{
	if (restored == NULL || compare_names(dumped, restored) != 0)
		return psprintf("No rows of table \"%s.%s\" were restored instead of " INT64_FORMAT ".",
						dumped->schema, dumped->table, dumped->count);
	return psprintf("Table \"%s.%s\" has " INT64_FORMAT
					" rows instead of " INT64_FORMAT ".",
					dumped->schema, dumped->table, restored->count,
					dumped->count);
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
	List	   *differences = NIL;
	int			i = 0;
	ListCell   *lc;

	list_sort(before, compare_cells);
	list_sort(after, compare_cells);
	foreach(lc, before)
	{
		const ManifestRows *rows = lfirst(lc);
		const ManifestRows *found;

		if (strcmp(rows->schema, "pg_catalog") == 0)
			continue;
		while (i < list_length(after) &&
			   compare_names(list_nth(after, i), rows) < 0)
			i++;
		found = i < list_length(after) ? list_nth(after, i) : NULL;
		if (found != NULL && compare_names(found, rows) == 0)
			i++;				/* matches one dumped table only */
		if (found == NULL || compare_rows(found, rows) != 0)
			differences = lappend(differences,
								  describe_difference(rows, found));
	}
	return differences;
}
