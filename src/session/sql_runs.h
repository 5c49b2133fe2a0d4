/*-------------------------------------------------------------------------
 *
 * sql_runs.h
 *	  SQL functions that start runs and wait for them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SQL_RUNS_H
#define SNAPSHOT_WORKER_SQL_RUNS_H

#include "shmem/shared_state.h"
#include "store/store.h"

extern void sql_check_not_standby(const char *what);
extern void sql_check_not_written(const char *what);
extern const StoredSnapshot *sql_begin_request(RunRequest *request,
											   RunKind kind, const char *name);
extern void sql_warn_if_bad(const StoredSnapshot *snapshot);

#endif							/* SNAPSHOT_WORKER_SQL_RUNS_H */
