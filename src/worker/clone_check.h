/*-------------------------------------------------------------------------
 *
 * clone_check.h
 *	  Warn if a clone of this cluster uses the same snapshot directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CLONE_CHECK_H
#define SNAPSHOT_WORKER_CLONE_CHECK_H

#include "worker/run_context.h"

extern void clone_check(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_CLONE_CHECK_H */
