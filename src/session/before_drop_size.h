/*-------------------------------------------------------------------------
 *
 * before_drop_size.h
 *	  Compute how much data a statement is about to remove from tables.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_SIZE_H
#define SNAPSHOT_WORKER_BEFORE_DROP_SIZE_H

#include "nodes/nodes.h"

extern int64 before_drop_size(const Node *statement);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_SIZE_H */
