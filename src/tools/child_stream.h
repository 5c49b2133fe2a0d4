/*-------------------------------------------------------------------------
 *
 * child_stream.h
 *	  Read the standard output of a child process as it comes.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CHILD_STREAM_H
#define SNAPSHOT_WORKER_CHILD_STREAM_H

typedef struct ChildStream ChildStream;

extern ChildStream *child_stream_begin(char **argv, char **envp, int input);
extern size_t child_stream_read(ChildStream *stream, char *buffer,
								size_t size);
extern char *child_stream_end(ChildStream *stream, int *status);

#endif							/* SNAPSHOT_WORKER_CHILD_STREAM_H */
