/*-------------------------------------------------------------------------
 *
 * take_snapshot.h
 *	  Take a snapshot: dump, hash, publish, verify, prune.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TAKE_SNAPSHOT_H
#define SNAPSHOT_WORKER_TAKE_SNAPSHOT_H

#include "worker/run_context.h"

extern void take_snapshot(RunContext *cxt);
extern void run_prune(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_TAKE_SNAPSHOT_H */
