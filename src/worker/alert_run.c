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
#include "shmem/run_kinds.h"
#include "tools/shell_command.h"
#include "util/clock.h"
#include "worker/admin_command.h"
#include "worker/alert_run.h"

/* The command is terminated after this time. */
#define TIMEOUT_SECONDS		60

static List *
variables_of(const Run *run)
{
	const RunError *error = &run->outcome.error;
	char		database[NAMEDATALEN] = "";
	List	   *variables;

	/* the name of an archive run contains no database */
	if (!names_database(run->request.name, database))
		strlcpy(database, run->request.database, sizeof(database));

	variables = list_make1(psprintf("SNAPSHOT_EVENT=%s",
									run_event(run->request.failed_kind)));
	variables = lappend(variables, psprintf("SNAPSHOT_DATABASE=%s", database));
	variables = lappend(variables, psprintf("SNAPSHOT_NAME=%s", run->request.name));
	variables = lappend(variables, psprintf("SNAPSHOT_ATTEMPT=%d", run->request.attempt));
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
	static const AdminCommand command = {
		.name = "failure command",
		.timeout_sqlerrcode = ERRCODE_OPERATOR_INTERVENTION
	};

	if (setting_failure_command[0] == '\0')
		return;
	run_enter_phase(cxt, "alerting", 0, 100);
	admin_command_run(&command, shell_argv(setting_failure_command),
					  run_shell_environment(cxt, variables_of(&cxt->run)),
					  -1, TIMEOUT_SECONDS, clock_seconds() + TIMEOUT_SECONDS);
}
