/*-------------------------------------------------------------------------
 *
 * run.h
 *	  The steps of one run, in their order.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RUN_H
#define SNAPSHOT_WORKER_RUN_H

#include "commands.h"
#include "manifest.h"
#include "shared_state.h"
#include "staging.h"

/* All that a worker knows of its one run. */
typedef struct Work
{
	Run			run;
	bool		published;		/* from then on the run has succeeded */
	Staging		staging;
	Manifest	manifest;
	const char *directory;
	const char *bin_directory;
	char	  **environment;
	double		deadline;		/* of clock_seconds(); 0 is none */
	Connection	connection;
	bool		is_superuser;	/* the role that pg_dump connects as */
} Work;

extern void run_take_snapshot(Work *work);
extern void run_prune(Work *work);

#endif							/* SNAPSHOT_WORKER_RUN_H */
