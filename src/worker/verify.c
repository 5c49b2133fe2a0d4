/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Verify a snapshot: hash its files, read its dump, restore it.
 *
 * A problem of the snapshot itself is written beside it (verify_outcome.c).
 * An error that prevents the verification, such as a full disk, a missing
 * program or extension, or a failed restore, says nothing about the snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/wait.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/memutils.h"

#include "shmem/run_kinds.h"
#include "store/snapshot_lock.h"
#include "store/store.h"
#include "tools/compression.h"
#include "util/compat.h"
#include "util/errors.h"
#include "util/test_step.h"
#include "worker/restore.h"
#include "worker/run_report.h"
#include "worker/scratch_database.h"
#include "worker/scratch_restore.h"
#include "worker/verify.h"
#include "worker/verify_files.h"
#include "worker/verify_outcome.h"
#include "worker/verify_restored.h"

/* Is pg_restore of this server's major version? */
static bool
is_our_pg_restore(RunContext *cxt)
{
	const char *prefix = "pg_restore (PostgreSQL) ";
	const char *output = run_program(cxt,
									 tool_args_version(cxt->bin_directory,
													   "pg_restore"),
									 true);

	return strncmp(output, prefix, strlen(prefix)) == 0 &&
		strtol(output + strlen(prefix), NULL, 10) == SERVER_MAJOR_VERSION;
}

/*
 * Does this exit status of pg_restore count against the dump?  It does not if
 * a signal ended pg_restore, if it could not be started, or if it may not
 * support the version or compression of the dump.  Its messages are not
 * considered.
 */
static bool
is_fault_of_archive(RunContext *cxt, const Manifest *manifest, int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
		strtol(manifest->pg_dump_version, NULL, 10) == SERVER_MAJOR_VERSION &&
		compression_is_known(manifest->compression) &&
		is_our_pg_restore(cxt);
}

/* Read the whole dump, as a restore would. */
static Fault *
read_archive(RunContext *cxt, const StoredSnapshot *snapshot)
{
	char	  **argv = tool_args_pg_restore_read(cxt->bin_directory,
												 store_archive_path(snapshot));
	ChildResult result;
	Fault	   *fault;

	/* a temporary reason for a failure may be gone the next time */
	for (int tries = 0; tries < 2; tries++)
	{
		if (run_try_tables(cxt, argv, 1, snapshot->manifest.tables, &result))
			return NULL;
		if (!is_fault_of_archive(cxt, &snapshot->manifest, result.status))
			run_fail(cxt, argv, &result);
	}
	fault = palloc0(sizeof(Fault));
	fault->level = VERIFY_ARCHIVE;
	fault->message = psprintf("pg_restore cannot read the dump of snapshot \"%s\"",
							  snapshot->name);
	fault->detail = result.output[0] != '\0' ? result.output : NULL;
	return fault;
}

/* Restore into a scratch database, compare, and drop it. */
static Fault *
test_restore(RunContext *cxt, const StoredSnapshot *snapshot)
{
	Fault	   *fault;

	run_begin_transaction();
	restore_check_roles(snapshot, "");
	run_commit_transaction();
	run_enter_phase(cxt, "restoring", 40, 85);
	scratch_build(cxt, &snapshot->manifest, NULL,
				  store_archive_path(snapshot), setting_jobs, NULL);
	run_enter_phase(cxt, "comparing", 85, 98);
	fault = verify_restored(cxt, snapshot);
	run_enter_phase(cxt, "dropping", 98, 99);
	scratch_drop(cxt);
	return fault;
}

/*
 * Check the snapshot up to a level.  Returns the problem found, or NULL.
 * Raises an error when the check cannot be completed.
 */
static Fault *
check_snapshot(RunContext *cxt, const StoredSnapshot *snapshot,
			   VerifyLevel level, SharedFiles *shared)
{
	Fault	   *fault = NULL;

	if (level >= VERIFY_CHECKSUM)
	{
		if (shared == NULL)
			run_enter_phase(cxt, "hashing", 0, 20);
		fault = verify_files(cxt, snapshot, true, shared);
	}
	if (fault == NULL && level >= VERIFY_ARCHIVE)
	{
		restore_check_version(snapshot);
		run_enter_phase(cxt, "reading the dump", 20, 40);
		fault = read_archive(cxt, snapshot);
	}
	if (fault == NULL && level >= VERIFY_RESTORE)
		fault = test_restore(cxt, snapshot);
	return fault;
}

/* Would an error affect all other snapshots as well? */
static bool
concerns_all(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES ||
		sqlerrcode == ERRCODE_INTERNAL_ERROR;
}

/* As lock_and_verify(), but the caller has locked the snapshot. */
static void
verify_locked(RunContext *cxt, const StoredSnapshot *snapshot,
			  VerifyLevel level, SharedFiles *shared)
{
	MemoryContext context = CurrentMemoryContext;
	Fault	   *volatile fault = NULL;

	PG_TRY();
	{
		fault = check_snapshot(cxt, snapshot, level, shared);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch_and_abort(context);

		scratch_discard(cxt);
		if (!concerns_all(edata->sqlerrcode) && verify_outcome_is_removed(snapshot))
			verify_outcome_raise_removed(snapshot);
		/* for example, a damaged catalog of this server */
		if (edata->sqlerrcode == ERRCODE_DATA_CORRUPTED)
			edata->sqlerrcode = ERRCODE_INTERNAL_ERROR;
		ReThrowError(edata);
	}
	PG_END_TRY();

	test_step("verified");
	if (fault != NULL)
		verify_outcome_bad(snapshot, fault);
	verify_outcome_good(snapshot, level, shared != NULL);
}

/*
 * Verify the snapshot that the run names, and write the outcome beside it.
 * shared is as for verify_files().  Raises an error of class "data corrupted"
 * when the snapshot is bad, and another error when it cannot be verified.
 */
static void
lock_and_verify(RunContext *cxt, VerifyLevel level, SharedFiles *shared)
{
	StoredSnapshot *snapshot = store_get(cxt->directory, cxt->run.request.name, true);

	cxt->held = snapshot_lock_shared(snapshot->path);
	PG_TRY();
	{
		verify_locked(cxt, snapshot, level, shared);
	}
	PG_FINALLY();
	{
		snapshot_unlock(&cxt->held);
	}
	PG_END_TRY();
}

/*
 * Verify the snapshot that the run names up to a level, and write the outcome
 * beside it.  Raises an error when the snapshot is bad or cannot be verified.
 */
void
verify_snapshot(RunContext *cxt, VerifyLevel level)
{
	lock_and_verify(cxt, level, NULL);
}

/*
 * As lock_and_verify(), for one of many snapshots: a snapshot that is bad, or
 * was removed meanwhile, does not raise an error.
 */
static void
verify_next(RunContext *cxt, SharedFiles *shared)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		lock_and_verify(cxt, VERIFY_CHECKSUM, shared);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch_and_abort(context);
		RunError   *error;

		if (concerns_all(edata->sqlerrcode))
			ReThrowError(edata);
		error = palloc0(sizeof(RunError));
		report_fill_error(error, edata);
		report_failure(&cxt->run.request, error);
	}
	PG_END_TRY();
}

/*
 * Verify the files of all snapshots, or of all of one database, newest first.
 * A file that several of them share is read once.  Raises an error when that
 * cannot be done, but not for problems found in snapshots.
 */
void
verify_all(RunContext *cxt)
{
	MemoryContext context = CurrentMemoryContext;
	const char *database = cxt->run.request.database;
	List	   *snapshots = store_list(cxt->directory,
									   database[0] != '\0' ? database : NULL,
									   DT_NOBEGIN, ERROR, WARNING);
	SharedFiles *shared = verify_files_begin();
	ListCell   *lc;

	foreach(lc, snapshots)
	{
		StoredSnapshot *snapshot = lfirst(lc);
		int			n = foreach_current_index(lc);
		MemoryContext one = AllocSetContextCreate(context, "verification",
												  ALLOCSET_DEFAULT_SIZES);

		if (!state_begin_verifying(snapshot->name))
			ereport(LOG,
					(errmsg("snapshot \"%s\" is being verified by another run",
							snapshot->name)));
		else
		{
			strlcpy(cxt->run.request.name, snapshot->name, sizeof(cxt->run.request.name));
			run_enter_phase(cxt, "hashing", 99 * n / list_length(snapshots),
							99 * (n + 1) / list_length(snapshots));
			MemoryContextSwitchTo(one);
			verify_next(cxt, shared);
			MemoryContextSwitchTo(context);
		}
		MemoryContextDelete(one);
	}
	ereport(LOG,
			(errmsg("verified the files of %d snapshots: " INT64_FORMAT " bytes read",
					list_length(snapshots), shared->bytes_read)));
}

/*
 * Verify the snapshot just taken, if it is a scheduled one and "verify" is
 * set.  A failure leaves the snapshot in place and does not cause a retry; it
 * is reported, and stored as the outcome of the run.
 */
void
verify_after_snapshot(RunContext *cxt)
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
verify_run(RunContext *cxt)
{
	run_prepare(cxt);
	run_limit_time(cxt, setting_timeout);
	verify_snapshot(cxt, cxt->run.request.test_restore ? VERIFY_RESTORE :
					VERIFY_ARCHIVE);
}
