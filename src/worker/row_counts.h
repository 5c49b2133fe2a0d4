/*-------------------------------------------------------------------------
 *
 * row_counts.h
 *	  Compare the row counts of a dump and its restore by table: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ROW_COUNTS_H
#define SNAPSHOT_WORKER_ROW_COUNTS_H

#include "nodes/pg_list.h"

extern List *row_counts_differences(const List *dumped, const List *restored,
									const List *roots);

#endif							/* SNAPSHOT_WORKER_ROW_COUNTS_H */
