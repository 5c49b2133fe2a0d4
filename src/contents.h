/*-------------------------------------------------------------------------
 *
 * contents.h
 *	  What is in a database: its objects, and the rows of its tables.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CONTENTS_H
#define SNAPSHOT_WORKER_CONTENTS_H

#include "nodes/pg_list.h"

extern int64 contents_count_tables(void);
extern int64 contents_count_large_objects(void);
extern List *contents_objects(MemoryContext context);

#endif							/* SNAPSHOT_WORKER_CONTENTS_H */
