/*-------------------------------------------------------------------------
 *
 * alert_run.c
 *	  Report a failure to the administrator by failure_command.
 *
 * The command gets the details of the failure in its environment rather than
 * in its arguments, which all users of the machine can see.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "settings.h"
#include "tools/child_process.h"
#include "tools/shell_command.h"
#include "util/clock.h"
#include "worker/alert_run.h"

/* The command is terminated after this time. */
#define TIMEOUT_SECONDS		60

static List *
variables_of(const Run *run)
{
	const RunError *error = &run->error;
	char		database[NAMEDATALEN] = "";
	char		folder[NAMES_FOLDER_SIZE];
	TimestampTz start;
	List	   *variables;

	/* the name of an archive run contains no database */
	if (!names_split(run->name, folder, database, &start))
		strlcpy(database, run->database, sizeof(database));

	variables = list_make1(psprintf("SNAPSHOT_EVENT=%s",
									run->failed_kind == KIND_ARCHIVE ? "archive" :
									run->published ? "verification" : "snapshot"));
	variables = lappend(variables, psprintf("SNAPSHOT_DATABASE=%s", database));
	variables = lappend(variables, psprintf("SNAPSHOT_NAME=%s", run->name));
	variables = lappend(variables, psprintf("SNAPSHOT_ATTEMPT=%d", run->attempt));
	variables = lappend(variables, psprintf("SNAPSHOT_ERROR=%s", error->message));
	variables = lappend(variables, psprintf("SNAPSHOT_DETAIL=%s", error->detail));
	return lappend(variables, psprintf("SNAPSHOT_HINT=%s", error->hint));
}

/*
 * Run failure_command for the failure described by the run.  Raises an error
 * when the command fails.
 */
void
alert_run(RunContext *cxt)
{
	ChildResult result;

	if (setting_failure_command[0] == '\0')
		return;
	run_enter_phase(cxt, "alerting", 0, 100);
	child_run(shell_argv(setting_failure_command),
			  run_shell_environment(cxt, variables_of(&cxt->run)),
			  -1, CHILD_KEEP, clock_seconds() + TIMEOUT_SECONDS, NULL, &result);
	if (result.timed_out)
		ereport(ERROR,
				(errcode(ERRCODE_OPERATOR_INTERVENTION),
				 errmsg("canceling the failure command after %d s",
						TIMEOUT_SECONDS)));
	if (result.status != 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the failure command failed: %s",
						wait_result_to_str(result.status)),
				 result.output[0] != '\0' ?
				 errdetail_internal("%s", result.output) : 0));
}
