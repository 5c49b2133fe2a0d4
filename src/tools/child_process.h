/*-------------------------------------------------------------------------
 *
 * child_process.h
 *	  Start, drain, time out, stop and reap one child process.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CHILD_PROCESS_H
#define SNAPSHOT_WORKER_CHILD_PROCESS_H

/* Destinations of standard output other than a descriptor. */
#define CHILD_DISCARD	(-1)
#define CHILD_KEEP		(-2)	/* same as standard error */

typedef struct ChildResult
{
	int			status;			/* as from waitpid() */
	bool		timed_out;
	char	   *output;			/* its last lines, palloc'd */
} ChildResult;

/* Callbacks while a child runs. */
typedef struct ChildWatcher
{
	/* Called for each complete line; returns true to keep it. */
	bool		(*want_line) (void *arg, const char *line);

	/*
	 * Called while waiting; does a short unit of work, and returns true if
	 * more remains.
	 */
	bool		(*use_time) (void *arg);
	void	   *arg;
} ChildWatcher;

extern void child_init(void);
extern void child_run(char **argv, char **envp, int input,
					  int output_fd, double deadline,
					  const ChildWatcher *watcher, ChildResult *result);
extern void child_stop(void);

#endif							/* SNAPSHOT_WORKER_CHILD_PROCESS_H */
