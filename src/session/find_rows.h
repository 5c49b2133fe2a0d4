/*-------------------------------------------------------------------------
 *
 * find_rows.h
 *	  Find which entries of a dump have the rows of a table.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FIND_ROWS_H
#define SNAPSHOT_WORKER_FIND_ROWS_H

#include "nodes/pg_list.h"

#include "session/open_snapshot.h"
#include "session/dump_copy.h"

/* The tables that have the rows, in the dump's encoding. */
typedef struct FoundRows
{
	const char *schema;			/* NULL for any */
	const char *table;
	HTAB	   *partitions;		/* its partitions, or NULL */
	List	   *dump_ids;		/* of the entries to read */
} FoundRows;

extern void find_rows(const OpenSnapshot *snapshot, const char *schema,
					  const char *table, FoundRows *found);
extern bool find_rows_wants(const FoundRows *found, const DumpTable *table);

#endif							/* SNAPSHOT_WORKER_FIND_ROWS_H */
