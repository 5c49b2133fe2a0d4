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

/* Where standard output goes, if not to a descriptor. */
#define CHILD_DISCARD	(-1)
#define CHILD_KEEP		(-2)	/* to where standard error goes */

typedef struct ChildResult
{
	int			status;			/* as from waitpid() */
	bool		timed_out;
	char	   *output;			/* its last lines, palloc'd */
} ChildResult;

/* What its caller does while the child runs. */
typedef struct ChildWatcher
{
	/* It has said this: is the line to be kept? */
	bool		(*want_line) (void *arg, const char *line);

	/* Use the time, but briefly: is there more to do? */
	bool		(*use_time) (void *arg);
	void	   *arg;
} ChildWatcher;

extern void child_init(void);
extern void child_run(char **argv, char **envp, int input,
					  int output_fd, double deadline,
					  const ChildWatcher *watcher, ChildResult *result);
extern void child_stop(void);

#endif							/* SNAPSHOT_WORKER_CHILD_PROCESS_H */
