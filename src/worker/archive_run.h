/*-------------------------------------------------------------------------
 *
 * archive_run.h
 *	  Archive snapshots by archive_command.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ARCHIVE_RUN_H
#define SNAPSHOT_WORKER_ARCHIVE_RUN_H

#include "worker/run_context.h"

extern char *archive_lock_path(const char *directory);
extern void archive_snapshots(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_ARCHIVE_RUN_H */
