/*-------------------------------------------------------------------------
 *
 * before_drop_dropped.h
 *	  Find the tables that lose data by DROP or DROP OWNED.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_DROPPED_H
#define SNAPSHOT_WORKER_BEFORE_DROP_DROPPED_H

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

extern List *before_drop_dropped(const DropStmt *statement);
extern List *before_drop_owned(const DropOwnedStmt *statement);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_DROPPED_H */
