/*-------------------------------------------------------------------------
 *
 * restore.c
 *	  Restore a snapshot into a new database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"

#include "database/catalog_query.h"
#include "database/database_properties.h"
#include "store/snapshot_lock.h"
#include "util/compat.h"
#include "util/test_step.h"
#include "worker/restore.h"
#include "worker/scratch_database.h"
#include "worker/verify_files.h"
#include "worker/verify_outcome.h"

/*
 * Raise an error that names the roles that do not exist here, if any.  Its
 * hint also offers the alternative.  Needs a transaction.
 */
void
restore_check_roles(const StoredSnapshot *snapshot, const char *alternative)
{
	List	   *missing = properties_missing_roles(&snapshot->manifest);
	StringInfoData names;
	ListCell   *lc;
	struct stat st;
	char	   *globals = psprintf("%s/%s", snapshot->path, STORE_GLOBALS_FILE);

	if (missing == NIL)
		return;
	initStringInfo(&names);
	foreach(lc, missing)
		appendStringInfo(&names, "%s\"%s\"",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 (char *) lfirst(lc));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("roles that the snapshot needs do not exist: %s",
					names.data),
			 lstat(globals, &st) == 0 ?
			 errhint("Create them, or run \"%s\" with psql%s.", globals, alternative) :
			 errhint("Create them%s.", alternative)));
}

/*
 * Raise an error if the snapshot was taken by a later major version than this
 * server.  pg_restore may be unable to read its dump, and this server its SQL.
 */
void
restore_check_version(const StoredSnapshot *snapshot)
{
	if (strtol(snapshot->manifest.server_version, NULL, 10) <=
		SERVER_MAJOR_VERSION)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("snapshot \"%s\" was taken by PostgreSQL %s, but this server is %s",
					snapshot->name, snapshot->manifest.server_version,
					PG_VERSION),
			 errhint("Restore it on a server of that version or a later one.")));
}

/*
 * Restore the snapshot that the run names into the target database.  The
 * target does not exist before and, if the restore fails, does not exist
 * afterwards.
 */
void
restore_snapshot(RunContext *cxt)
{
	Run		   *run = &cxt->run;
	StoredSnapshot *snapshot;
	const Manifest *manifest;
	const char *owner = run->request.owner[0] != '\0' ? run->request.owner : NULL;
	const Fault *fault;

	run_prepare(cxt);
	snapshot = store_get(cxt->directory, run->request.name, true);
	cxt->held = snapshot_lock_shared(snapshot->path);
	manifest = &snapshot->manifest;
	restore_check_version(snapshot);

	run_begin_transaction();
	properties_check_name_is_free(run->request.target);
	if (owner == NULL)
		restore_check_roles(snapshot, ", or restore without owners and privileges (no_owner => true)");
	run_commit_transaction();

	/* pg_restore does not detect every changed byte */
	run_enter_phase(cxt, "hashing", 0, 10);
	fault = verify_files(cxt, snapshot, false, NULL);
	if (fault != NULL)
		verify_outcome_bad(snapshot, fault);
	run_enter_phase(cxt, "restoring", 10, 95);
	scratch_build(cxt, manifest, owner, store_archive_path(snapshot),
				  run->request.jobs);

	run_enter_phase(cxt, "finishing", 95, 100);
	run_begin_transaction();
	properties_apply(manifest, run->progress.scratch, owner);
	properties_check_name_is_free(run->request.target);
	scratch_rename(cxt, run->request.target);
	test_step("renaming");
	catalog_wait_for_standbys();
	run_commit_transaction();
	state_set_scratch("");
	run->progress.scratch[0] = '\0';

	ereport(LOG,
			(errmsg("restored snapshot \"%s\" into database \"%s\"",
					run->request.name, run->request.target)));
}
