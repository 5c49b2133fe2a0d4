/*-------------------------------------------------------------------------
 *
 * run.c
 *	  The steps of one run, in their order.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "columns.h"
#include "common/file_perm.h"
#include "compat.h"
#include "compression.h"
#include "contents.h"
#include "directory.h"
#include "exposure.h"
#include "facts.h"
#include "file_system.h"
#include "files.h"
#include "litter.h"
#include "miscadmin.h"
#include "programs.h"
#include "prune.h"
#include "report.h"
#include "run.h"
#include "settings.h"
#include "share.h"
#include "storage/fd.h"
#include "store.h"
#include "test_step.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "verify.h"

/*
 * The version of pg_dump, such as "15.7", which must be of this server's
 * major version: an older one refuses to dump, and what a newer one writes
 * may not be restored by this server's pg_restore.
 */
static char *
check_pg_dump_version(Work *work)
{
	char	  **argv = commands_version(work->bin_directory, "pg_dump");
	char	   *output = work_run_program(work, argv, true);
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
prepare(Work *work)
{
	work_prepare(work);
	work_limit_time(work, setting_timeout);

	directory_make(work->directory);
	directory_check(work->directory);
	exposure_check(work->directory, work->run.database);
	file_system_look(work->directory);
	file_system_check(work->directory);
	staging_sweep(work->directory, work->run.database, GetSystemIdentifier(),
				  report_interrupted);
}

static void
stage(Work *work)
{
	StagingOwner owner = {0};
	char		folder[NAMES_FOLDER_SIZE];

	owner.system_identifier = GetSystemIdentifier();
	owner.reason = pstrdup(state_reason_name(work->run.reason));
	owner.attempt = work->run.attempt;
	owner.scheduled_for = work->run.scheduled_for;
	owner.started_at = work->run.started_at;
	staging_create(&work->staging, work->directory, work->run.database,
				   work->run.start, &owner);

	/* Another cluster in the same directory can have been faster. */
	if (strcmp(work->run.name, work->staging.name) != 0)
	{
		strlcpy(work->run.name, work->staging.name, sizeof(work->run.name));
		state_set_name(work->run.id, work->run.name);
	}
	names_encode_database(work->run.database, folder);
	work->archive = psprintf("%s.dump", folder);
}

static char *
archive_path(Work *work)
{
	return psprintf("%s/%s", work->staging.path, work->archive);
}

/*
 * Raise an error when there is too little room for the snapshot.  It is
 * expected to be as large as the newest one of this database, if there is one.
 */
static void
check_space(Work *work)
{
	StoredSnapshot *newest;
	int64		expected = work->manifest.database_size;

	if (setting_min_free_space == 0)
		return;
	newest = store_newest(work->directory, work->run.database, NULL, NULL);
	if (newest != NULL)
		expected = newest->manifest.size;
	directory_check_space(work->directory, expected,
						  (int64) setting_min_free_space * 1024 * 1024);
}

/*
 * Put into the manifest how many rows pg_dump has copied of each table.  Where
 * the server has not seen all its copies, nothing is known.
 */
static void
note_row_counts(Work *work)
{
	Manifest   *manifest = &work->manifest;
	List	   *copies = copies_list(work->copies);
	ListCell   *lc;

	if (list_length(copies) < work->tables_begun)
	{
		ereport(WARNING,
				(errmsg("the rows of " INT64_FORMAT " of " INT64_FORMAT " tables of database \"%s\" were not counted",
						work->tables_begun - list_length(copies),
						work->tables_begun, work->run.database),
				 errdetail("The server has not seen pg_dump copy them, and could not see whether they were rewritten since the dump began."),
				 errhint("\"snapshot_worker.bin_directory\" must have programs that keep PGOPTIONS in their environment.")));
		manifest->rows = -1;
		return;
	}
	manifest->row_counts = programs_row_counts(work,
											   work->connection.encoding);
	manifest->rows = 0;
	foreach(lc, manifest->row_counts)
		manifest->rows += ((ManifestRows *) lfirst(lc))->count;
}

/*
 * May a dump that failed begin anew?  The first one may, if a parallel job lost a
 * lock to a statement that waits for the table; and the second one, if that
 * statement was committed after its MVCC snapshot.  Such words need not be in
 * English: they decide about one more try only.
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

/* Raise the error of a pg_dump with one job, after one with more of them. */
static void
fail_again(Work *work, char **argv, const ChildResult *result)
{
	if (strstr(result->output, "lock timeout") != NULL ||
		strstr(result->output, "LOCK TABLE") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("pg_dump failed: %s",
						wait_result_to_str(result->status)),
				 errdetail_internal("%s", result->output),
				 errhint("Before, pg_dump with %d jobs had lost a lock to a statement such as TRUNCATE. Find that in pg_locks, raise \"snapshot_worker.lock_timeout\", or take snapshots at another time.",
						 setting_jobs)));
	work_fail(work, argv, result);
}

/* A dump is to begin anew: forget what is known of it. */
static void
forget_dump(Work *work)
{
	char	   *pg_dump_version = work->manifest.pg_dump_version;
	char	   *path = archive_path(work);

	hashing_pause(work->hashing);
	work->hashing = NULL;
	share_end(work->share);
	work->share = NULL;
	facts_end();
	if (!files_remove(path, "toc.dat", WARNING))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not remove \"%s\", which was dumped in part",
						path)));
	memset(&work->manifest, 0, sizeof(work->manifest));
	work->manifest.pg_dump_version = pg_dump_version;
}

/*
 * The dump itself, of the MVCC snapshot that the facts are of, with so many jobs
 * at most, after so many tries.  Returns false when it is to begin anew: nothing
 * is left of it then.
 */
static bool
try_dump(Work *work, int jobs, int tries)
{
	Manifest   *manifest = &work->manifest;
	DumpOptions options = {0};
	bool		is_directory;
	ChildResult result;
	char	  **argv;

	options.compress = compression_argument(setting_compress);
	options.lock_timeout = setting_lock_timeout;
	options.snapshot = facts_begin(manifest);
	is_directory = settings_directory_format(manifest->tables +
											 contents_count_large_objects(),
											 manifest->database_size);
	options.format = is_directory ? "directory" : "custom";
	options.jobs = is_directory ? jobs : 0;
	check_space(work);
	facts_connection(work->run.database, &work->connection, &work->is_superuser);
	programs_admit(work);
	test_step("snapshot exported");

	if (setting_share_files && is_directory)
		work->share = share_begin(work->directory, work->run.database,
								  GetSystemIdentifier());
	work->hashing = hashing_begin(work->staging.path, work->share);
	work_enter_phase(work, "dumping", 0, 80);
	argv = commands_pg_dump(work->bin_directory, &work->connection, &options,
							archive_path(work));
	if (!work_try_tables(work, argv, options.jobs, manifest->tables, &result))
	{
		if (!may_begin_anew(tries, options.jobs, &result))
		{
			if (tries > 0)
				fail_again(work, argv, &result);
			work_fail(work, argv, &result);
		}
		if (tries == 0)
			ereport(WARNING,
					(errmsg("pg_dump with %d jobs of database \"%s\" failed; it is tried with one",
							options.jobs, work->run.database),
					 errdetail_internal("%s", result.output)));
		forget_dump(work);
		return false;
	}
	note_row_counts(work);
	columns_note(work, options.snapshot);
	hashing_pause(work->hashing);
	facts_end();

	manifest->format = pstrdup(options.format);
	manifest->compression = pstrdup(setting_compress);
	manifest->jobs = options.jobs;
	return true;
}

/*
 * Dump the database.  A job locks its table once more, and does not wait for
 * that: where a statement such as TRUNCATE waits for the table meanwhile,
 * pg_dump fails.  So it is tried with one job, too, of a new MVCC snapshot,
 * since that statement goes first; and of another one, if the statement was not
 * committed before that.
 */
static void
dump(Work *work)
{
	int			tries = 0;

	while (!try_dump(work, tries == 0 ? setting_jobs : 1, tries))
		tries++;
}

/*
 * Raise an error unless globals were saved to their end: pg_dumpall does not
 * look whether what it writes can be written.
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
				 errmsg("file \"%s\" was not written to its end", path),
				 errdetail("pg_dumpall does not report this; a full disk can be the reason.")));
	pfree(text);
}

static void
dump_globals(Work *work)
{
	char	   *path = psprintf("%s/%s", work->staging.path, STORE_GLOBALS_FILE);

	if (!setting_globals)
		return;
	work_enter_phase(work, "saving globals", 80, 83);
	(void) work_run_program(work, commands_pg_dumpall_globals(work->bin_directory,
															  &work->connection,
															  setting_lock_timeout,
															  work->is_superuser,
															  path), false);
	check_globals(path);
}

static void
read_back(Work *work)
{
	if (setting_verify < VERIFY_LIST)
		return;
	work_enter_phase(work, "reading back", 83, 85);
	(void) work_run_program(work, commands_pg_restore_list(work->bin_directory,
														   archive_path(work)), false);
}

/*
 * Give a directory our own mode, instead of that which pg_dump has given it.
 * Where the mount fixes the modes of all, there is nothing to give.
 */
static void
set_directory_mode(Work *work, const char *path)
{
	if (chmod(path, pg_dir_create_mode) != 0 &&
		!file_system_fixes_modes(work->directory))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set permissions of directory \"%s\": %m",
						path)));
}

/*
 * What there is to hash, all directories of which get our own mode.  Litter
 * goes, or comes back, at any time, and is no part of the snapshot.
 */
static List *
staged_files(Work *work)
{
	FileTree	tree;
	List	   *files = NIL;
	ListCell   *lc;

	(void) files_list(work->staging.path, ERROR, &tree);
	if (tree.others != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("\"%s/%s\" is not a regular file",
						work->staging.path, (char *) linitial(tree.others))));

	foreach(lc, tree.directories)
	{
		if (!litter_is_directory(lfirst(lc)))
			set_directory_mode(work, psprintf("%s/%s", work->staging.path,
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

/* Hash what was not hashed while it was written, and have all files on disk. */
static void
hash_files(Work *work)
{
	Manifest   *manifest = &work->manifest;
	List	   *files;
	ListCell   *lc;

	work_enter_phase(work, "hashing", 85, 90);
	files = staged_files(work);
	foreach(lc, files)
	{
		ManifestFile *file;

		CHECK_FOR_INTERRUPTS();
		test_step("hashing");
		file = hashing_get(work->hashing, lfirst(lc));
		manifest->files = lappend(manifest->files, file);
		manifest->size += file->size;
		work_note_bytes(work, manifest->size,
						(double) foreach_current_index(lc) / list_length(files));
	}

	work_enter_phase(work, "syncing", 90, 93);
	foreach(lc, files)
	{
		CHECK_FOR_INTERRUPTS();
		hashing_settle(work->hashing, lfirst(lc));
		work_note_bytes(work, manifest->size,
						(double) foreach_current_index(lc) / list_length(files));
	}
	share_end(work->share);
	work->hashing = NULL;
}

/*
 * All that is needed beside the dump.  Files are hashed meanwhile, for which the
 * transaction is there; it has no MVCC snapshot, and so holds back nothing.
 */
static void
complete(Work *work)
{
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	dump_globals(work);
	test_step("globals saved");
	read_back(work);
	hash_files(work);
	test_step("hashed");
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/* The manifest as text.  Raises an error when that could not be read back. */
static const char *
checked_manifest(const Manifest *manifest)
{
	const char *text = manifest_format(manifest);
	Manifest	again;
	const char *problem;

	if (strlen(text) > MANIFEST_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the manifest of the snapshot would have more than %zu bytes",
						MANIFEST_MAX_SIZE),
				 errdetail("The database has too many tables or large objects for a file each."),
				 errhint("Set \"snapshot_worker.format\" to \"custom\".")));
	problem = manifest_parse(pstrdup(text), strlen(text), false, &again);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("could not write a manifest that can be read: %s",
						problem)));
	return text;
}

static void
publish(Work *work)
{
	Manifest   *manifest = &work->manifest;

	work_enter_phase(work, "publishing", 93, 94);
	manifest->name = work->run.name;
	manifest->database = work->run.database;
	manifest->system_identifier = GetSystemIdentifier();
	manifest->reason = pstrdup(state_reason_name(work->run.reason));
	manifest->scheduled_for = work->run.scheduled_for;
	manifest->attempt = work->run.attempt;
	manifest->started_at = work->run.started_at;
	manifest->finished_at = GetCurrentTimestamp();
	manifest->server_version =
		pstrdup(GetConfigOption("server_version", false, false));
	staging_publish(&work->staging, checked_manifest(manifest));
	work->published = true;
	state_set_published(work->run.id);
}

/*
 * Verify the snapshot that was taken, if that is set and it is one of the
 * schedule.  A failure leaves it where it is, and is no reason to take another
 * one; it is reported, and kept as the outcome of the run.
 */
void
run_verify(Work *work)
{
	MemoryContext context = CurrentMemoryContext;

	if (setting_verify <= VERIFY_LIST || state_is_requested(work->run.reason))
		return;
	work_limit_time(work, setting_timeout);

	PG_TRY();
	{
		/* a standby cannot create a database */
		verify_snapshot(work, RecoveryInProgress() ?
						Min(setting_verify, VERIFY_ARCHIVE) : setting_verify);
	}
	PG_CATCH();
	{
		ErrorData  *edata;
		RunError   *error = MemoryContextAllocZero(context, sizeof(RunError));

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		work_explain_timeout(edata);
		edata->message = psprintf("verification failed: %s", edata->message);
		report_fill_error(error, edata);
		report_failure(&work->run, error);
		work->verify_error = error;
	}
	PG_END_TRY();
	work_limit_time(work, 0);
}

/*
 * Verify a snapshot for a session, which can wait or cancel, or by itself, for at
 * most "timeout".  Raises an error when the snapshot is not good, or cannot be
 * verified.
 */
void
run_verify_again(Work *work)
{
	work_prepare(work);
	work_limit_time(work, setting_timeout);
	verify_snapshot(work, work->run.test_restore ? VERIFY_RESTORE :
					VERIFY_ARCHIVE);
}

/* Remove what retention no longer keeps.  What fails is warned of. */
void
run_prune(Work *work)
{
	work_enter_phase(work, "applying retention", 99, 100);
	(void) prune_database(work->directory, work->run.database,
						  work->run.name, WARNING);
}

/*
 * Take the snapshot, to the end of its publication.  Raises an error when that
 * fails; what was staged is then the caller's to discard.
 */
void
run_take_snapshot(Work *work)
{
	prepare(work);
	work->manifest.pg_dump_version = check_pg_dump_version(work);
	stage(work);
	test_step("staged");
	dump(work);
	test_step("dumped");
	complete(work);
	publish(work);
	work_limit_time(work, 0);
	test_step("published");

	ereport(LOG,
			(errmsg("took snapshot \"%s\": " INT64_FORMAT " bytes, "
					INT64_FORMAT " tables, %.1f s",
					work->run.name, work->manifest.size, work->manifest.tables,
					(double) (work->manifest.finished_at -
							  work->manifest.started_at) / USECS_PER_SEC)));
}
