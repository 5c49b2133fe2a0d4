/*-------------------------------------------------------------------------
 *
 * audit_tables.c
 *	  Compare tables that seem unchanged with what the base has of them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/string.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "tools/output_spool.h"
#include "util/file_digest.h"
#include "util/line_hash.h"
#include "worker/audit_tables.h"
#include "worker/base_files.h"

/* Is a file of the base still what it was when it was written? */
static bool
is_base_file_good(const char *path, const BaseTable *table)
{
	char		sha256[SHA256_HEX_SIZE];

	return file_digest_file(path, sha256) == table->size &&
		strcmp(sha256, table->sha256) == 0;
}

/* Return the dump ID in the path of a table's file, palloc'd. */
static char *
dump_id_of(const char *path)
{
	const char *name = strchr(path, '/') + 1;

	return pnstrdup(name, strspn(name, "0123456789"));
}

/*
 * Write a hash of the rows that a dump has of a table, as pg_restore prints
 * them, LINEHASH_HEX_SIZE bytes.
 */
static void
hash_rows(RunContext *cxt, const char *dump, const char *dump_id, char *hash)
{
	File		list = spool_create();
	File		rows = spool_create();
	char	   *text = psprintf("%s;\n", dump_id);
	char	  **argv = tool_args_pg_restore_rows(cxt->bin_directory, dump);
	ChildResult result;
	SpoolReader reader;
	StringInfoData line;
	LineHash	lines;

	if (FileWrite(list, text, strlen(text), 0, 0) != (int) strlen(text))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to a temporary file: %m")));
	if (!run_try_program(cxt, argv, spool_descriptor(list),
						 spool_descriptor(rows), &result))
		run_fail(cxt, argv, &result);
	initStringInfo(&line);
	line_hash_begin(&lines);
	spool_reader_begin(&reader, rows);
	while (spool_reader_next(&reader, &line))
	{
		CHECK_FOR_INTERRUPTS();
		/* a random key of pg_restore for psql */
		if (strncmp(line.data, "\\restrict ", strlen("\\restrict ")) != 0 &&
			strncmp(line.data, "\\unrestrict ", strlen("\\unrestrict ")) != 0)
			line_hash_add(&lines, line.data, line.len);
	}
	spool_reader_end(&reader);
	line_hash_take(&lines, hash);
	line_hash_end(&lines);
	FileClose(list);
	FileClose(rows);
}

/*
 * Do both dumps have the same rows of a table?  Their files are not the same.
 */
static bool
has_same_rows(RunContext *cxt, const BaseTable *table, const char *path)
{
	const char *base_path = psprintf("%s/%s", cxt->directory,
									 cxt->incremental->base_name);
	char	   *base_dump = psprintf("%s/%.*s", base_path,
									 (int) strcspn(table->path, "/"), table->path);
	char	   *dump = psprintf("%s/%s/%s", cxt->directory,
								cxt->run.request.name, cxt->archive);
	char		before[LINEHASH_HEX_SIZE];
	char		now[LINEHASH_HEX_SIZE];

	hash_rows(cxt, base_dump, dump_id_of(table->path), before);
	hash_rows(cxt, dump, dump_id_of(path), now);
	return strcmp(before, now) == 0;
}

/*
 * Compare a table that was read, though it is the same by all rules.  Returns
 * false if the base has no good file of it.
 */
static bool
audit_table(RunContext *cxt, const TableCopy *copy, HTAB *files)
{
	Incremental *incremental = cxt->incremental;
	const BaseTable *table = base_files_find(incremental, copy->oid);
	char	   *path = base_files_data_path(cxt, copy->oid);
	const ManifestFile *file = path != NULL ?
	manifest_find_path(files, path) : NULL;

	if (table == NULL || file == NULL ||
		strcmp(file->sha256, table->sha256) == 0)
		return true;
	if (!is_base_file_good(psprintf("%s/%s/%s", cxt->directory,
									incremental->base_name, table->path),
						   table))
	{
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s/%s/%s\" does not match its manifest",
						cxt->directory, incremental->base_name, table->path),
				 errhint("Verify the snapshots of this database by snapshot_verify_all().")));
		return false;
	}
	if (!has_same_rows(cxt, table, path))
	{
		incremental->different = true;
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("rows of table \"%s.%s\" differ from those in snapshot \"%s\", though the table was found unchanged since",
						copy->schema, copy->table, incremental->base_name),
				 errdetail("Compare \"%s/%s/%s\" with \"%s/%s/%s\".",
						   cxt->directory, incremental->base_name, table->path,
						   cxt->directory, cxt->run.request.name, path),
				 errhint("Snapshots of the database read everything until snapshot_now(full => true) finds no difference.")));
	}
	return true;
}

/*
 * After a run that has read everything has published its snapshot, compare the
 * tables that are the same as at the base by all rules with what the base
 * has.  Raises an error when that cannot be read; a difference is a warning,
 * and switches incremental runs off.
 */
void
audit_tables(RunContext *cxt)
{
	Incremental *incremental = cxt->incremental;
	HTAB	   *files;
	bool		all;
	ListCell   *lc;

	if (incremental == NULL || incremental->base == NULL || incremental->answer)
		return;
	files = manifest_files_by_path(&cxt->manifest);
	/* a table whose file could not be linked is not found to be the same */
	all = hash_get_num_entries(incremental->files) ==
		list_length(incremental->base->tables);
	foreach(lc, copies_list(cxt->copies))
	{
		const TableCopy *copy = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (copy->same && !audit_table(cxt, copy, files))
			all = false;
	}
	incremental->compared = all;
}
