/*-------------------------------------------------------------------------
 *
 * before_drop_altered.h
 *	  Find the tables that lose data by ALTER TABLE or ALTER TYPE.
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
