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
 * tree.  Such partitions have no equal in the restored database; their sum is
 * compared with that of the roots.
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

/* Describe partitions that were not restored whole through these roots. */
static char *
describe_partitions(const List *roots, int64 restored, int64 dumped)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfoString(&text, "The partitions of ");
	foreach(lc, roots)
	{
		const ManifestRows *rows = lfirst(lc);

		appendStringInfo(&text, "%stable \"%s.%s\"",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 rows->schema, rows->table);
	}
	appendStringInfo(&text, " have " INT64_FORMAT " rows instead of "
					 INT64_FORMAT ".", restored, dumped);
	return text.data;
}

static int64
sum_of(const List *tables)
{
	int64		sum = 0;
	ListCell   *lc;

	foreach(lc, tables)
		sum += ((ManifestRows *) lfirst(lc))->count;
	return sum;
}

/* Return the differences of dumped tables that have no equal. */
static List *
compare_missing(const List *missing, const List *roots)
{
	List	   *differences = NIL;
	ListCell   *lc;

	if (missing != NIL && roots != NIL)
		return sum_of(missing) == sum_of(roots) ? NIL :
			list_make1(describe_partitions(roots, sum_of(roots),
										   sum_of(missing)));
	foreach(lc, missing)
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
 * rows: a list of sentences, or NIL.  All arguments are lists of ManifestRows;
 * the last one has the partitioned tables into which rows were restored.
 * Earlier releases, which counted rows by queries, counted large objects as a
 * table of pg_catalog, which has no rows here.
 */
List *
row_counts_differences(const List *dumped, const List *restored,
					   const List *roots)
{
	List	   *before = list_copy(dumped);
	List	   *after = list_copy(restored);
	List	   *missing = NIL;
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
			i++;
		found = i < list_length(after) ? list_nth(after, i) : NULL;
		if (found == NULL || compare_names(found, rows) != 0)
		{
			missing = lappend(missing, rows);
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
	return list_concat(differences, compare_missing(missing, roots));
}
