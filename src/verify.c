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
#include "report.h"
#include "restore.h"
#include "scratch.h"
#include "store.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "verification.h"
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
	work_begin();
	restore_check_roles(snapshot, "");
	work_commit();
	work_enter_phase(work, "restoring", 40, 85);
	scratch_create(work, &snapshot->manifest, NULL);
	scratch_restore(work, store_archive_path(snapshot), &snapshot->manifest,
					setting_jobs, NULL);
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

/* How far the last verification went. */
static pg_noinline VerifyLevel
known_level(const StoredSnapshot *snapshot)
{
	VerifyLevel level = VERIFY_RESTORE;

	while (level > VERIFY_CHECKSUM &&
		   strcmp(snapshot->verification.level,
				  settings_verify_name(level)) != 0)
		level--;
	return level;
}

/*
 * Raise an error where a problem is known that a verification as far as this
 * could not have found: it does not tell that the problem is gone.
 */
static void
check_known_problem(const StoredSnapshot *snapshot, VerifyLevel level)
{
	if (!snapshot->failed || known_level(snapshot) <= level)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 known_level(snapshot) == VERIFY_RESTORE ?
			 errmsg("a restore of snapshot \"%s\" has found a problem",
					snapshot->name) :
			 errmsg("reading the archive of snapshot \"%s\" has found a problem",
					snapshot->name),
			 errdetail_internal("%s", snapshot->verification.problem),
			 known_level(snapshot) == VERIFY_RESTORE ?
			 errhint("Its files are as they should be. Only another restore can tell that the problem is gone: use restore => true.") :
			 errhint("Its files are as they should be. Only reading it once more can tell that the problem is gone: use snapshot_verify().")));
}

/* Write down what came of a verification: good, when problem is NULL. */
static void
record(const StoredSnapshot *snapshot, VerifyLevel level, char *problem)
{
	Verification verification = {0};

	verification.name = snapshot->name;
	verification.verified_at = GetCurrentTimestamp();
	verification.level = pstrdup(settings_verify_name(level));
	verification.problem = problem;
	verification_write(snapshot->path, &verification);
}

/*
 * As record, of a good snapshot.  What was found out of the same bytes before
 * still holds, if that is to be kept.
 */
static void
record_good(const StoredSnapshot *snapshot, VerifyLevel level, bool keep)
{
	if (keep && snapshot->verified && !snapshot->failed)
		level = Max(level, known_level(snapshot));
	record(snapshot, level, NULL);
	ereport(LOG,
			(errmsg("verified snapshot \"%s\" (%s)", snapshot->name,
					settings_verify_name(level))));
}

/*
 * As record, of a problem.  That this cannot be written down is warned of: the
 * error to raise is the problem.
 */
static void
record_problem_found(const StoredSnapshot *snapshot, VerifyLevel level,
					 char *problem)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		record(snapshot, level, problem);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not keep the outcome of a verification: %s",
						edata->message)));
	}
	PG_END_TRY();
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

/*
 * Verify the snapshot that the run names, and write down the outcome beside it.
 * shared is as for verify_files().  Raises an error when it is not good, or
 * cannot be verified.
 */
static void
verify(Work *work, VerifyLevel level, SharedFiles *shared)
{
	MemoryContext context = CurrentMemoryContext;
	StoredSnapshot *snapshot = store_get(work->directory, work->run.name, true);
	volatile VerifyLevel reached = VERIFY_CHECKSUM;

	work->held = hold_for_reading(snapshot->path);
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
		hold_release(&work->held);
		if (is_about_snapshot(edata, reached))
			note_removal(snapshot, edata);
		if (is_about_snapshot(edata, reached))
			record_problem_found(snapshot, reached,
								 edata->detail == NULL ? edata->message :
								 psprintf("%s\n%s", edata->message,
										  edata->detail));
		ReThrowError(edata);
	}
	PG_END_TRY();

	hold_release(&work->held);
	check_known_problem(snapshot, level);
	record_good(snapshot, level, shared != NULL);
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
