/*-------------------------------------------------------------------------
 *
 * scratch_database.h
 *	  Scratch databases: create, rename, drop and sweep them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCRATCH_DATABASE_H
#define SNAPSHOT_WORKER_SCRATCH_DATABASE_H

#include "worker/run_context.h"

extern void scratch_create(RunContext *cxt, const Manifest *manifest,
						   const char *owner);
extern void scratch_drop(RunContext *cxt);
extern void scratch_discard(RunContext *cxt);
extern void scratch_rename(RunContext *cxt, const char *name);
extern void scratch_sweep(void);

#endif							/* SNAPSHOT_WORKER_SCRATCH_DATABASE_H */
