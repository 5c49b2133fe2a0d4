/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Is a snapshot what its manifest says, and can it be got back?
 *
 * What is found wrong with the snapshot itself is an error of class "data
 * corrupted", and is written down beside it, as is that nothing was.  What
 * keeps it from being verified, such as a full disk or a missing program, is
 * another error, and says nothing about the snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "compare.h"
#include "hold.h"
#include "messages.h"
#include "outcome.h"
#include "report.h"
#include "restore.h"
#include "scratch.h"
#include "store.h"
#include "test_step.h"
#include "utils/memutils.h"
#include "verify.h"
#include "verify_files.h"

/* Read the whole archive, as a restore would. */
static void
read_archive(Work *work, const StoredSnapshot *snapshot)
{
	work_go_through_tables(work,
						   commands_pg_restore_read(work->bin_directory,
													store_archive_path(snapshot)),
						   1, snapshot->manifest.tables);
}

/* Restore into a scratch database, compare that, and drop it. */
static void
test_restore(Work *work, const StoredSnapshot *snapshot)
{
	RestoreOptions options = {.jobs = setting_jobs};

	work_begin();
	restore_check_roles(snapshot, "");
	work_commit();
	work_enter_phase(work, "restoring", 40, 85);
	scratch_create(work, &snapshot->manifest, NULL);
	scratch_restore(work, store_archive_path(snapshot), &snapshot->manifest,
					&options);
	work_enter_phase(work, "comparing", 85, 98);
	compare_scratch(work);
	work_enter_phase(work, "dropping", 98, 99);
	scratch_drop(work);
}

/* Verify as far as level; *reached is how far it has come. */
static void
check(Work *work, const StoredSnapshot *snapshot, VerifyLevel level,
	  SharedFiles *shared, volatile VerifyLevel *reached)
{
	if (level >= VERIFY_CHECKSUM)
	{
		*reached = VERIFY_CHECKSUM;
		if (shared == NULL)
			work_enter_phase(work, "hashing", 0, 20);
		verify_files(work, snapshot, true, shared);
	}
	if (level >= VERIFY_ARCHIVE)
	{
		*reached = VERIFY_ARCHIVE;
		work_enter_phase(work, "reading the archive", 20, 40);
		read_archive(work, snapshot);
	}
	if (level >= VERIFY_RESTORE)
	{
		*reached = VERIFY_RESTORE;
		test_restore(work, snapshot);
	}
}

/*
 * Is an error about the snapshot, and not about what is around it?  A file of
 * ours that cannot be read is; one of the scratch database is not.
 */
static bool
is_about_snapshot(const ErrorData *edata, VerifyLevel reached)
{
	if (edata->sqlerrcode == ERRCODE_EXTERNAL_ROUTINE_EXCEPTION)
		return edata->detail != NULL &&
			!messages_is_circumstance(edata->detail);
	return edata->sqlerrcode == ERRCODE_DATA_CORRUPTED ||
		(edata->sqlerrcode == ERRCODE_IO_ERROR && reached < VERIFY_RESTORE);
}

/*
 * What retention removes meanwhile is not damaged: make the error say that it is
 * not there any more.
 */
static void
note_removal(const StoredSnapshot *snapshot, ErrorData *edata)
{
	struct stat st;

	if (lstat(snapshot->path, &st) == 0 || errno != ENOENT)
		return;
	edata->sqlerrcode = ERRCODE_UNDEFINED_OBJECT;
	edata->message = psprintf("snapshot \"%s\" was removed while it was verified",
							  snapshot->name);
	edata->detail = NULL;
	edata->hint = NULL;
}

/* As verify(), of a snapshot that is held. */
static void
verify_held(Work *work, const StoredSnapshot *snapshot, VerifyLevel level,
			SharedFiles *shared)
{
	MemoryContext context = CurrentMemoryContext;
	volatile VerifyLevel reached = VERIFY_CHECKSUM;

	PG_TRY();
	{
		check(work, snapshot, level, shared, &reached);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		scratch_discard(work);
		if (is_about_snapshot(edata, reached))
			note_removal(snapshot, edata);
		if (is_about_snapshot(edata, reached))
			outcome_write_problem(snapshot, reached,
								  edata->detail == NULL ? edata->message :
								  psprintf("%s\n%s", edata->message,
										   edata->detail));
		ReThrowError(edata);
	}
	PG_END_TRY();

	test_step("verified");
	outcome_write_good(snapshot, level, shared != NULL);
}

/*
 * Verify the snapshot that the run names, and write down the outcome beside it.
 * shared is as for verify_files().  Raises an error when it is not good, or
 * cannot be verified.
 */
static void
verify(Work *work, VerifyLevel level, SharedFiles *shared)
{
	StoredSnapshot *snapshot = store_get(work->directory, work->run.name, true);

	work->held = hold_for_reading(snapshot->path);
	PG_TRY();
	{
		verify_held(work, snapshot, level, shared);
	}
	PG_FINALLY();
	{
		hold_release(&work->held);
	}
	PG_END_TRY();
}

/*
 * Verify the snapshot that the run names, as far as level, and write down the
 * outcome beside it.  Raises an error when it is not good, or cannot be
 * verified.
 */
void
verify_snapshot(Work *work, VerifyLevel level)
{
	verify(work, level, NULL);
}

/* Is an error none of one snapshot, so that others would not fare better? */
static bool
concerns_all(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES ||
		sqlerrcode == ERRCODE_INTERNAL_ERROR;
}

/*
 * As verify() of one snapshot of many: that it is not good, or was removed
 * meanwhile, is no error.
 */
static void
verify_next(Work *work, SharedFiles *shared)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		verify(work, VERIFY_CHECKSUM, shared);
	}
	PG_CATCH();
	{
		RunError   *error;
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		if (concerns_all(edata->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		error = palloc0(sizeof(RunError));
		report_fill_error(error, edata);
		report_failure(&work->run, error);
	}
	PG_END_TRY();
}

/*
 * Verify the files of all snapshots, or of all of one database, newest first; one
 * that several of them share is read once.  Raises an error when that cannot be
 * done, and not for what is found.
 */
void
verify_all(Work *work)
{
	MemoryContext context = CurrentMemoryContext;
	const char *database = work->run.database;
	List	   *snapshots = store_list(work->directory,
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

		if (!state_begin_verifying(work->run.id, snapshot->name))
			ereport(LOG,
					(errmsg("snapshot \"%s\" is being verified by another run",
							snapshot->name)));
		else
		{
			strlcpy(work->run.name, snapshot->name, sizeof(work->run.name));
			work_enter_phase(work, "hashing", 99 * n / list_length(snapshots),
							 99 * (n + 1) / list_length(snapshots));
			MemoryContextSwitchTo(one);
			verify_next(work, shared);
			MemoryContextSwitchTo(context);
		}
		MemoryContextDelete(one);
	}
	ereport(LOG,
			(errmsg("verified the files of %d snapshots: " INT64_FORMAT " bytes read",
					list_length(snapshots), shared->bytes_read)));
}
