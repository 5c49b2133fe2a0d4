/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  Rows of a dump and of its restore, table by table: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ROWS_H
#define SNAPSHOT_WORKER_ROWS_H

#include "nodes/pg_list.h"

extern List *rows_differences(const List *dumped, const List *restored);

#endif							/* SNAPSHOT_WORKER_ROWS_H */
