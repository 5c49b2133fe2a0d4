/*-------------------------------------------------------------------------
 *
 * doomed_database.h
 *	  The database that a statement is about to drop.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DOOMED_DATABASE_H
#define SNAPSHOT_WORKER_DOOMED_DATABASE_H

#include "nodes/parsenodes.h"

extern Oid	doomed_database(const DropdbStmt *statement, bool is_top_level);

#endif							/* SNAPSHOT_WORKER_DOOMED_DATABASE_H */
