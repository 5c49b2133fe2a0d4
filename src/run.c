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

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "child.h"
#include "clock.h"
#include "common/file_perm.h"
#include "compat.h"
#include "directory.h"
#include "facts.h"
#include "files.h"
#include "pgstat.h"
#include "port.h"
#include "removal.h"
#include "report.h"
#include "retention.h"
#include "run.h"
#include "settings.h"
#include "store.h"
#include "test_step.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define GLOBALS_FILE	"globals.sql"

static void
enter_phase(Work *work, const char *what)
{
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("snapshot %s: %s", work->run.name, what));
}

static void
timed_out(const char *what, const char *output)
{
	ereport(ERROR,
			(errcode(ERRCODE_OPERATOR_INTERVENTION),
			 errmsg("%s was stopped, since the run took longer than %d s",
					what, setting_timeout),
			 output[0] != '\0' ? errdetail_internal("%s", output) : 0,
			 errhint("Raise \"snapshot_worker.timeout\" if the database needs more time.")));
}

/* Run a program to its good end; anything else is an error. */
static char *
run_program(Work *work, char **argv, bool want_stdout)
{
	const char *name = last_dir_separator(argv[0]) + 1;
	ChildResult result;

	if (access(argv[0], X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not find an executable \"%s\": %m", argv[0]),
				 errhint("Install the client programs of this server's version, or set \"snapshot_worker.bin_directory\" to where they are.")));

	child_run(argv, work->environment, want_stdout, work->deadline, &result);
	if (result.timed_out)
		timed_out(name, result.output);
	if (result.status != 0)
	{
		const char *hint = commands_hint(result.output);

		/* pg_dump does not say where */
		if (strstr(result.output, "No space left on device") != NULL)
			hint = psprintf("The disk under \"%s\" is full: make room there.",
							work->directory);
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("%s failed: %s", name,
						wait_result_to_str(result.status)),
				 result.output[0] != '\0' ?
				 errdetail_internal("%s", result.output) : 0,
				 hint != NULL ? errhint("%s", hint) : 0));
	}
	if (!want_stdout && result.output[0] != '\0')
		ereport(WARNING,
				(errmsg("%s has something to say about database \"%s\"",
						name, work->run.database),
				 errdetail_internal("%s", result.output)));
	return result.output;
}

/*
 * The version of pg_dump, such as "15.7", which must be of this server's
 * major version: an older one refuses to dump, and what a newer one writes
 * may not be restored by this server's pg_restore.
 */
static char *
check_pg_dump_version(Work *work)
{
	char	  **argv = commands_version(work->bin_directory, "pg_dump");
	char	   *output = run_program(work, argv, true);
	const char *prefix = "pg_dump (PostgreSQL) ";

	if (strncmp(output, prefix, strlen(prefix)) != 0 ||
		atoi(output + strlen(prefix)) != SERVER_MAJOR_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("program \"%s\" is not of version %s", argv[0],
						PG_MAJORVERSION),
				 errdetail("It says: %s", output),
				 errhint("Set \"snapshot_worker.bin_directory\" to the directory of this server's own client programs.")));
	return pstrdup(output + strlen(prefix));
}

/* What every later step needs to know. */
static void
prepare(Work *work)
{
	struct passwd *os_user = getpwuid(geteuid());
	const char *home = getenv("HOME");

	work->directory = settings_directory();
	work->bin_directory = settings_bin_directory();
	if (home == NULL || !is_absolute_path(home))
		home = os_user != NULL ? pstrdup(os_user->pw_dir) : "/";
	work->environment = commands_environment(work->bin_directory, home,
											getenv("PGPASSFILE"));
	if (setting_timeout > 0)
		work->deadline = clock_seconds() + setting_timeout;

	directory_make(work->directory);
	directory_check(work->directory);
	staging_sweep(work->directory, work->run.database, GetSystemIdentifier(),
				  report_interrupted);
}

static void
stage(Work *work)
{
	StagingOwner owner = {0};

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
}

static char *
archive_path(Work *work)
{
	char		folder[NAMES_FOLDER_SIZE];

	names_encode_database(work->run.database, folder);
	return psprintf("%s/%s.dump", work->staging.path, folder);
}

/*
 * Raise an error when there is too little room for the snapshot.  It is
 * expected to be as large as the newest one of this database, if there is one.
 */
static void
check_space(Work *work)
{
	List	   *snapshots;
	int64		expected = work->manifest.database_size;

	if (setting_min_free_space == 0)
		return;
	snapshots = store_list(work->directory, work->run.database, DT_NOBEGIN,
						   ERROR, WARNING);
	if (snapshots != NIL)
		expected = ((StoredSnapshot *) linitial(snapshots))->manifest.size;
	directory_check_space(work->directory, expected,
						  (int64) setting_min_free_space * 1024 * 1024);
}

/* The dump itself, of the MVCC snapshot that the facts are of. */
static void
dump(Work *work)
{
	Manifest   *manifest = &work->manifest;
	DumpOptions options = {0};

	options.format = settings_format_name();
	options.compress = settings_compress_argument();
	options.jobs = setting_format == FORMAT_DIRECTORY ? setting_jobs : 0;
	options.lock_timeout = setting_lock_timeout;
	options.snapshot = facts_begin(manifest);
	check_space(work);
	facts_connection(work->run.database, &work->connection, &work->is_superuser);

	enter_phase(work, "dumping");
	(void) run_program(work, commands_pg_dump(work->bin_directory, &work->connection,
										&options, archive_path(work)), false);
	facts_end();

	manifest->format = pstrdup(options.format);
	manifest->compression = pstrdup(setting_compress);
	manifest->jobs = options.jobs;
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
	char	   *path = psprintf("%s/%s", work->staging.path, GLOBALS_FILE);

	if (!setting_globals)
		return;
	enter_phase(work, "saving globals");
	(void) run_program(work, commands_pg_dumpall_globals(work->bin_directory,
														 &work->connection,
														 setting_lock_timeout,
														 work->is_superuser,
														 path), false);
	check_globals(path);
}

static void
read_back(Work *work)
{
	enter_phase(work, "reading back");
	(void) run_program(work, commands_pg_restore_list(work->bin_directory,
												archive_path(work)), false);
}

/*
 * Hash and sync every file, and have all directories in our own mode.  The
 * transaction is there for what a hash needs; it has no MVCC snapshot, and so
 * holds back nothing.
 */
static void
hash_files(Work *work)
{
	MemoryContext context = CurrentMemoryContext;
	FileTree	tree;
	ListCell   *lc;

	enter_phase(work, "hashing");
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	(void) files_list(work->staging.path, ERROR, &tree);
	if (tree.others != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("\"%s/%s\" is not a regular file",
						work->staging.path, (char *) linitial(tree.others))));

	foreach(lc, tree.directories)
	{
		char	   *path = psprintf("%s/%s", work->staging.path,
									(char *) lfirst(lc));

		if (chmod(path, pg_dir_create_mode) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not set permissions of directory \"%s\": %m",
							path)));
	}
	foreach(lc, tree.files)
	{
		ManifestFile *file;

		if (strcmp(lfirst(lc), STAGING_OWNER_FILE) == 0)
			continue;
		if (work->deadline > 0 && clock_seconds() >= work->deadline)
			timed_out("hashing", "");
		test_step("hashing");
		file = palloc0(sizeof(ManifestFile));
		file->path = lfirst(lc);
		file->size = files_hash(psprintf("%s/%s", work->staging.path,
										 file->path), true, file->sha256);
		work->manifest.size += file->size;
		work->manifest.files = lappend(work->manifest.files, file);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

static void
publish(Work *work)
{
	Manifest   *manifest = &work->manifest;

	enter_phase(work, "publishing");
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
	staging_publish(&work->staging, manifest_format(manifest));
	work->published = true;
}

/* Remove what retention no longer keeps.  What fails is warned of. */
void
run_prune(Work *work)
{
	List	   *expired;
	ListCell   *lc;

	enter_phase(work, "applying retention");
	expired = retention_expired(store_list(work->directory, work->run.database,
										   DT_NOBEGIN, ERROR, WARNING),
								GetSystemIdentifier(), work->run.name,
								setting_retention);
	foreach(lc, expired)
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (removal_remove(snapshot, WARNING))
			ereport(DEBUG1,
					(errmsg_internal("removed snapshot \"%s\"",
									 snapshot->name)));
	}
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
	dump_globals(work);
	test_step("globals saved");
	read_back(work);
	hash_files(work);
	test_step("hashed");
	publish(work);
	test_step("published");

	ereport(LOG,
			(errmsg("took snapshot \"%s\": " INT64_FORMAT " bytes, "
					INT64_FORMAT " tables, %.1f s",
					work->run.name, work->manifest.size, work->manifest.tables,
					(double) (work->manifest.finished_at -
							  work->manifest.started_at) / USECS_PER_SEC)));
}
