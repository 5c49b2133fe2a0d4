/*-------------------------------------------------------------------------
 *
 * restore.h
 *	  Restore a snapshot into a new database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_H
#define SNAPSHOT_WORKER_RESTORE_H

#include "store/store.h"
#include "worker/run_context.h"

extern void restore_check_version(const StoredSnapshot *snapshot);
extern void restore_check_roles(const StoredSnapshot *snapshot,
								const char *alternative);
extern void restore_snapshot(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_RESTORE_H */
