/*-------------------------------------------------------------------------
 *
 * scratch.h
 *	  Databases that are made for a restore, and never left behind.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCRATCH_H
#define SNAPSHOT_WORKER_SCRATCH_H

#include "work.h"

extern void scratch_build(Work *work, const Manifest *manifest,
						  const char *owner, const char *archive, int jobs);
extern void scratch_drop(Work *work);
extern void scratch_discard(Work *work);
extern void scratch_rename(Work *work, const char *name);
extern void scratch_sweep(void);

#endif							/* SNAPSHOT_WORKER_SCRATCH_H */
