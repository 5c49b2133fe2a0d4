/*-------------------------------------------------------------------------
 *
 * underway_file.h
 *	  The file that lists the automatic runs in progress, for after a crash.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_UNDERWAY_FILE_H
#define SNAPSHOT_WORKER_UNDERWAY_FILE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* An automatic run, and how many crashes interrupted it. */
typedef struct Underway
{
	char	   *what;			/* the kind of run */
	char	   *subject;		/* its database or snapshot, or "" */
	int64		running;		/* number of such runs in progress */
	int64		crashes;
	int64		given_up;		/* 1 if the refusal has been reported */

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
