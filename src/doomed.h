/*-------------------------------------------------------------------------
 *
 * doomed.h
 *	  How much data a statement is about to take from tables.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DOOMED_H
#define SNAPSHOT_WORKER_DOOMED_H

#include "nodes/nodes.h"

extern int64 doomed_size(const Node *statement);

#endif							/* SNAPSHOT_WORKER_DOOMED_H */
