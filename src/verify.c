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
#include "files.h"
#include "hold.h"
#include "lib/stringinfo.h"
#include "messages.h"
#include "restore.h"
#include "scratch.h"
#include "share.h"
#include "store.h"
#include "test_step.h"
#include "utils/timestamp.h"
#include "verification.h"
#include "verify.h"

/* Of more problems than these there is only the number. */
#define MAX_PROBLEMS	10

typedef struct Problems
{
	int			count;
	StringInfoData text;
} Problems;

static void add_problem(Problems *problems, const char *format,...) pg_attribute_printf(2, 3);

static void
add_problem(Problems *problems, const char *format,...)
{
	char		line[2048];
	va_list		args;

	if (++problems->count > MAX_PROBLEMS)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	appendStringInfo(&problems->text, "%s%s",
					 problems->text.len > 0 ? "\n" : "", line);
}

/* Raise an error if there are problems. */
static void
raise_problems(const StoredSnapshot *snapshot, Problems *problems)
{
	if (problems->count == 0)
		return;
	if (problems->count > MAX_PROBLEMS)
		appendStringInfo(&problems->text, "\nand %d more",
						 problems->count - MAX_PROBLEMS);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("snapshot \"%s\" is not what its manifest says",
					snapshot->name),
			 errdetail_internal("%s", problems->text.data)));
}

/* Add the snapshots that have the same problem, since they share the file. */
static void
add_sharers(const char *directory, const StoredSnapshot *snapshot,
			const ManifestFile *file, Problems *problems)
{
	ListCell   *lc;

	foreach(lc, share_names(directory, snapshot, file))
		add_problem(problems, "Snapshot \"%s\" shares that file.",
					(char *) lfirst(lc));
}

/* Has the file the size and the SHA-256 that the manifest says? */
static void
check_file(const char *directory, const StoredSnapshot *snapshot,
		   const ManifestFile *file, Problems *problems)
{
	char	   *path = psprintf("%s/%s", snapshot->path, file->path);
	char		sha256[SHA256_HEX_SIZE];
	struct stat st;

	if (lstat(path, &st) != 0)
	{
		if (errno != ENOENT && errno != ENOTDIR)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not stat file \"%s\": %m", path)));
		add_problem(problems, "File \"%s\" is missing.", path);
	}
	else if (!S_ISREG(st.st_mode))
		add_problem(problems, "\"%s\" is not a regular file.", path);
	else if (st.st_size != file->size)
		add_problem(problems, "File \"%s\" has " INT64_FORMAT
					" bytes instead of " INT64_FORMAT ".",
					path, (int64) st.st_size, file->size);
	else if (files_hash(path, sha256) != file->size ||
			 strcmp(sha256, file->sha256) != 0)
	{
		add_problem(problems, "The contents of file \"%s\" have changed: their SHA-256 is not that of the manifest.",
					path);
		add_sharers(directory, snapshot, file, problems);
	}
	pfree(path);
}

/* Check that all files are there, as the manifest has them, and no others. */
static void
check_files(Work *work, const StoredSnapshot *snapshot)
{
	MemoryContext context = CurrentMemoryContext;
	Problems	problems = {0};
	FileTree	tree;
	const char *foreign;
	int64		bytes = 0;
	ListCell   *lc;

	initStringInfo(&problems.text);
	(void) files_list(snapshot->path, ERROR, &tree);
	foreign = store_foreign_file(snapshot, &tree);
	if (foreign != NULL)
		add_problem(&problems, "\"%s/%s\" is not a part of the snapshot.",
					snapshot->path, foreign);

	/*
	 * hashing needs a transaction; without an MVCC snapshot, it holds back
	 * nothing
	 */
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	foreach(lc, snapshot->manifest.files)
	{
		ManifestFile *file = lfirst(lc);

		work_check_deadline(work, "verification");
		test_step("verifying");
		check_file(work->directory, snapshot, file, &problems);
		bytes += file->size;
		work_note_bytes(work, bytes, (double) bytes /
						Max(snapshot->manifest.size, 1));
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	raise_problems(snapshot, &problems);
}

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
	  volatile VerifyLevel *reached)
{
	if (level >= VERIFY_CHECKSUM)
	{
		*reached = VERIFY_CHECKSUM;
		work_enter_phase(work, "hashing", 0, 20);
		check_files(work, snapshot);
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
 * Raise an error where a problem is known that a verification as far as this
 * could not have found: it does not tell that the problem is gone.
 */
static void
check_known_problem(const StoredSnapshot *snapshot, VerifyLevel level)
{
	const Verification *known = &snapshot->verification;

	if (!snapshot->failed || level >= VERIFY_RESTORE ||
		strcmp(known->level, settings_verify_name(VERIFY_RESTORE)) != 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a restore of snapshot \"%s\" has found a problem",
					snapshot->name),
			 errdetail_internal("%s", known->problem),
			 errhint("Its files are as they should be. Only another restore can tell that the problem is gone: use restore => true.")));
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
 * Raises an error when it is not good, or cannot be verified.
 */
void
verify_snapshot(Work *work, VerifyLevel level)
{
	MemoryContext context = CurrentMemoryContext;
	StoredSnapshot *snapshot = store_get(work->directory, work->run.name, true);
	volatile VerifyLevel reached = VERIFY_CHECKSUM;

	work->held = hold_for_reading(snapshot->path);
	PG_TRY();
	{
		check(work, snapshot, level, &reached);
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
	record(snapshot, level, NULL);
	ereport(LOG,
			(errmsg("verified snapshot \"%s\" (%s)", snapshot->name,
					settings_verify_name(level))));
}
