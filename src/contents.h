/*-------------------------------------------------------------------------
 *
 * contents.h
 *	  What is in a database: its tables, and the rows of these.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CONTENTS_H
#define SNAPSHOT_WORKER_CONTENTS_H

#include "nodes/pg_list.h"

/* A table as it was counted. */
typedef struct CountedTable
{
	Oid			oid;			/* InvalidOid for what no one can rewrite */
	Oid			filenode;
	char	   *schema;			/* in UTF-8 */
	char	   *table;			/* in UTF-8 */
	int64		rows;
} CountedTable;

extern int64 contents_count_tables(void);
extern List *contents_count_rows(MemoryContext context);
extern List *contents_unchanged(List *tables);

#endif							/* SNAPSHOT_WORKER_CONTENTS_H */
