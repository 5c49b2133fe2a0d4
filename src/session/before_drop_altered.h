/*-------------------------------------------------------------------------
 *
 * before_drop_altered.h
 *	  The tables that ALTER TABLE and ALTER TYPE take data from.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_ALTERED_H
#define SNAPSHOT_WORKER_BEFORE_DROP_ALTERED_H

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

extern List *before_drop_altered(const AlterTableStmt *statement);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_ALTERED_H */
