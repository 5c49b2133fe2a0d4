/*-------------------------------------------------------------------------
 *
 * dump_database.h
 *	  The dump of a snapshot: pg_dump, and its second attempt.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_DATABASE_H
#define SNAPSHOT_WORKER_DUMP_DATABASE_H

#include "worker/run_context.h"

extern char *dump_path(RunContext *cxt);
extern void dump_database(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_DUMP_DATABASE_H */
