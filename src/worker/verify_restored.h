/*-------------------------------------------------------------------------
 *
 * verify_restored.h
 *	  Compare a restored database with its snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_RESTORED_H
#define SNAPSHOT_WORKER_VERIFY_RESTORED_H

#include "worker/run_context.h"
#include "worker/verify_problems.h"

extern Fault *verify_restored(RunContext *cxt, const StoredSnapshot *snapshot);

#endif							/* SNAPSHOT_WORKER_VERIFY_RESTORED_H */
