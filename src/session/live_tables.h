/*-------------------------------------------------------------------------
 *
 * live_tables.h
 *	  The tables of the current database whose rows pg_dump would write.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LIVE_TABLES_H
#define SNAPSHOT_WORKER_LIVE_TABLES_H

#include "session/dump_tables.h"

extern const TableInfo **live_tables_sorted(int *count);

#endif							/* SNAPSHOT_WORKER_LIVE_TABLES_H */
