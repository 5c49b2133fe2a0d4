/*-------------------------------------------------------------------------
 *
 * child.h
 *	  Start, drain, time out, stop and reap one child process.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CHILD_H
#define SNAPSHOT_WORKER_CHILD_H

typedef struct ChildResult
{
	int			status;			/* as from waitpid() */
	bool		timed_out;
	char	   *output;			/* its last lines, palloc'd */
} ChildResult;

/* Is a line of output to be kept? */
typedef bool (*child_line_callback) (void *arg, const char *line);

extern void child_init(void);
extern void child_run(char **argv, char **envp, bool want_stdout,
					  double deadline, child_line_callback want_line,
					  void *arg, ChildResult *result);
extern void child_stop(void);

#endif							/* SNAPSHOT_WORKER_CHILD_H */
