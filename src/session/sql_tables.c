/*-------------------------------------------------------------------------
 *
 * sql_tables.c
 *	  SQL functions that list the tables of a snapshot, and compare snapshots.
 *
 * A file of a table that has not changed is a hard link to that of the
 * snapshot before, or at least has the same hash, which the manifests have.
 * So nothing is read but manifests and tables of contents.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "session/dump_tables.h"
#include "session/live_tables.h"
#include "session/sql_util.h"
#include "settings.h"
#include "util/compat.h"

PG_FUNCTION_INFO_V1(snapshot_tables);
PG_FUNCTION_INFO_V1(snapshot_diff);

/* What identifies a file, whatever links it has: a hash key. */
typedef struct FileId
{
	dev_t		device;
	ino_t		inode;
} FileId;

static bool
is_earlier(const StoredSnapshot *snapshot, const void *arg)
{
	const StoredSnapshot *later = arg;

	return snapshot->start < later->start &&
		snapshot->manifest.system_identifier ==
		later->manifest.system_identifier;
}

/* Identify a file of a snapshot.  Returns false if it is missing. */
static bool
identify(const StoredSnapshot *snapshot, const ManifestFile *file, FileId *id)
{
	char	   *path = psprintf("%s/%s", snapshot->path, file->path);
	struct stat st;
	bool		found = lstat(path, &st) == 0;

	/* padding is part of a hash key */
	memset(id, 0, sizeof(*id));
	if (found)
	{
		id->device = st.st_dev;
		id->inode = st.st_ino;
	}
	pfree(path);
	return found;
}

/* Return the files of a snapshot, as a hash table of FileId. */
static HTAB *
files_of(const StoredSnapshot *snapshot)
{
	HASHCTL		info;
	HTAB	   *files;
	ListCell   *lc;

	info.keysize = sizeof(FileId);
	info.entrysize = sizeof(FileId);
	info.hcxt = CurrentMemoryContext;
	files = hash_create("files of a snapshot", 256, &info,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, snapshot->manifest.files)
	{
		FileId		id;

		CHECK_FOR_INTERRUPTS();
		if (identify(snapshot, lfirst(lc), &id))
			(void) hash_search(files, &id, HASH_ENTER, NULL);
	}
	return files;
}

/* Is a file of a snapshot a link to one of these files? */
static bool
is_shared(const StoredSnapshot *snapshot, const ManifestFile *file,
		  HTAB *earlier_files)
{
	FileId		id;

	return earlier_files != NULL && identify(snapshot, file, &id) &&
		hash_search(earlier_files, &id, HASH_FIND, NULL) != NULL;
}

/* snapshot_tables(name text) returns setof record */
Datum
snapshot_tables(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	OpenSnapshot *snapshot;
	const StoredSnapshot *earlier;
	HTAB	   *earlier_files = NULL;
	const TableInfo **tables;
	int			ntables;

	sql_check_arguments(fcinfo, "snapshot_tables");
	InitMaterializedSRF(fcinfo, 0);
	snapshot = open_snapshot(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	tables = dump_tables_sort(dump_tables(snapshot), &ntables);
	earlier = store_newest(settings_directory(), snapshot->stored->database,
						   is_earlier, snapshot->stored);
	if (earlier != NULL)
		earlier = store_load(settings_directory(), earlier->name, true, DEBUG1);
	if (earlier != NULL)
		earlier_files = files_of(earlier);
	for (int n = 0; n < ntables; n++)
	{
		const TableInfo *table = tables[n];
		Datum		values[5] = {0};
		bool		nulls[5] = {0};

		CHECK_FOR_INTERRUPTS();
		values[0] = sql_name_datum(table->schema);
		values[1] = sql_name_datum(table->table);
		nulls[2] = table->rows < 0;
		values[2] = Int64GetDatum(table->rows);
		nulls[3] = nulls[4] = table->file == NULL;
		if (table->file != NULL)
		{
			values[3] = Int64GetDatum(table->file->size);
			values[4] = BoolGetDatum(is_shared(snapshot->stored, table->file,
											   earlier_files));
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	open_snapshot_close(snapshot);
	return (Datum) 0;
}

/*
 * Return how the rows of a table differ between two snapshots, or NULL if that
 * cannot be told.  Files can be compared if they are compressed alike.
 */
static const char *
change_of(const TableInfo *before, const TableInfo *after, bool comparable)
{
	if (before->file != NULL && after->file != NULL && comparable)
		return before->file->size == after->file->size &&
			strcmp(before->file->sha256, after->file->sha256) == 0 ?
			"same" : "changed";
	if (before->rows >= 0 && after->rows >= 0 && before->rows != after->rows)
		return "changed";
	return NULL;
}

/* Add a row about a table to the result; before or after can be NULL. */
static void
put_difference(ReturnSetInfo *rsinfo, const TableInfo *table,
			   const TableInfo *before, const TableInfo *after,
			   const char *change)
{
	Datum		values[7] = {0};
	bool		nulls[7];

	memset(nulls, true, sizeof(nulls));
#define SET(column, datum) (nulls[column] = false, values[column] = (datum))
	SET(0, sql_name_datum(table->schema));
	SET(1, sql_name_datum(table->table));
	if (change != NULL)
		SET(2, sql_text_datum(change));
	if (before != NULL && before->rows >= 0)
		SET(3, Int64GetDatum(before->rows));
	if (after != NULL && after->rows >= 0)
		SET(4, Int64GetDatum(after->rows));
	if (before != NULL && before->file != NULL)
		SET(5, Int64GetDatum(before->file->size));
	if (after != NULL && after->file != NULL)
		SET(6, Int64GetDatum(after->file->size));
#undef SET
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* snapshot_diff(older text, newer text) returns setof record */
Datum
snapshot_diff(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	OpenSnapshot *older;
	OpenSnapshot *newer = NULL;
	const TableInfo **before;
	const TableInfo **after;
	int			nbefore;
	int			nafter;
	bool		comparable = false;

	sql_check_loaded();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("snapshot name must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	older = open_snapshot(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	before = dump_tables_sort(dump_tables(older), &nbefore);
	if (PG_ARGISNULL(1))
		after = live_tables_sorted(&nafter);
	else
	{
		newer = open_snapshot(text_to_cstring(PG_GETARG_TEXT_PP(1)));
		after = dump_tables_sort(dump_tables(newer), &nafter);
		comparable = strcmp(older->stored->manifest.compression,
							newer->stored->manifest.compression) == 0;
	}

	for (int i = 0, j = 0; i < nbefore || j < nafter;)
	{
		int			order;

		CHECK_FOR_INTERRUPTS();
		if (i == nbefore)
			order = 1;
		else if (j == nafter)
			order = -1;
		else
			order = dump_tables_compare(before[i], after[j]);
		if (order < 0)
			put_difference(rsinfo, before[i], before[i], NULL, "dropped");
		else if (order > 0)
			put_difference(rsinfo, after[j], NULL, after[j], "added");
		else
			put_difference(rsinfo, before[i], before[i], after[j],
						   change_of(before[i], after[j], comparable));
		i += order <= 0;
		j += order >= 0;
	}
	open_snapshot_close(older);
	if (newer != NULL)
		open_snapshot_close(newer);
	return (Datum) 0;
}
