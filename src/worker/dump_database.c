/*-------------------------------------------------------------------------
 *
 * dump_database.c
 *	  The dump of a snapshot: pg_dump, and its second attempt.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"

#include "database/database_contents.h"
#include "database/dump_transaction.h"
#include "settings.h"
#include "store/directory.h"
#include "store/hardlink.h"
#include "store/store.h"
#include "tools/compression.h"
#include "util/file_tree.h"
#include "util/test_step.h"
#include "worker/base_files.h"
#include "worker/choose_base.h"
#include "worker/clone_check.h"
#include "worker/column_hashes.h"
#include "worker/dump_database.h"
#include "worker/incremental.h"
#include "worker/program_sessions.h"

/*
 * Thresholds of format "auto": many files, and a small average size per file.
 */
#define MANY_FILES			1000
#define SMALL_FILE_BYTES	((int64) 128 * 1024)

/*
 * Up to this size, a second job costs more than it saves if tables are same.
 */
#define ONE_JOB_BYTES		((int64) 32 * 1024 * 1024)

/* Return the path of the dump in the staging directory, palloc'd. */
char *
dump_path(RunContext *cxt)
{
	return psprintf("%s/%s", cxt->staging.path, cxt->archive);
}

/*
 * Raise an error when there is too little space for the snapshot.  Its
 * expected size is that of the newest one of this database, if any.
 */
static void
check_space(RunContext *cxt)
{
	StoredSnapshot *newest;
	int64		expected = cxt->manifest.database_size;

	if (setting_min_free_space == 0)
		return;
	newest = store_newest(cxt->directory, cxt->run.request.database, NULL, NULL);
	if (newest != NULL)
		expected = newest->manifest.size;
	directory_check_space(cxt->directory, expected,
						  (int64) setting_min_free_space * 1024 * 1024);
}

/*
 * Store in the manifest how many rows pg_dump has of each table, and how much
 * it has read.  If the server has not seen all COPY commands, both remain
 * unknown.
 */
static void
note_row_counts(RunContext *cxt)
{
	Manifest   *manifest = &cxt->manifest;
	List	   *copies = copies_list(cxt->copies);
	List	   *roots;
	ListCell   *lc;

	if (list_length(copies) < cxt->tables_begun)
	{
		ereport(WARNING,
				(errmsg("the rows of " INT64_FORMAT " of " INT64_FORMAT " tables of database \"%s\" were not counted",
						cxt->tables_begun - list_length(copies),
						cxt->tables_begun, cxt->run.request.database),
				 errdetail("The server did not see pg_dump copy them, so it could not check whether they were rewritten after the dump began."),
				 errhint("Programs in \"snapshot_worker.bin_directory\" must keep PGOPTIONS in their environment.")));
		manifest->rows = -1;
		manifest->tables_read = manifest->tables_same = manifest->bytes_read = -1;
		return;
	}
	/* pg_dump reads the partitions of a table, never the table */
	manifest->row_counts = programs_row_counts(cxt, cxt->connection.encoding,
											   &roots);
	manifest->rows = 0;
	foreach(lc, manifest->row_counts)
		manifest->rows += ((ManifestRows *) lfirst(lc))->count;
	foreach(lc, copies)
	{
		const TableCopy *copy = lfirst(lc);

		*(copy->answered ? &manifest->tables_same : &manifest->tables_read) += 1;
		manifest->bytes_read += copy->bytes_read;
	}
}

/*
 * May a failed dump be repeated?  The first attempt may, if a parallel job
 * could not lock a table because a statement waits for that table; the second
 * one, if that statement was committed after the MVCC snapshot.  The messages
 * may be translated, which is harmless: they only decide about another
 * attempt.
 */
static bool
may_begin_anew(int tries, int jobs, const ChildResult *result)
{
	if (tries == 0)
		return jobs > 1 &&
			strstr(result->output, "could not obtain lock on relation") != NULL;
	return tries == 1 && jobs == 1 &&
		strstr(result->output, "redefined after the dump began") != NULL;
}

/*
 * Raise the error of pg_dump with one job, after a failure with several jobs.
 */
static void
fail_again(RunContext *cxt, char **argv, const ChildResult *result)
{
	if (strstr(result->output, "lock timeout") != NULL ||
		strstr(result->output, "LOCK TABLE") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("pg_dump failed: %s",
						wait_result_to_str(result->status)),
				 errdetail_internal("%s", result->output),
				 errhint("An earlier pg_dump with %d jobs lost a lock to a statement such as TRUNCATE. Find that statement in pg_locks, raise \"snapshot_worker.lock_timeout\", or take snapshots at another time.",
						 setting_jobs)));
	run_fail(cxt, argv, result);
}

/* Discard the state of a dump that will be repeated. */
static void
forget_dump(RunContext *cxt)
{
	char	   *pg_dump_version = cxt->manifest.pg_dump_version;
	char	   *path = dump_path(cxt);

	file_hashing_pause(cxt->hashing);
	cxt->hashing = NULL;
	hardlink_end(cxt->share);
	cxt->share = NULL;
	incremental_forget(cxt);
	dump_transaction_end();
	if (!file_tree_remove(path, "toc.dat", WARNING))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not remove partial dump \"%s\"",
						path)));
	memset(&cxt->manifest, 0, sizeof(cxt->manifest));
	cxt->manifest.pg_dump_version = pg_dump_version;
}

/*
 * Should a database with so many tables and large objects, and so many bytes,
 * be dumped in directory format rather than in custom format?  In directory
 * format each table and large object is a separate file, and each file must be
 * synced.  With many tiny files, syncing takes longer than the dump.
 */
static bool
use_directory_format(int64 files, int64 database_size)
{
	if (setting_format == FORMAT_AUTO)
		return files < MANY_FILES ||
			database_size / files >= SMALL_FILE_BYTES;
	return setting_format == FORMAT_DIRECTORY;
}

/* Return all that decides how pg_dump writes a table, palloc'd. */
static const char *
options_text(RunContext *cxt, const DumpOptions *options)
{
	return psprintf("%s %s %s %s", options->format, options->compress,
					cxt->connection.encoding, cxt->connection.options);
}

/*
 * Dump once, with the MVCC snapshot of the dump transaction, with at most so
 * many jobs, after so many failed attempts.  Returns false if the dump must be
 * repeated, after removing what it has written.
 */
static bool
try_dump(RunContext *cxt, int jobs, int tries)
{
	Manifest   *manifest = &cxt->manifest;
	DumpOptions options = {0};
	bool		is_directory;
	ChildResult result;
	char	  **argv;

	options.compress = compression_argument(setting_compress);
	options.lock_timeout = setting_lock_timeout;
	cxt->incremental = choose_base_begin();
	options.snapshot = dump_transaction_begin(manifest);
	is_directory = use_directory_format(manifest->tables +
										contents_count_large_objects(),
										manifest->database_size);
	options.format = is_directory ? "directory" : "custom";
	options.jobs = is_directory ? jobs : 0;
	check_space(cxt);
	connection_for_dump(cxt->run.request.database, &cxt->connection, &cxt->is_superuser);
	if (is_directory)
		choose_base(cxt, options_text(cxt, &options));
	else
		cxt->incremental = NULL;
	clone_check(cxt);
	if (incremental_answers(cxt->incremental) &&
		manifest->database_size <= ONE_JOB_BYTES)
		options.jobs = 1;
	programs_admit(cxt);
	base_files_offer(cxt);
	test_step("snapshot exported");

	if (setting_share_files && is_directory)
		cxt->share = hardlink_begin(cxt->directory, cxt->run.request.database,
									GetSystemIdentifier());
	cxt->hashing = file_hashing_begin(cxt->staging.path, cxt->share);
	run_enter_phase(cxt, "dumping", 0, 80);
	argv = tool_args_pg_dump(cxt->bin_directory, &cxt->connection, &options,
							 dump_path(cxt));
	if (!run_try_tables(cxt, argv, options.jobs, manifest->tables, &result))
	{
		if (!may_begin_anew(tries, options.jobs, &result))
		{
			if (tries > 0)
				fail_again(cxt, argv, &result);
			run_fail(cxt, argv, &result);
		}
		if (tries == 0)
			ereport(WARNING,
					(errmsg("pg_dump with %d jobs of database \"%s\" failed, retrying with one",
							options.jobs, cxt->run.request.database),
					 errdetail_internal("%s", result.output)));
		forget_dump(cxt);
		return false;
	}
	incremental_note_end(cxt);
	note_row_counts(cxt);
	column_hashes_save(cxt, options.snapshot);
	file_hashing_pause(cxt->hashing);
	dump_transaction_end();

	manifest->format = pstrdup(options.format);
	manifest->compression = pstrdup(setting_compress);
	manifest->jobs = options.jobs;
	return true;
}

/*
 * Dump the database.  Each parallel job locks its table a second time with
 * NOWAIT, so pg_dump fails if a statement such as TRUNCATE is waiting for the
 * table.  In that case pg_dump runs again with one job and a new MVCC
 * snapshot, and the statement executes first.  If the statement was not
 * committed before that snapshot, another attempt follows.
 */
void
dump_database(RunContext *cxt)
{
	int			tries = 0;

	while (!try_dump(cxt, tries == 0 ? setting_jobs : 1, tries))
		tries++;
}
