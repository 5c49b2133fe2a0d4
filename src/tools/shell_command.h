/*-------------------------------------------------------------------------
 *
 * shell_command.h
 *	  Shell commands of the administrator, with their placeholders: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SHELL_COMMAND_H
#define SNAPSHOT_WORKER_SHELL_COMMAND_H

#include "nodes/pg_list.h"

extern const char *shell_problem(const char *command);
extern char *shell_command(const char *command, const char *path,
						   const char *name);
extern char **shell_argv(const char *command);
extern char **shell_environment(char **inherited, const List *variables);

#endif							/* SNAPSHOT_WORKER_SHELL_COMMAND_H */
