/*-------------------------------------------------------------------------
 *
 * restore_table.h
 *	  Restore one table of a snapshot into the current database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_TABLE_H
#define SNAPSHOT_WORKER_RESTORE_TABLE_H

#include "worker/run_context.h"

extern void restore_table(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_RESTORE_TABLE_H */
