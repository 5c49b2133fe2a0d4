/*-------------------------------------------------------------------------
 *
 * child_spawn.h
 *	  Start a child process that inherits nothing but three descriptors.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CHILD_SPAWN_H
#define SNAPSHOT_WORKER_CHILD_SPAWN_H

#include <sys/types.h>

extern pid_t child_spawn(char **argv, char **envp, int input, int output,
						 int error);

#endif							/* SNAPSHOT_WORKER_CHILD_SPAWN_H */
