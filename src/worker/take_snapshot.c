/*-------------------------------------------------------------------------
 *
 * take_snapshot.c
 *	  Take a snapshot: dump, hash, publish, verify, prune.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "database/database_contents.h"
#include "database/dump_transaction.h"
#include "settings.h"
#include "shmem/run_kinds.h"
#include "store/directory.h"
#include "store/directory_exposure.h"
#include "store/file_system.h"
#include "store/hardlink.h"
#include "store/prune.h"
#include "store/store.h"
#include "tools/compression.h"
#include "util/compat.h"
#include "util/errors.h"
#include "util/files.h"
#include "util/litter.h"
#include "util/test_step.h"
#include "worker/column_hashes.h"
#include "worker/program_sessions.h"
#include "worker/run_report.h"
#include "worker/take_snapshot.h"
#include "worker/verify.h"

/*
 * Return the version of pg_dump, such as "15.7".  Raises an error unless it is
 * of this server's major version: an older pg_dump refuses to dump, and this
 * server's pg_restore may be unable to restore the output of a newer one.
 */
static char *
check_pg_dump_version(RunContext *cxt)
{
	char	  **argv = tool_args_version(cxt->bin_directory, "pg_dump");
	char	   *output = run_program(cxt, argv, true);
	const char *prefix = "pg_dump (PostgreSQL) ";

	if (strncmp(output, prefix, strlen(prefix)) != 0 ||
		strtol(output + strlen(prefix), NULL, 10) != SERVER_MAJOR_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("program \"%s\" is not of version %s", argv[0],
						PG_MAJORVERSION),
				 errdetail("It says: %s", output),
				 errhint("Set \"snapshot_worker.bin_directory\" to the directory of this server's own client programs.")));
	return pstrdup(output + strlen(prefix));
}

static void
prepare_snapshot(RunContext *cxt)
{
	run_prepare(cxt);
	run_limit_time(cxt, setting_timeout);

	directory_make(cxt->directory);
	directory_check(cxt->directory);
	exposure_check(cxt->directory, cxt->run.request.database);
	file_system_look(cxt->directory);
	file_system_check(cxt->directory);
	staging_sweep(cxt->directory, cxt->run.request.database, GetSystemIdentifier(),
				  report_interrupted);
}

static void
create_staging(RunContext *cxt)
{
	StagingOwner owner = {0};
	char		folder[NAMES_FOLDER_SIZE];

	owner.system_identifier = GetSystemIdentifier();
	owner.reason = pstrdup(state_reason_name(cxt->run.request.reason));
	owner.attempt = cxt->run.request.attempt;
	owner.scheduled_for = cxt->run.request.scheduled_for;
	owner.started_at = cxt->run.progress.started_at;
	staging_create(&cxt->staging, cxt->directory, cxt->run.request.database,
				   cxt->run.request.start, &owner);

	/* Another cluster that uses the directory may have taken the name. */
	if (strcmp(cxt->run.request.name, cxt->staging.name) != 0)
	{
		strlcpy(cxt->run.request.name, cxt->staging.name, sizeof(cxt->run.request.name));
		state_set_name(cxt->run.request.name);
	}
	names_encode_database(cxt->run.request.database, folder);
	cxt->archive = psprintf("%s.dump", folder);
}

static char *
archive_path(RunContext *cxt)
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
 * Store in the manifest how many rows pg_dump has copied of each table.  If
 * the server has not seen all COPY commands, the counts remain unknown.
 */
static void
note_row_counts(RunContext *cxt)
{
	Manifest   *manifest = &cxt->manifest;
	List	   *copies = copies_list(cxt->copies);
	ListCell   *lc;

	if (list_length(copies) < cxt->tables_begun)
	{
		ereport(WARNING,
				(errmsg("the rows of " INT64_FORMAT " of " INT64_FORMAT " tables of database \"%s\" were not counted",
						cxt->tables_begun - list_length(copies),
						cxt->tables_begun, cxt->run.request.database),
				 errdetail("The server has not seen pg_dump copy them, and could not see whether they were rewritten since the dump began."),
				 errhint("\"snapshot_worker.bin_directory\" must have programs that keep PGOPTIONS in their environment.")));
		manifest->rows = -1;
		return;
	}
	manifest->row_counts = programs_row_counts(cxt,
											   cxt->connection.encoding);
	manifest->rows = 0;
	foreach(lc, manifest->row_counts)
		manifest->rows += ((ManifestRows *) lfirst(lc))->count;
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
	char	   *path = archive_path(cxt);

	file_hashing_pause(cxt->hashing);
	cxt->hashing = NULL;
	hardlink_end(cxt->share);
	cxt->share = NULL;
	dump_transaction_end();
	if (!files_remove(path, "toc.dat", WARNING))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not remove partial dump \"%s\"",
						path)));
	memset(&cxt->manifest, 0, sizeof(cxt->manifest));
	cxt->manifest.pg_dump_version = pg_dump_version;
}

/*
 * Dump once, with the MVCC snapshot of the dump transaction, with at most so
 * many jobs, after so many failed attempts.  Returns false if the dump must be
 * repeated; nothing of it is left then.
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
	options.snapshot = dump_transaction_begin(manifest);
	is_directory = settings_directory_format(manifest->tables +
											 contents_count_large_objects(),
											 manifest->database_size);
	options.format = is_directory ? "directory" : "custom";
	options.jobs = is_directory ? jobs : 0;
	check_space(cxt);
	connection_for_dump(cxt->run.request.database, &cxt->connection, &cxt->is_superuser);
	programs_admit(cxt);
	test_step("snapshot exported");

	if (setting_share_files && is_directory)
		cxt->share = hardlink_begin(cxt->directory, cxt->run.request.database,
									GetSystemIdentifier());
	cxt->hashing = file_hashing_begin(cxt->staging.path, cxt->share);
	run_enter_phase(cxt, "dumping", 0, 80);
	argv = tool_args_pg_dump(cxt->bin_directory, &cxt->connection, &options,
							 archive_path(cxt));
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
					(errmsg("pg_dump with %d jobs of database \"%s\" failed; it is tried with one",
							options.jobs, cxt->run.request.database),
					 errdetail_internal("%s", result.output)));
		forget_dump(cxt);
		return false;
	}
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
static void
dump_database(RunContext *cxt)
{
	int			tries = 0;

	while (!try_dump(cxt, tries == 0 ? setting_jobs : 1, tries))
		tries++;
}

/*
 * Raise an error unless the globals were saved completely: pg_dumpall does not
 * check whether its writes succeed.
 */
static void
check_globals(const char *path)
{
	static const char trailer[] = "-- PostgreSQL database cluster dump complete";
	const char *problem;
	size_t		len;
	char	   *text = files_read(path, MaxAllocHugeSize - 1, &len, &problem);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("file \"%s\" is unusable: %s", path, problem)));
	if (strstr(text + len - Min(len, 2 * sizeof(trailer)), trailer) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("file \"%s\" was not written completely", path),
				 errdetail("pg_dumpall does not report this. The disk may be full.")));
	pfree(text);
}

static void
dump_globals(RunContext *cxt)
{
	char	   *path = psprintf("%s/%s", cxt->staging.path, STORE_GLOBALS_FILE);

	if (!setting_globals)
		return;
	run_enter_phase(cxt, "saving globals", 80, 83);
	(void) run_program(cxt, tool_args_pg_dumpall_globals(cxt->bin_directory,
														 &cxt->connection,
														 setting_lock_timeout,
														 cxt->is_superuser,
														 path), false);
	check_globals(path);
}

static void
read_back(RunContext *cxt)
{
	if (setting_verify < VERIFY_LIST)
		return;
	run_enter_phase(cxt, "reading back", 83, 85);
	(void) run_program(cxt, tool_args_pg_restore_list(cxt->bin_directory,
													  archive_path(cxt)), false);
}

/*
 * Replace the mode that pg_dump gave a directory by our own.  Does nothing if
 * the mount dictates all modes.
 */
static void
set_directory_mode(RunContext *cxt, const char *path)
{
	if (chmod(path, pg_dir_create_mode) != 0 &&
		!file_system_fixes_modes(cxt->directory))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set permissions of directory \"%s\": %m",
						path)));
}

/*
 * List the files to hash, and give all directories our own mode.  Litter is
 * not part of the snapshot: it may disappear and reappear at any time.
 */
static List *
staged_files(RunContext *cxt)
{
	FileTree	tree;
	List	   *files = NIL;
	ListCell   *lc;

	(void) files_list(cxt->staging.path, ERROR, &tree);
	if (tree.others != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("\"%s/%s\" is not a regular file",
						cxt->staging.path, (char *) linitial(tree.others))));

	foreach(lc, tree.directories)
	{
		if (!litter_is_directory(lfirst(lc)))
			set_directory_mode(cxt, psprintf("%s/%s", cxt->staging.path,
											 (char *) lfirst(lc)));
	}
	foreach(lc, tree.files)
	{
		if (strcmp(lfirst(lc), STAGING_OWNER_FILE) != 0 &&
			!litter_is_file(lfirst(lc)))
			files = lappend(files, lfirst(lc));
	}
	return files;
}

/*
 * Hash the files that were not hashed while they were written, and make all
 * files durable.
 */
static void
hash_files(RunContext *cxt)
{
	Manifest   *manifest = &cxt->manifest;
	List	   *files;
	ListCell   *lc;

	run_enter_phase(cxt, "hashing", 85, 90);
	files = staged_files(cxt);
	foreach(lc, files)
	{
		ManifestFile *file;

		CHECK_FOR_INTERRUPTS();
		test_step("hashing");
		file = file_hashing_get(cxt->hashing, lfirst(lc));
		manifest->files = lappend(manifest->files, file);
		manifest->size += file->size;
		run_report_bytes(cxt, manifest->size,
						 (double) foreach_current_index(lc) / list_length(files));
	}

	run_enter_phase(cxt, "syncing", 90, 93);
	foreach(lc, files)
	{
		CHECK_FOR_INTERRUPTS();
		file_hashing_settle(cxt->hashing, lfirst(lc));
		run_report_bytes(cxt, manifest->size,
						 (double) foreach_current_index(lc) / list_length(files));
	}
	hardlink_end(cxt->share);
	cxt->hashing = NULL;
}

/*
 * Produce everything but the dump.  Files are hashed at the same time, which
 * needs a transaction; it has no MVCC snapshot, so it does not hold back
 * vacuum.
 */
static void
complete_staging(RunContext *cxt)
{
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	dump_globals(cxt);
	test_step("globals saved");
	read_back(cxt);
	hash_files(cxt);
	test_step("hashed");
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * Return the manifest as text.  Raises an error if we could not read it back.
 */
static const char *
checked_manifest(const Manifest *manifest)
{
	const char *text = manifest_format(manifest);
	Manifest	again;
	const char *problem;

	if (strlen(text) > MANIFEST_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the manifest of the snapshot would exceed %zu bytes",
						MANIFEST_MAX_SIZE),
				 errdetail("The database has too many tables and large objects to give each a file of its own."),
				 errhint("Set \"snapshot_worker.format\" to \"custom\".")));
	problem = manifest_parse(pstrdup(text), strlen(text), false, &again);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("could not write a readable manifest: %s",
						problem)));
	return text;
}

static void
publish_snapshot(RunContext *cxt)
{
	Manifest   *manifest = &cxt->manifest;

	run_enter_phase(cxt, "publishing", 93, 94);
	manifest->name = cxt->run.request.name;
	manifest->database = cxt->run.request.database;
	manifest->system_identifier = GetSystemIdentifier();
	manifest->reason = pstrdup(state_reason_name(cxt->run.request.reason));
	manifest->scheduled_for = cxt->run.request.scheduled_for;
	manifest->attempt = cxt->run.request.attempt;
	manifest->started_at = cxt->run.progress.started_at;
	manifest->finished_at = GetCurrentTimestamp();
	manifest->server_version =
		pstrdup(GetConfigOption("server_version", false, false));
	staging_publish(&cxt->staging, checked_manifest(manifest));
	cxt->run.outcome.published = true;
	state_set_published();
}

/*
 * Verify the snapshot just taken, if it is a scheduled one and "verify" is
 * set.  A failure leaves the snapshot in place and does not cause a retry; it
 * is reported, and stored as the outcome of the run.
 */
void
run_verify(RunContext *cxt)
{
	MemoryContext context = CurrentMemoryContext;

	if (setting_verify <= VERIFY_LIST || state_is_requested(cxt->run.request.reason))
		return;
	run_limit_time(cxt, setting_timeout);

	PG_TRY();
	{
		/* a standby cannot create a database */
		verify_snapshot(cxt, RecoveryInProgress() ?
						Min(setting_verify, VERIFY_ARCHIVE) : setting_verify);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch_and_abort(context);
		RunError   *error = palloc0(sizeof(RunError));

		run_explain_timeout(edata);
		edata->message = psprintf("verification failed: %s", edata->message);
		report_fill_error(error, edata);
		report_failure(&cxt->run.request, error);
		cxt->verify_error = error;
	}
	PG_END_TRY();
	run_limit_time(cxt, 0);
}

/*
 * Verify a snapshot for a session, which waits or cancels, or for the
 * schedule, for at most "timeout" seconds.  Raises an error when the snapshot
 * is bad or cannot be verified.
 */
void
run_verify_again(RunContext *cxt)
{
	run_prepare(cxt);
	run_limit_time(cxt, setting_timeout);
	verify_snapshot(cxt, cxt->run.request.test_restore ? VERIFY_RESTORE :
					VERIFY_ARCHIVE);
}

/*
 * Remove the snapshots that retention no longer keeps.  Failures are WARNINGs.
 */
void
run_prune(RunContext *cxt)
{
	run_enter_phase(cxt, "applying retention", 99, 100);
	(void) prune_database(cxt->directory, cxt->run.request.database,
						  cxt->run.request.name, WARNING);
}

/*
 * Take the snapshot and publish it.  Raises an error when that fails; the
 * caller then discards the staging directory.
 */
void
take_snapshot(RunContext *cxt)
{
	prepare_snapshot(cxt);
	cxt->manifest.pg_dump_version = check_pg_dump_version(cxt);
	create_staging(cxt);
	test_step("staged");
	dump_database(cxt);
	test_step("dumped");
	complete_staging(cxt);
	publish_snapshot(cxt);
	run_limit_time(cxt, 0);
	test_step("published");

	ereport(LOG,
			(errmsg("took snapshot \"%s\": " INT64_FORMAT " bytes, "
					INT64_FORMAT " tables, %.1f s",
					cxt->run.request.name, cxt->manifest.size, cxt->manifest.tables,
					(double) (cxt->manifest.finished_at -
							  cxt->manifest.started_at) / USECS_PER_SEC)));
}
