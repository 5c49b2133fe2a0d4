/*-------------------------------------------------------------------------
 *
 * dump_partitions.h
 *	  The partitions that a partitioned table has in a dump.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_PARTITIONS_H
#define SNAPSHOT_WORKER_DUMP_PARTITIONS_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/* Name of a table, in the dump's encoding; a key of hash tables. */
typedef struct DumpTableName
{
	char		schema[NAMEDATALEN];	/* padded with zeros */
	char		table[NAMEDATALEN];
} DumpTableName;

extern void dump_table_name(DumpTableName *name, const char *schema,
							const char *table);
extern HTAB *dump_partitions(char *script, const DumpTableName *root,
							 bool *is_partitioned);

#endif							/* SNAPSHOT_WORKER_DUMP_PARTITIONS_H */
