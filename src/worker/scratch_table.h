/*-------------------------------------------------------------------------
 *
 * scratch_table.h
 *	  A table in a scratch database: what belongs to it, and its new names.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCRATCH_TABLE_H
#define SNAPSHOT_WORKER_SCRATCH_TABLE_H

#include "worker/run_context.h"

typedef enum PartKind
{
	PART_TABLE,
	PART_INDEX,
	PART_SEQUENCE,
	PART_STATISTICS
} PartKind;

/* A table, a partition of it, or what has a name of its own in a schema. */
typedef struct TablePart
{
	PartKind	kind;
	Oid			oid;			/* in the scratch database */
	char	   *schema;
	char	   *name;
	char	   *owner;
	const char *new_schema;
	const char *new_name;
} TablePart;

extern List *scratch_table_parts(RunContext *cxt, const char *schema,
								 const char *table);
extern List *scratch_table_detach(RunContext *cxt, const char *schema,
								  const char *table);
extern void scratch_table_rename(RunContext *cxt, List *parts);

#endif							/* SNAPSHOT_WORKER_SCRATCH_TABLE_H */
