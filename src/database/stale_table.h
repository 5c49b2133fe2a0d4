/*-------------------------------------------------------------------------
 *
 * stale_table.h
 *	  Detect a table that is no longer the one that an MVCC snapshot shows.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STALE_TABLE_H
#define SNAPSHOT_WORKER_STALE_TABLE_H

#include "utils/rel.h"
#include "utils/snapshot.h"

extern void stale_table_check(Relation relation, Snapshot snapshot);

#endif							/* SNAPSHOT_WORKER_STALE_TABLE_H */
