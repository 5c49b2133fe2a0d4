/*-------------------------------------------------------------------------
 *
 * admin_command.h
 *	  Running the commands archive_command and failure_command.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ADMIN_COMMAND_H
#define SNAPSHOT_WORKER_ADMIN_COMMAND_H

/* What the errors of a command say. */
typedef struct AdminCommand
{
	const char *name;
	int			timeout_sqlerrcode;
	const char *timeout_setting;	/* that sets the time, or NULL */
	const char *timeout_hint;	/* or NULL */
	const char *failure_hint;	/* or NULL */
} AdminCommand;

extern void admin_command_run(const AdminCommand *command, char **argv,
							  char **environment, int input, int seconds,
							  double deadline);

#endif							/* SNAPSHOT_WORKER_ADMIN_COMMAND_H */
