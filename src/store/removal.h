/*-------------------------------------------------------------------------
 *
 * removal.h
 *	  Removal of a snapshot, and of nothing else with it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_REMOVAL_H
#define SNAPSHOT_WORKER_REMOVAL_H

#include "store/store.h"

extern bool removal_remove(const StoredSnapshot *snapshot, bool even_pinned,
						   int elevel);

#endif							/* SNAPSHOT_WORKER_REMOVAL_H */
