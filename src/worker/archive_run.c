/*-------------------------------------------------------------------------
 *
 * archive_run.c
 *	  Archive snapshots by archive_command.
 *
 * The directory tells which snapshots remain to be archived: the good ones of
 * this cluster that have no archived.json.  A run archives them all, oldest
 * first.  If some fail, the launcher starts another run later (see
 * archive_schedule.c).
 *
 * Only one archive run of a cluster executes at a time: it locks a file in the
 * directory with flock(), and the command gets that file as its standard
 * input.  The lock thus lasts as long as the command runs, even if its worker
 * has exited, and also keeps out other servers that share the directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "settings.h"
#include "store/marks.h"
#include "store/snapshot_lock.h"
#include "store/store.h"
#include "tools/shell_command.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/files.h"
#include "util/test_step.h"
#include "worker/admin_command.h"
#include "worker/archive_run.h"

/* Give up for now after so many failures in a row. */
#define MAX_FAILURES	3

static bool
is_to_be_archived(const StoredSnapshot *snapshot)
{
	return snapshot->archived_at == 0 && !store_is_bad(snapshot) &&
		snapshot->manifest.system_identifier == GetSystemIdentifier();
}

/* Return the environment variables that describe a snapshot to the command. */
static List *
variables_of(const StoredSnapshot *snapshot)
{
	List	   *variables;

	variables = list_make1(psprintf("SNAPSHOT_PATH=%s", snapshot->path));
	variables = lappend(variables, psprintf("SNAPSHOT_NAME=%s", snapshot->name));
	return lappend(variables, psprintf("SNAPSHOT_DATABASE=%s",
									   snapshot->database));
}

/* Run archive_command for a snapshot.  Raises an error when it fails. */
static void
run_command(RunContext *cxt, const StoredSnapshot *snapshot, int lock)
{
	char	   *command = shell_command(setting_archive_command,
										snapshot->path, snapshot->name);
	static const AdminCommand kind = {
		.name = "archive command",
		.timeout_sqlerrcode = ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
		.timeout_setting = "snapshot_worker.timeout",
		.timeout_hint = "Raise \"snapshot_worker.timeout\" if it needs more time.",
		.failure_hint = "It is retried until it succeeds. To see more, run the command of \"snapshot_worker.archive_command\" by hand as the server's operating system user."
	};

	if (setting_timeout > 0)
		cxt->deadline = clock_seconds() + setting_timeout;
	admin_command_run(&kind, shell_argv(command),
					  run_shell_environment(cxt, variables_of(snapshot)),
					  lock, setting_timeout, cxt->deadline);
}

/*
 * Archive a snapshot if that is still necessary: the list may be hours old.
 * Raises an error when that fails.
 */
static void
archive_snapshot(RunContext *cxt, const char *name, int lock)
{
	StoredSnapshot *snapshot = store_load(cxt->directory, name, false, DEBUG1);

	if (snapshot == NULL || !is_to_be_archived(snapshot))
		return;
	cxt->held = snapshot_lock_shared(snapshot->path);
	archived_mark_prepare(&cxt->archived, snapshot->path, name, GetCurrentTimestamp());
	run_command(cxt, snapshot, lock);
	test_step("archived");
	archived_mark_finish(&cxt->archived, snapshot->path);
	snapshot_unlock(&cxt->held);
	ereport(LOG,
			(errmsg("archived snapshot \"%s\"", name)));
}

/*
 * As archive_snapshot(), but returns the error, or NULL on success.  An error
 * that ends the run is raised.
 */
static ErrorData *
try_to_archive(RunContext *cxt, const char *name, int lock)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile edata = NULL;

	PG_TRY();
	{
		archive_snapshot(cxt, name, lock);
	}
	PG_CATCH();
	{
		edata = error_catch_and_abort(context);
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(edata);
		AtEOXact_Files(false);
		replace_cancel(&cxt->archived);
		snapshot_unlock(&cxt->held);
	}
	PG_END_TRY();
	return edata;
}

/*
 * Return the file in a directory that is locked while a command runs,
 * palloc'd.
 */
char *
archive_lock_path(const char *directory)
{
	return psprintf("%s/archiving-" UINT64_FORMAT ".lock", directory,
					GetSystemIdentifier());
}

/*
 * Make sure that no other archive run executes.  Returns a descriptor that the
 * caller keeps open, or -1 if another run has the lock.
 */
static int
lock_archiving(const char *directory)
{
	char	   *path = archive_lock_path(directory);
	int			fd = files_open_long(path, O_RDWR | O_CREAT);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path)));
	/* file systems without flock() go without a lock */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
	{
		files_close_long(fd);
		return -1;
	}
	return fd;
}

/*
 * Archive all snapshots that have not been archived yet, oldest first.  A
 * failure does not prevent the next snapshot from being archived, but several
 * in a row end the run.  Raises the first error at the end.  If another
 * command is already running, only records that in shared memory; the launcher
 * tries again later.
 */
void
archive_snapshots(RunContext *cxt)
{
	int			lock = lock_archiving(cxt->directory);
	List	   *snapshots;
	int			n;
	ErrorData  *first_error = NULL;
	char		first_name[NAMES_SIZE] = "";
	int			failures = 0;

	if (lock < 0)
	{
		state_set_busy();
		return;
	}
	snapshots = store_list(cxt->directory, NULL, DT_NOBEGIN, ERROR, DEBUG1);
	n = list_length(snapshots);

	for (int i = n - 1; i >= 0 && failures < MAX_FAILURES; i--)
	{
		const StoredSnapshot *snapshot = list_nth(snapshots, i);
		ErrorData  *error;

		CHECK_FOR_INTERRUPTS();
		if (!is_to_be_archived(snapshot))
			continue;
		strlcpy(cxt->run.request.name, snapshot->name, sizeof(cxt->run.request.name));
		state_set_name(snapshot->name);
		run_enter_phase(cxt, "archiving", 100 * (n - 1 - i) / n,
						100 * (n - i) / n);
		error = try_to_archive(cxt, snapshot->name, lock);
		failures = error == NULL ? 0 : failures + 1;
		if (error != NULL && first_error == NULL)
		{
			first_error = error;
			strlcpy(first_name, snapshot->name, sizeof(first_name));
		}
	}
	files_close_long(lock);
	if (first_error != NULL)
	{
		strlcpy(cxt->run.request.name, first_name, sizeof(cxt->run.request.name));
		state_set_name(first_name);
		ReThrowError(first_error);
	}
}
