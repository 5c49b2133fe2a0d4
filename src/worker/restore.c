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

#include <math.h>
#include <sys/stat.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "database/catalog_query.h"
#include "database/database_properties.h"
#include "store/snapshot_lock.h"
#include "util/compat.h"
#include "util/test_step.h"
#include "worker/restore.h"
#include "worker/scratch_database.h"
#include "worker/scratch_restore.h"
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

/* Return a hint with the statement that restores all that can be restored. */
static char *
advice_to_go_on(const RunRequest *request)
{
	return psprintf("To restore everything else: SELECT * FROM snapshot_restore(%s, %s%s%s, on_error => 'continue');",
					quote_literal_cstr(request->name),
					quote_literal_cstr(request->target),
					request->owner[0] != '\0' ? ", no_owner => true" : "",
					request->analyze ? "" : ", run_analyze => false");
}

/* Prepare the report to the session that requested the restore. */
static LeftOut *
begin_report(const RunRequest *request)
{
	LeftOut    *left_out = palloc0(sizeof(LeftOut));

	left_out->go_on = request->go_on;
	left_out->advice = advice_to_go_on(request);
	left_out->report = restore_report_attach(request->report);
	if (left_out->report == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the session that requested the restore has ended")));
	return left_out;
}

/* Report the tables whose rows pg_restore has copied, and the time taken. */
static void
end_report(RunContext *cxt, const LeftOut *left_out)
{
	RestoreTotals totals = {.left_out = left_out->objects};
	ListCell   *lc;

	foreach(lc, copies_list(cxt->copies))
	{
		totals.tables++;
		totals.rows += ((TableCopy *) lfirst(lc))->rows;
	}
	totals.seconds = rint(state_seconds_taken(&cxt->run) * 1000) / 1000;
	restore_report_set_totals(left_out->report, &totals);
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
	LeftOut    *left_out = begin_report(&run->request);
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
	if (properties_missing_tablespace(manifest) != NULL)
		left_out_add_change(left_out, properties_missing_tablespace(manifest));
	if (owner == NULL)
		restore_check_roles(snapshot, ", or restore without owners and privileges (no_owner => true)");
	run_commit_transaction();

	/* pg_restore does not detect every changed byte */
	run_enter_phase(cxt, "hashing", 0, 10);
	fault = verify_files(cxt, snapshot, false, NULL);
	if (fault != NULL)
		verify_outcome_bad(snapshot, fault);
	run_enter_phase(cxt, "restoring", 10, 90);
	scratch_build(cxt, manifest, owner, store_archive_path(snapshot),
				  run->request.jobs, left_out);
	if (run->request.analyze)
	{
		run_enter_phase(cxt, "analyzing", 90, 95);
		scratch_analyze(cxt);
	}

	run_enter_phase(cxt, "finishing", 95, 100);
	end_report(cxt, left_out);
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
