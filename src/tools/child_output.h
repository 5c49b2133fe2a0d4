/*-------------------------------------------------------------------------
 *
 * child_output.h
 *	  The output of a child: drain its pipe and keep the last lines.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CHILD_OUTPUT_H
#define SNAPSHOT_WORKER_CHILD_OUTPUT_H

#include "lib/stringinfo.h"

typedef struct ChildOutput
{
	StringInfoData text;		/* the last lines */
	size_t		line_len;		/* length of the last one so far, as kept */
	bool		(*want_line) (void *arg, const char *line);
	void	   *arg;			/* passed to want_line */
} ChildOutput;

extern void child_output_init(ChildOutput *output,
							  bool (*want_line) (void *arg, const char *line),
							  void *arg);
extern bool child_output_drain(ChildOutput *output, int fd);
extern char *child_output_finish(ChildOutput *output);

#endif							/* SNAPSHOT_WORKER_CHILD_OUTPUT_H */
