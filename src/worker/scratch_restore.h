/*-------------------------------------------------------------------------
 *
 * scratch_restore.h
 *	  Restore a dump into a scratch database, and collect statistics there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCRATCH_RESTORE_H
#define SNAPSHOT_WORKER_SCRATCH_RESTORE_H

#include "worker/left_out.h"

extern void scratch_build(RunContext *cxt, const Manifest *manifest,
						  const char *owner, const char *archive, int jobs,
						  LeftOut *left_out);
extern void scratch_analyze(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_SCRATCH_RESTORE_H */
