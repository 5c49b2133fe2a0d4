/*-------------------------------------------------------------------------
 *
 * column_hashes.h
 *	  Hashes of columns and large objects, which no table of contents lists.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COLUMN_HASHES_H
#define SNAPSHOT_WORKER_COLUMN_HASHES_H

#include "worker/run_context.h"

/* Kinds of ManifestContents. */
#define COLUMNS_OF_TABLES		"columns"
#define COLUMNS_LARGE_OBJECTS	"large objects"

extern void column_hashes_save(RunContext *cxt, const char *snapshot);
extern List *column_hashes_read(RunContext *cxt, char **event_triggers);

#endif							/* SNAPSHOT_WORKER_COLUMN_HASHES_H */
