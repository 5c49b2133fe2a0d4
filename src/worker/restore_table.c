/*-------------------------------------------------------------------------
 *
 * restore_table.c
 *	  Restore one table of a snapshot into the current database.
 *
 * pg_dump --table knows what belongs to a table, but it needs a database.  And
 * a table that comes back beside an existing one needs new names, for itself,
 * its indexes, sequences and so on, which only a database can change
 * everywhere, in defaults for example.  So the table takes a way through a
 * scratch database (table_source.c).  pg_restore creates everything there
 * without rows, and adds the rows of the table before there are foreign keys
 * and triggers.  Then the table is detached from its parents, and gets names
 * that are free in the current database.  pg_dump dumps the scratch database,
 * and pg_restore restores the entries that belong to the table into the
 * current database, in one transaction, without those that cannot come along
 * (restore_parts.c).
 *
 * So no SQL of a dump is parsed or written here.  The price is room and time:
 * until the restore ends, the rows exist in the scratch database and in a
 * temporary file, too.
 *
 * The rows are loaded into a table that no other session sees, before its
 * triggers exist.  No statement changes an existing table; a foreign key adds
 * its triggers to the table that it references, as any foreign key does.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "utils/builtins.h"

#include "database/catalog_query.h"
#include "database/database_settings.h"
#include "database/dump_transaction.h"
#include "settings.h"
#include "shmem/restore_report.h"
#include "store/snapshot_lock.h"
#include "store/store.h"
#include "tools/table_args.h"
#include "util/test_step.h"
#include "worker/free_names.h"
#include "worker/program_sessions.h"
#include "worker/restore.h"
#include "worker/restore_table.h"
#include "worker/scratch_database.h"
#include "worker/table_source.h"
#include "worker/verify_files.h"
#include "worker/verify_outcome.h"

/* A restore of a table in progress. */
typedef struct TableRestore
{
	RestoreReport *report;
	RestoreTotals totals;
	const char *schema;			/* of the table in the snapshot */
	bool		has_target;
	const char *new_schema;
	const char *new_name;
} TableRestore;

/* Report something that was left out, once it is certain. */
static void
add_left_out(TableRestore *restore, const char *object, const char *message)
{
	RestoreWarning warning = {object, message, ""};

	restore_report_add(restore->report, &warning);
	restore->totals.left_out++;
}

/* Report what the sessions of pg_restore have left out. */
static void
add_notes(RunContext *cxt, TableRestore *restore)
{
	ListCell   *lc;

	foreach(lc, restore_notes_list(cxt->notes))
	{
		const RestoreNote *note = lfirst(lc);
		RestoreWarning warning = {note->object, note->message, ""};

		restore_report_add(restore->report, &warning);
		if (note->object[0] != '\0')
			restore->totals.left_out++;
	}
	restore->totals.left_out += restore_notes_dropped(cxt->notes);
}

/*
 * Find the table in the dump, and check that it can be created here.  Raises
 * an error if not.
 */
static void
find_table(RunContext *cxt, const StoredSnapshot *snapshot,
		   TableRestore *restore)
{
	const RunRequest *request = &cxt->run.request;

	restore->schema = table_source_schema(cxt, store_archive_path(snapshot),
										  snapshot->manifest.encoding);
	restore->has_target = request->target_table[0] != '\0';
	restore->new_schema = request->target_schema[0] != '\0' ?
		request->target_schema : restore->schema;
	restore->new_name = restore->has_target ? request->target_table :
		request->table;
	run_begin_transaction();
	free_names_check(restore->new_schema, restore->new_name, request->caller,
					 restore->has_target);
	run_commit_transaction();
}

/* Give the table in the scratch database the form that it will have here. */
static void
prepare_table(RunContext *cxt, List *parts, TableRestore *restore)
{
	ListCell   *lc;

	run_begin_transaction();
	connection_for_compare(cxt->run.progress.scratch, &cxt->connection);
	cxt->connection.options = psprintf("%s%s", cxt->connection.options,
									   database_settings_dump_options());
	free_names_choose(parts, restore->new_schema, restore->new_name,
					  restore->has_target);
	run_commit_transaction();

	foreach(lc, scratch_table_detach(cxt, restore->schema,
									 cxt->run.request.table))
		add_left_out(restore, lfirst(lc),
					 "a restored table is not attached to an existing one");
	scratch_table_rename(cxt, parts);
}

/*
 * Restore the entries in the list, of a dump, into the current database.  This
 * commits.  Needs the transaction of the files.
 */
static void
load_table(RunContext *cxt, File dump, File list, int tables)
{
	RestoreMode mode = {.stage = STAGE_TABLE};
	ChildResult result;
	char	  **argv;

	programs_admit_restore(cxt, &mode);
	argv = table_args_restore(cxt->bin_directory, &cxt->connection,
							  psprintf("%s/%s", DataDir, FilePathName(list)),
							  psprintf("%s/%s", DataDir, FilePathName(dump)));
	if (!run_try_tables(cxt, argv, 1, tables, &result))
		run_fail(cxt, argv, &result);
}

static int
count_tables(List *parts)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, parts)
	{
		if (((TablePart *) lfirst(lc))->kind == PART_TABLE)
			count++;
	}
	return count;
}

/* Take the table from the scratch database to the current one. */
static void
move_table(RunContext *cxt, List *parts)
{
	MemoryContext context = CurrentMemoryContext;
	Connection	connection;
	File		dump;
	File		list;

	run_begin_transaction();
	connection_for_table(cxt->run.request.connect_to, &connection);
	run_commit_transaction();

	/*
	 * for the temporary files; without an MVCC snapshot, it does not hold
	 * back vacuum
	 */
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	run_enter_phase(cxt, "dumping the table", 55, 70);
	dump = table_source_dump(cxt, parts, &list);
	test_step("table dumped");
	run_enter_phase(cxt, "restoring the table", 70, 98);
	cxt->connection = connection;
	load_table(cxt, dump, list, count_tables(parts));

	/* from here on, the restore has succeeded, whatever is canceled */
	HOLD_CANCEL_INTERRUPTS();
	run_limit_time(cxt, 0);
	FileClose(dump);
	FileClose(list);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	test_step("table restored");
}

/* Complete the report. */
static void
end_report(RunContext *cxt, TableRestore *restore)
{
	ListCell   *lc;

	foreach(lc, copies_list(cxt->copies))
	{
		restore->totals.tables++;
		restore->totals.rows += ((TableCopy *) lfirst(lc))->rows;
	}
	restore->totals.seconds = state_seconds_taken(&cxt->run);
	strlcpy(restore->totals.table,
			quote_qualified_identifier(restore->new_schema, restore->new_name),
			sizeof(restore->totals.table));
	restore_report_set_totals(restore->report, &restore->totals);
}

/*
 * Wait until synchronous standbys have what was committed, if the server is
 * configured so.  A cancel ends this with a WARNING.
 */
static void
wait_for_standbys(void)
{
	catalog_wait_for_standbys();
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(GetFlushRecPtr(NULL), true);
	RESUME_INTERRUPTS();
}

/*
 * Restore the table that the run names into the database that this process is
 * connected to: all of it or, if that raises an error, nothing.  Only a cancel
 * or a timeout between the commit of pg_restore and its end leaves the table
 * there.
 */
void
restore_table(RunContext *cxt)
{
	Run		   *run = &cxt->run;
	TableRestore restore = {0};
	StoredSnapshot *snapshot;
	const Fault *fault;
	List	   *parts;

	restore.report = restore_report_attach(run->request.report);
	if (restore.report == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the session that requested the restore has ended")));
	run_prepare(cxt);
	run_limit_time(cxt, setting_timeout);
	snapshot = store_get(cxt->directory, run->request.name, true);
	cxt->held = snapshot_lock_shared(snapshot->path);
	restore_check_version(snapshot);
	find_table(cxt, snapshot, &restore);

	/* pg_restore does not detect every changed byte */
	run_enter_phase(cxt, "hashing", 0, 10);
	fault = verify_files(cxt, snapshot, false, NULL);
	if (fault != NULL)
		verify_outcome_bad(snapshot, fault);

	parts = table_source_restore(cxt, snapshot, restore.schema);
	add_notes(cxt, &restore);
	prepare_table(cxt, parts, &restore);
	move_table(cxt, parts);
	add_notes(cxt, &restore);

	run_enter_phase(cxt, "finishing", 98, 100);
	end_report(cxt, &restore);
	scratch_discard(cxt);
	wait_for_standbys();
	ereport(LOG,
			(errmsg("restored table \"%s.%s\" of snapshot \"%s\" as %s",
					restore.schema, run->request.table, run->request.name,
					restore.totals.table)));
}
