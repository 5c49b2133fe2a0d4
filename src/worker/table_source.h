/*-------------------------------------------------------------------------
 *
 * table_source.h
 *	  Restore a table into a scratch database, and dump it from there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_SOURCE_H
#define SNAPSHOT_WORKER_TABLE_SOURCE_H

#include "storage/fd.h"

#include "store/store.h"
#include "worker/run_context.h"

extern char *table_source_schema(RunContext *cxt, const char *archive,
								 const char *encoding);
extern List *table_source_restore(RunContext *cxt,
								  const StoredSnapshot *snapshot,
								  const char *schema);
extern File table_source_dump(RunContext *cxt, List *parts, File *list);

#endif							/* SNAPSHOT_WORKER_TABLE_SOURCE_H */
