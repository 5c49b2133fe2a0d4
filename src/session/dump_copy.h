/*-------------------------------------------------------------------------
 *
 * dump_copy.h
 *	  The rows of tables in a dump, as COPY in the output of pg_restore.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_COPY_H
#define SNAPSHOT_WORKER_DUMP_COPY_H

#include "nodes/pg_list.h"

#include "session/open_snapshot.h"

typedef struct DumpCopy DumpCopy;

/* The COPY of a table.  All names are in the dump's encoding. */
typedef struct DumpTable
{
	char	   *schema;
	char	   *table;
	bool		via_root;		/* rows of a partition, for the table at the
								 * root of its tree, which has the name */
	List	   *columns;		/* of char * */
	int			dump_id;
} DumpTable;

extern DumpCopy *dump_copy_begin(const OpenSnapshot *snapshot, List *dump_ids);
extern const DumpTable *dump_copy_next_table(DumpCopy *copy);
extern bool dump_copy_next_row(DumpCopy *copy, char ***fields);
extern void dump_copy_skip_rows(DumpCopy *copy);

#endif							/* SNAPSHOT_WORKER_DUMP_COPY_H */
