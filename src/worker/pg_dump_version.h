/*-------------------------------------------------------------------------
 *
 * pg_dump_version.h
 *	  Check that pg_dump is of this server's major version.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PG_DUMP_VERSION_H
#define SNAPSHOT_WORKER_PG_DUMP_VERSION_H

#include "worker/run_context.h"

extern char *pg_dump_version_check(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_PG_DUMP_VERSION_H */
