/*-------------------------------------------------------------------------
 *
 * stale_type.h
 *	  Detect a type that is no longer the one that an MVCC snapshot shows.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STALE_TYPE_H
#define SNAPSHOT_WORKER_STALE_TYPE_H

#include "utils/rel.h"
#include "utils/snapshot.h"

extern void stale_type_check(Relation relation, Snapshot snapshot);

#endif							/* SNAPSHOT_WORKER_STALE_TYPE_H */
