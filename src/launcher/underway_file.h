/*-------------------------------------------------------------------------
 *
 * underway_file.h
 *	  The file that tells, after a crash, what was under way.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_UNDERWAY_FILE_H
#define SNAPSHOT_WORKER_UNDERWAY_FILE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Something that begins by itself, and how often a crash cut it short. */
typedef struct Underway
{
	char	   *what;			/* the kind of run */
	char	   *subject;		/* its database or snapshot, or "" */
	int64		running;		/* how many are running now */
	int64		crashes;
	int64		given_up;		/* 1: the administrator knows that it is */

	/* The latest run of a slot; empty for other kinds. */
	char	   *name;
	char	   *reason;
	int64		attempt;
	TimestampTz scheduled_for;
	TimestampTz started_at;

	bool		cut_short;		/* by the last crash; not in the file */
} Underway;

extern List *underway_read(void);
extern void underway_write(List *entries);

#endif							/* SNAPSHOT_WORKER_UNDERWAY_FILE_H */
