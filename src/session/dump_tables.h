/*-------------------------------------------------------------------------
 *
 * dump_tables.h
 *	  The tables with rows in a snapshot, and what its manifest says of each.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_TABLES_H
#define SNAPSHOT_WORKER_DUMP_TABLES_H

#include "session/open_snapshot.h"

typedef struct TableInfo
{
	char	   *schema;			/* in this database's encoding */
	char	   *table;
	int64		rows;			/* -1 if they were not counted */
	const ManifestFile *file;	/* with its rows; NULL in custom format */
} TableInfo;

extern List *dump_tables(const OpenSnapshot *snapshot);
extern const TableInfo **dump_tables_sort(const List *tables, int *count);
extern int	dump_tables_compare(const TableInfo *a, const TableInfo *b);

#endif							/* SNAPSHOT_WORKER_DUMP_TABLES_H */
