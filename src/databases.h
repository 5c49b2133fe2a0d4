/*-------------------------------------------------------------------------
 *
 * databases.h
 *	  The databases that the schedule takes snapshots of.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASES_H
#define SNAPSHOT_WORKER_DATABASES_H

#include "nodes/pg_list.h"

extern List *databases_wanted(void);
extern List *databases_existing(void);
extern bool databases_to_connect(const char *preferred, char *connect_to);
extern bool databases_for_sweep(char *connect_to);

#endif							/* SNAPSHOT_WORKER_DATABASES_H */
