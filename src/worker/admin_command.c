/*-------------------------------------------------------------------------
 *
 * admin_command.c
 *	  Running the commands archive_command and failure_command.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/child_process.h"
#include "worker/admin_command.h"

static int
detail_of(const ChildResult *result)
{
	return result->output[0] != '\0' ?
		errdetail_internal("%s", result->output) : 0;
}

static int
hint_of(const char *hint)
{
	return hint != NULL ? errhint("%s", hint) : 0;
}

/*
 * Run a command.  It is terminated at the deadline, after that many seconds; 0
 * means no deadline.  input becomes its standard input, unless it is -1.
 * Raises an error, with the output as its detail, if the command does not
 * succeed.
 */
void
admin_command_run(const AdminCommand *command, char **argv, char **environment,
				  int input, int seconds, double deadline)
{
	ChildResult result;

	child_run(argv, environment, input, CHILD_KEEP, deadline, NULL, &result);
	if (result.timed_out)
		ereport(ERROR,
				(errcode(command->timeout_sqlerrcode),
				 command->timeout_setting != NULL ?
				 errmsg("canceling the %s due to \"%s\" (%d s)",
						command->name, command->timeout_setting, seconds) :
				 errmsg("canceling the %s after %d s", command->name, seconds),
				 detail_of(&result), hint_of(command->timeout_hint)));
	if (result.status != 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the %s failed: %s", command->name,
						wait_result_to_str(result.status)),
				 detail_of(&result), hint_of(command->failure_hint)));
}
