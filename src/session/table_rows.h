/*-------------------------------------------------------------------------
 *
 * table_rows.h
 *	  The rows of a table in a snapshot, one after the other.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_ROWS_H
#define SNAPSHOT_WORKER_TABLE_ROWS_H

#include "access/htup.h"
#include "access/tupdesc.h"

typedef struct TableRows TableRows;

extern TableRows *table_rows_begin(const char *name, const char *schema,
								   const char *table, TupleDesc desc);
extern HeapTuple table_rows_next(TableRows *rows);

#endif							/* SNAPSHOT_WORKER_TABLE_ROWS_H */
