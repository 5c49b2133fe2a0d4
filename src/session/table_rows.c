/*-------------------------------------------------------------------------
 *
 * table_rows.c
 *	  The rows of a table in a snapshot, one after the other.
 *
 * What is read to its end is checked: the number of rows, if it was counted
 * when the snapshot was taken, and in directory format the hash of the file.
 * The hash is computed afterwards, because pg_restore reads the file by
 * itself.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "session/dump_copy.h"
#include "session/dump_encoding.h"
#include "session/find_relation.h"
#include "session/find_rows.h"
#include "session/open_snapshot.h"
#include "session/row_columns.h"
#include "session/table_rows.h"
#include "session/value_settings.h"

struct TableRows
{
	MemoryContext context;
	OpenSnapshot *snapshot;
	FoundRows	found;
	DumpCopy   *copy;			/* NULL if nothing is left to read */
	RowColumns *columns;
	List	   *settings;

	/* The table whose rows are being read, or NULL. */
	const DumpTable *table;
	char	   *shown;			/* its name, for messages */
	const char *file;			/* of its rows */
	int64		line;
};

/* Tell where an error was found. */
static void
add_context(void *arg)
{
	const TableRows *rows = arg;

	if (rows->table == NULL || rows->line == 0)
		return;
	if (rows->columns->current != NULL)
		errcontext("line " INT64_FORMAT " of table %s in \"%s\", column \"%s\"",
				   rows->line, rows->shown, rows->file,
				   rows->columns->current);
	else
		errcontext("line " INT64_FORMAT " of table %s in \"%s\"",
				   rows->line, rows->shown, rows->file);
}

/*
 * Start to read a table, given by its name in this database's encoding, of the
 * snapshot that a text names; the schema can be NULL.  The result has rows of
 * this type.  All of it lives in the current memory context, whose reset lets
 * go of the snapshot.  Raises an error if there is no such snapshot or table.
 */
TableRows *
table_rows_begin(const char *name, const char *schema, const char *table,
				 TupleDesc desc)
{
	TableRows  *rows = palloc0(sizeof(TableRows));

	rows->context = CurrentMemoryContext;
	rows->snapshot = open_snapshot(name);
	find_encode_name(rows->snapshot, &schema, &table);
	find_rows(rows->snapshot, schema, table, &rows->found);
	rows->columns = row_columns_begin(desc);
	rows->settings = value_settings(&rows->snapshot->stored->manifest);
	if (rows->found.dump_ids != NIL)
		rows->copy = dump_copy_begin(rows->snapshot, rows->found.dump_ids);
	return rows;
}

/* Begin with a table of the dump. */
static void
begin_table(TableRows *rows)
{
	const OpenSnapshot *snapshot = rows->snapshot;
	const DumpTable *table = rows->table;
	const ManifestFile *file = open_snapshot_data_file(snapshot,
													   table->dump_id);

	rows->line = 0;
	rows->shown = psprintf("\"%s.%s\"",
						   dump_encoding_shown(table->schema,
											   snapshot->encoding),
						   dump_encoding_shown(table->table,
											   snapshot->encoding));
	rows->file = file == NULL ? snapshot->dump :
		psprintf("%s/%s", snapshot->stored->path, file->path);
	row_columns_match(rows->columns, table->columns, snapshot->encoding,
					  rows->shown, snapshot->stored->name);
}

/* Return the number of rows that the manifest has of a table, or -1. */
static int64
counted_rows(const TableRows *rows)
{
	int			encoding = rows->snapshot->encoding;
	char	   *schema = dump_encoding_to_utf8(rows->table->schema, encoding);
	char	   *table = dump_encoding_to_utf8(rows->table->table, encoding);
	int64		count = -1;
	ListCell   *lc;

	if (schema == NULL || table == NULL)
		return -1;
	foreach(lc, rows->snapshot->stored->manifest.row_counts)
	{
		const ManifestRows *counted = lfirst(lc);

		if (strcmp(counted->table, table) != 0 ||
			strcmp(counted->schema, schema) != 0)
			continue;
		/* names that UTF-8 lacks can be the same in the manifest */
		if (count >= 0)
			return -1;
		count = counted->count;
	}
	return count;
}

/* Check a table that has been read to its end, after so many rows. */
static void
check_table(const TableRows *rows, int64 count)
{
	const OpenSnapshot *snapshot = rows->snapshot;
	const ManifestFile *file = open_snapshot_data_file(snapshot,
													   rows->table->dump_id);
	int64		counted = counted_rows(rows);

	if (file != NULL)
		open_snapshot_check_file(snapshot, file);
	if (counted >= 0 && counted != count)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("snapshot \"%s\" is damaged", snapshot->stored->name),
				 errdetail("Table %s has " INT64_FORMAT " rows in \"%s\", and " INT64_FORMAT " were counted when the snapshot was taken.",
						   rows->shown, count, rows->file, counted)));
}

/* Go on to the next table with rows.  Returns false after the last one. */
static bool
next_table(TableRows *rows)
{
	while ((rows->table = dump_copy_next_table(rows->copy)) != NULL)
	{
		if (find_rows_wants(&rows->found, rows->table))
		{
			begin_table(rows);
			return true;
		}
		/* the list cannot always tell the names of two tables apart */
		if (rows->found.partitions == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the dump in \"%s\" is damaged",
							rows->snapshot->dump),
					 errdetail("It has rows of another table than its table of contents.")));
		dump_copy_skip_rows(rows->copy);
	}
	rows->copy = NULL;
	return false;
}

/*
 * Read the next line of the dump that is a row: its fields, or NULL after the
 * last one.
 */
static char **
next_fields(TableRows *rows)
{
	char	  **fields;
	int64		count;

	while (rows->copy != NULL)
	{
		if (rows->table != NULL)
		{
			rows->line++;
			if (dump_copy_next_row(rows->copy, &fields))
				return fields;
			count = rows->line - 1;
			rows->line = 0;
			check_table(rows, count);
			rows->table = NULL;
		}
		if (!next_table(rows))
			break;
	}
	return NULL;
}

/*
 * Return the next row, in the current memory context, or NULL after the last
 * one.  Raises an error, with the line, if a row cannot be read or is not
 * valid for its type, and if the dump is found to be damaged.
 */
HeapTuple
table_rows_next(TableRows *rows)
{
	ErrorContextCallback callback = {error_context_stack, add_context, rows};
	MemoryContext caller = MemoryContextSwitchTo(rows->context);
	HeapTuple	tuple = NULL;
	char	  **fields;

	error_context_stack = &callback;
	rows->columns->current = NULL;
	fields = next_fields(rows);
	MemoryContextSwitchTo(caller);
	if (fields != NULL)
	{
		int			level = value_settings_apply(rows->settings);

		tuple = row_columns_fill(rows->columns, fields);
		value_settings_undo(level);
	}
	error_context_stack = callback.previous;
	return tuple;
}
