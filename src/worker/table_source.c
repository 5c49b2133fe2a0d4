/*-------------------------------------------------------------------------
 *
 * table_source.c
 *	  Restore a table into a scratch database, and dump it from there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/wait.h>

#include "mb/pg_wchar.h"

#include "database/database_settings.h"
#include "database/dump_transaction.h"
#include "tools/dump_toc.h"
#include "tools/output_spool.h"
#include "tools/table_args.h"
#include "tools/toc_selection.h"
#include "util/test_step.h"
#include "worker/program_sessions.h"
#include "worker/scratch_database.h"
#include "worker/scratch_query.h"
#include "worker/scratch_table.h"
#include "worker/table_source.h"

/* Return a name of this database in the dump's encoding. */
static char *
in_dump(const char *name, const char *encoding)
{
	return scratch_convert(name, GetDatabaseEncoding(),
						   pg_char_to_encoding(encoding));
}

static char *
shown_name(const RunRequest *request)
{
	return psprintf("%s%s%s", request->schema,
					request->schema[0] != '\0' ? "." : "", request->table);
}

/* Return the tables of this name in a dump, in a schema or (NULL) in all. */
static List *
list_tables(RunContext *cxt, const char *schema, const char *archive,
			const char *encoding)
{
	char	  **argv;

	argv = tool_args_pg_restore_list_table(cxt->bin_directory,
										   schema == NULL ? NULL : in_dump(schema, encoding),
										   in_dump(cxt->run.request.table, encoding),
										   archive);
	return toc_selection_tables(scratch_output(cxt, argv, -1));
}

/*
 * Return the schema of the table that the run is to restore, palloc'd.  Raises
 * an error if the dump has no such table, or several.
 */
char *
table_source_schema(RunContext *cxt, const char *archive, const char *encoding)
{
	const RunRequest *request = &cxt->run.request;
	const char *table = in_dump(request->table, encoding);
	List	   *tables = list_tables(cxt, request->schema[0] == '\0' ? NULL :
									 request->schema, archive, encoding);
	char	   *schema;

	if (list_length(tables) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("snapshot \"%s\" has more than one table \"%s\"",
						request->name, request->table),
				 errhint("Write the table's name with its schema.")));
	if (tables == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("snapshot \"%s\" has no table \"%s\"", request->name,
						shown_name(request)),
				 errdetail("Only tables can be restored, not views, materialized views or foreign tables.")));
	if (request->schema[0] != '\0')
		return pstrdup(request->schema);

	/* it is before the name, and must lead to the same table */
	schema = scratch_convert(toc_schema_of(linitial(tables), table),
							 pg_char_to_encoding(encoding),
							 GetDatabaseEncoding());
	if (list_length(list_tables(cxt, schema, archive, encoding)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not find the schema of table \"%s\" in snapshot \"%s\"",
						request->table, request->name),
				 errhint("Write the table's name with its schema.")));
	return schema;
}

/* Raise the first error of pg_restore's sessions that must not be left out. */
static void
check_trouble(RunContext *cxt)
{
	RestoreTrouble trouble;

	restore_notes_trouble(cxt->notes, &trouble);
	if (trouble.sqlerrcode != 0)
		ereport(ERROR,
				(errcode(trouble.sqlerrcode),
				 errmsg("pg_restore failed: %s", trouble.message)));
}

/*
 * Raise an error if the server did not recognize pg_restore's sessions: it has
 * restored what should have been adapted or left out.
 */
static void
check_sessions(RunContext *cxt)
{
	if (!restore_notes_are_attached(cxt->notes))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the server did not recognize the sessions of pg_restore"),
				 errhint("Programs in \"snapshot_worker.bin_directory\" must keep PGOPTIONS in their environment.")));
}

static void
ignore_error(void *arg, const RestoreError *error)
{
}

/*
 * Restore the definitions of a section into the scratch database.  What does
 * not belong to the table may fail.
 */
static void
restore_definitions(RunContext *cxt, const char *section, const char *archive)
{
	char	  **argv = table_args_definitions(cxt->bin_directory,
											  &cxt->connection, section, archive);
	RestoreErrors errors;
	ChildResult result;
	bool		done;

	restore_errors_begin(&errors, ignore_error, NULL);
	cxt->errors = &errors;
	done = run_try_program(cxt, argv, -1, CHILD_DISCARD, &result);
	cxt->errors = NULL;
	restore_errors_end(&errors);
	check_trouble(cxt);
	/* if it ran to its end, what failed were statements of the dump */
	if (!done &&
		(!WIFEXITED(result.status) || WEXITSTATUS(result.status) != 1 ||
		 errors.ignored <= 0 || errors.unexpected))
		run_fail(cxt, argv, &result);
	check_sessions(cxt);
	if (done)
		return;
	ereport(LOG,
			(errmsg("pg_restore could not restore " INT64_FORMAT " objects of snapshot \"%s\" into the scratch database, which the table may not need",
					errors.ignored, cxt->run.request.name),
			 errdetail_internal("%s", result.output)));
}

/* Return the schemas of the parts, each once. */
static List *
schemas_of(List *parts)
{
	List	   *schemas = NIL;
	ListCell   *lc;

	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);
		ListCell   *known;
		bool		found = false;

		foreach(known, schemas)
			found = found || strcmp(lfirst(known), part->schema) == 0;
		if (!found)
			schemas = lappend(schemas, part->schema);
	}
	return schemas;
}

/* Restore the rows of the table and its partitions, and its sequences. */
static void
restore_rows(RunContext *cxt, List *parts, const char *archive,
			 const char *encoding)
{
	ListCell   *lc;

	foreach(lc, schemas_of(parts))
	{
		const char *schema = lfirst(lc);
		List	   *names = NIL;
		ListCell   *of_schema;
		ChildResult result;
		char	  **argv;

		foreach(of_schema, parts)
		{
			const TablePart *part = lfirst(of_schema);

			if (strcmp(part->schema, schema) == 0 &&
				(part->kind == PART_TABLE || part->kind == PART_SEQUENCE))
				names = lappend(names, in_dump(part->name, encoding));
		}
		if (names == NIL)
			continue;
		argv = table_args_rows(cxt->bin_directory, &cxt->connection,
							   in_dump(schema, encoding), names, archive);
		if (!run_try_tables(cxt, argv, 1, list_length(names), &result))
			run_fail(cxt, argv, &result);
	}
}

/*
 * Return the parts of the table, as scratch_table_parts().  Raises an error if
 * it is not in the scratch database.
 */
static List *
find_parts(RunContext *cxt, const char *schema)
{
	List	   *parts = scratch_table_parts(cxt, schema,
											cxt->run.request.table);

	if (parts == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("pg_restore did not create table \"%s.%s\"", schema,
						cxt->run.request.table),
				 errdetail("The table belongs to an extension, or the server log has the error.")));
	return parts;
}

/*
 * Create a scratch database, and restore into it all definitions of a
 * snapshot, because those of the table depend on others, and the rows of the
 * table that the run names, whose schema this is.  Rows come before foreign
 * keys and triggers.  Returns the table's parts, as scratch_table_parts().
 */
List *
table_source_restore(RunContext *cxt, const StoredSnapshot *snapshot,
					 const char *schema)
{
	const Manifest *manifest = &snapshot->manifest;
	const char *archive = store_archive_path(snapshot);
	RestoreMode mode = {.stage = STAGE_SCRATCH,
	.caller = cxt->run.request.caller};
	const char *options;
	List	   *parts;

	strlcpy(mode.schema, in_dump(schema, manifest->encoding), NAMEDATALEN);
	strlcpy(mode.table, in_dump(cxt->run.request.table, manifest->encoding),
			NAMEDATALEN);
	scratch_create(cxt, manifest, NULL);
	run_begin_transaction();
	connection_for_restore(cxt->run.progress.scratch, &cxt->connection);
	programs_admit_restore(cxt, &mode);
	options = cxt->connection.options;
	cxt->connection.options = psprintf("%s%s", options,
									   database_settings_restore_options(manifest));
	run_commit_transaction();

	run_enter_phase(cxt, "restoring definitions", 10, 20);
	restore_definitions(cxt, "pre-data", archive);
	parts = find_parts(cxt, schema);
	run_enter_phase(cxt, "restoring rows", 20, 45);
	restore_rows(cxt, parts, archive, manifest->encoding);
	test_step("rows in scratch");
	run_enter_phase(cxt, "restoring indexes", 45, 55);
	restore_definitions(cxt, "post-data", archive);

	/* now there are also indexes and statistics */
	return find_parts(cxt, schema);
}

/* List the entries of a dump. */
static char *
list_entries(RunContext *cxt, File dump)
{
	return scratch_output(cxt,
						  table_args_list_all(cxt->bin_directory),
						  spool_descriptor(dump));
}

/* Return the entries that belong to the parts of a table. */
static List *
entries_of(RunContext *cxt, List *parts)
{
	List	   *patterns = NIL;
	List	   *entries;
	ListCell   *lc;
	File		dump;

	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);

		if (part->kind == PART_TABLE)
			patterns = lappend(patterns,
							   table_args_pattern(part->new_schema, part->new_name));
	}
	dump = scratch_output_file(cxt,
							   table_args_dump(cxt->bin_directory,
											   &cxt->connection, patterns),
							   -1);
	entries = toc_selection_entries(list_entries(cxt, dump));
	FileClose(dump);
	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);

		if (part->kind != PART_STATISTICS)
			continue;
		entries = lappend(entries,
						  toc_selection_statistics(part->oid, part->new_schema,
												   part->new_name, part->owner));
		entries = lappend(entries,
						  toc_selection_statistics_comment(part->new_schema,
														   part->new_name,
														   part->owner));
	}
	return entries;
}

/*
 * Dump the scratch database, in which only the table has rows, into a
 * temporary file.  *list is set to another one, with the list for pg_restore
 * of all entries that belong to the parts of the table.  Needs a transaction,
 * whose end removes both files.
 */
File
table_source_dump(RunContext *cxt, List *parts, File *list)
{
	StringInfoData text;
	List	   *entries = entries_of(cxt, parts);
	File		dump = scratch_output_file(cxt,
										   table_args_dump(cxt->bin_directory,
														   &cxt->connection, NIL),
										   -1);

	initStringInfo(&text);
	toc_selection_list(list_entries(cxt, dump), entries, &text);
	if (toc_selection_tables(pstrdup(text.data)) == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" belongs to an extension",
						shown_name(&cxt->run.request)),
				 errdetail("CREATE EXTENSION creates such tables.")));
	*list = spool_create();
	if (FileWrite(*list, text.data, text.len, 0, 0) != text.len)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to a temporary file: %m")));
	return dump;
}
