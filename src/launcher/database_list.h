/*-------------------------------------------------------------------------
 *
 * database_list.h
 *	  The databases of which the schedule takes snapshots.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASE_LIST_H
#define SNAPSHOT_WORKER_DATABASE_LIST_H

#include "nodes/pg_list.h"

extern List *databases_wanted(void);
extern List *databases_existing(void);
extern bool databases_include(List *databases, const char *database);
extern bool database_list_to_connect(const char *preferred, char *connect_to);
extern bool database_list_for_sweep(char *connect_to);

#endif							/* SNAPSHOT_WORKER_DATABASE_LIST_H */
