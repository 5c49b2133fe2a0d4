/*-------------------------------------------------------------------------
 *
 * archive.c
 *	  Copies of snapshots elsewhere, by archive_command.
 *
 * Which snapshots are still to be archived is read from the directory: those of
 * this cluster that are good, and have no word beside them that they were.  A
 * run archives them all, oldest first, and ends with the first failure; the
 * launcher has another one started later (see archiving.c).
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "archive.h"
#include "archived.h"
#include "child.h"
#include "clock.h"
#include "hold.h"
#include "miscadmin.h"
#include "settings.h"
#include "shell.h"
#include "store.h"
#include "test_step.h"
#include "utils/timestamp.h"

extern char **environ;

/* Are snapshots archived? */
bool
archive_is_on(void)
{
	return setting_archive_command[0] != '\0';
}

static bool
is_to_be_archived(const StoredSnapshot *snapshot)
{
	return snapshot->archived_at == 0 && !snapshot->failed &&
		snapshot->manifest.system_identifier == GetSystemIdentifier();
}

/* What the command can read of a snapshot from its environment. */
static List *
variables_of(const StoredSnapshot *snapshot)
{
	List	   *variables;

	variables = list_make1(psprintf("SNAPSHOT_PATH=%s", snapshot->path));
	variables = lappend(variables, psprintf("SNAPSHOT_NAME=%s", snapshot->name));
	return lappend(variables, psprintf("SNAPSHOT_DATABASE=%s",
									   snapshot->database));
}

/* Run the command for a snapshot.  Raises an error when that fails. */
static void
run_command(Work *work, const StoredSnapshot *snapshot)
{
	char	   *command = shell_command(setting_archive_command,
										snapshot->path, snapshot->name);
	ChildResult result;

	if (setting_timeout > 0)
		work->deadline = clock_seconds() + setting_timeout;
	child_run(shell_argv(command),
			  shell_environment(environ, variables_of(snapshot)), true,
			  work->deadline, NULL, &result);
	if (result.timed_out)
		ereport(ERROR,
				(errcode(ERRCODE_OPERATOR_INTERVENTION),
				 errmsg("the archive command was stopped, since it took longer than %d s",
						setting_timeout),
				 result.output[0] != '\0' ?
				 errdetail_internal("%s", result.output) : 0,
				 errhint("Raise \"snapshot_worker.timeout\" if it needs more time.")));
	if (result.status != 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the archive command failed: %s",
						wait_result_to_str(result.status)),
				 result.output[0] != '\0' ?
				 errdetail_internal("%s", result.output) : 0,
				 errhint("It is tried again until it succeeds. Run the command of \"snapshot_worker.archive_command\" by hand, as the user of the server, to see more.")));
}

/* Archive a snapshot, unless it is being removed. */
static void
archive(Work *work, const StoredSnapshot *snapshot)
{
	work->held = hold_if_possible(snapshot->path);
	if (work->held < 0)
		return;
	run_command(work, snapshot);
	test_step("archived");
	archived_write(snapshot->path, snapshot->name, GetCurrentTimestamp());
	hold_release(&work->held);
	ereport(LOG,
			(errmsg("archived snapshot \"%s\"", snapshot->name)));
}

/*
 * Archive all snapshots that were not yet, oldest first.  Raises an error when
 * one of them cannot be.
 */
void
archive_snapshots(Work *work)
{
	List	   *snapshots = store_list(work->directory, NULL, DT_NOBEGIN, ERROR,
									   DEBUG1);
	int			n = list_length(snapshots);

	for (int i = n - 1; i >= 0 && archive_is_on(); i--)
	{
		const StoredSnapshot *snapshot = list_nth(snapshots, i);

		CHECK_FOR_INTERRUPTS();
		if (!is_to_be_archived(snapshot))
			continue;
		strlcpy(work->run.name, snapshot->name, sizeof(work->run.name));
		state_set_name(work->run.id, snapshot->name);
		work_enter_phase(work, "archiving", 100 * (n - 1 - i) / n,
						 100 * (n - i) / n);
		archive(work, snapshot);
	}
}
