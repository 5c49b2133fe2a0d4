/*-------------------------------------------------------------------------
 *
 * started_workers.h
 *	  The workers that the launcher has registered, until they end.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STARTED_WORKERS_H
#define SNAPSHOT_WORKER_STARTED_WORKERS_H

#include "launcher/crash_breaker.h"

/* How often to try again while no background worker slot is free. */
#define STARTED_WORKERS_LOOK_SECONDS	0.25

typedef struct StartedWorkers
{
	MemoryContext context;		/* of the list */
	List	   *list;			/* of StartedWorker */
} StartedWorkers;

extern void started_workers_add(StartedWorkers *workers, Breaker *breaker,
								const Run *run);
extern void started_workers_check(StartedWorkers *workers);
extern bool started_workers_wait(const StartedWorkers *workers);

#endif							/* SNAPSHOT_WORKER_STARTED_WORKERS_H */
