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
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "settings.h"
#include "shmem/run_kinds.h"
#include "store/directory.h"
#include "store/directory_exposure.h"
#include "store/file_system.h"
#include "store/hardlink.h"
#include "store/prune.h"
#include "store/store.h"
#include "tools/output_spool.h"
#include "util/compat.h"
#include "util/errors.h"
#include "util/file_tree.h"
#include "util/files.h"
#include "util/litter.h"
#include "util/test_step.h"
#include "worker/audit_tables.h"
#include "worker/base_files.h"
#include "worker/dump_database.h"
#include "worker/dump_globals.h"
#include "worker/incremental.h"
#include "worker/pg_dump_version.h"
#include "worker/run_report.h"
#include "worker/take_snapshot.h"

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

/*
 * Return the dump's table of contents, or NULL if nobody wants it.  Raises an
 * error when pg_restore cannot read it.
 */
static char *
read_back(RunContext *cxt)
{
	char	  **argv = tool_args_pg_restore_list(cxt->bin_directory,
												 dump_path(cxt));
	File		spool;
	ChildResult result;
	char	   *contents;

	if (setting_verify < VERIFY_LIST && cxt->incremental == NULL)
		return NULL;
	run_enter_phase(cxt, "reading back", 83, 85);
	if (cxt->incremental == NULL)
	{
		(void) run_program(cxt, argv, false);
		return NULL;
	}
	/* only the last lines of what is kept in memory would be there */
	spool = spool_create();
	if (!run_try_program(cxt, argv, -1, spool_descriptor(spool), &result))
		run_fail(cxt, argv, &result);
	contents = spool_text(spool);
	FileClose(spool);
	return contents;
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

	(void) file_tree_list(cxt->staging.path, ERROR, &tree);
	if (tree.others != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("\"%s/%s\" is not a regular file",
						cxt->staging.path, (char *) linitial(tree.others))));

	foreach(lc, tree.directories)
	{
		if (!litter_is_directory(lfirst(lc)) &&
			!base_files_is_link(lfirst(lc)))
			set_directory_mode(cxt, psprintf("%s/%s", cxt->staging.path,
											 (char *) lfirst(lc)));
	}
	foreach(lc, tree.files)
	{
		if (strcmp(lfirst(lc), STAGING_OWNER_FILE) != 0 &&
			!litter_is_file(lfirst(lc)) && !base_files_is_link(lfirst(lc)))
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
	char	   *contents;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	dump_globals(cxt);

	/*
	 * catalogs were read: what follows takes long, and needs no MVCC snapshot
	 */
	InvalidateCatalogSnapshot();
	test_step("globals saved");
	contents = read_back(cxt);
	base_files_put(cxt, contents);
	hash_files(cxt);
	incremental_write_base(cxt);
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
	incremental_flush_wal(cxt);
	staging_publish(&cxt->staging, checked_manifest(manifest));
	cxt->run.outcome.published = true;
	state_set_published();
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
 * Compare the tables that seem unchanged, if all were read.  The snapshot is
 * published: a failure to compare only raises a WARNING.
 */
static void
audit(RunContext *cxt)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		run_begin_transaction();
		audit_tables(cxt);
		run_commit_transaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch_and_abort(context);

		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not compare the tables of snapshot \"%s\" with those of the last one: %s",
						cxt->run.request.name, edata->message)));
	}
	PG_END_TRY();
}

/*
 * Make the snapshot the base of later ones.  Failing to do so only raises a
 * WARNING: the next run reads everything.
 */
static void
remember_base(RunContext *cxt)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		run_begin_transaction();
		incremental_remember(cxt);
		run_commit_transaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch_and_abort(context);

		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(edata);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("the next snapshot of database \"%s\" will read everything: %s",
						cxt->run.request.database, edata->message)));
	}
	PG_END_TRY();
	incremental_end(cxt);
}

static void
log_snapshot(const Manifest *manifest)
{
	double		seconds = (double) (manifest->finished_at -
									manifest->started_at) / USECS_PER_SEC;

	if (manifest->base == NULL)
		ereport(LOG,
				(errmsg("took snapshot \"%s\": " INT64_FORMAT " bytes, "
						INT64_FORMAT " tables, %.1f s",
						manifest->name, manifest->size, manifest->tables,
						seconds)));
	else
		ereport(LOG,
				(errmsg("took snapshot \"%s\": " INT64_FORMAT " bytes, "
						INT64_FORMAT " of " INT64_FORMAT " tables unchanged, %.1f s",
						manifest->name, manifest->size, manifest->tables_same,
						manifest->tables_same + manifest->tables_read,
						seconds)));
}

/*
 * Take the snapshot and publish it.  Raises an error when that fails; the
 * caller then discards the staging directory.
 */
void
take_snapshot(RunContext *cxt)
{
	prepare_snapshot(cxt);
	cxt->manifest.pg_dump_version = pg_dump_version_check(cxt);
	create_staging(cxt);
	test_step("staged");
	dump_database(cxt);
	test_step("dumped");
	complete_staging(cxt);
	publish_snapshot(cxt);
	dump_globals_remember(cxt);
	audit(cxt);
	remember_base(cxt);
	run_limit_time(cxt, 0);
	test_step("published");

	log_snapshot(&cxt->manifest);
}
