/*-------------------------------------------------------------------------
 *
 * before_drop_database.h
 *	  Find the database that a statement is about to drop.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_DATABASE_H
#define SNAPSHOT_WORKER_BEFORE_DROP_DATABASE_H

#include "nodes/parsenodes.h"

extern Oid	before_drop_database(const DropdbStmt *statement, bool is_top_level);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_DATABASE_H */
