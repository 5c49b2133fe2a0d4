/*-------------------------------------------------------------------------
 *
 * request.h
 *	  Queue a run on behalf of a session and wait for its outcome.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_REQUEST_H
#define SNAPSHOT_WORKER_REQUEST_H

#include "shmem/shared_state.h"

extern Oid	request_check_database(const char *database);
extern bool request_holds_table_lock(Oid database);
extern bool request_has_written(void);
extern void request_check_not_written(void);
extern void request_check_not_locked(Oid database, const char *hint);
extern void request_snapshot(const char *database, RunReason reason, bool full,
							 bool wait, Run *run);
extern int	request_cancel(const char *database);
extern void request_task(const RunRequest *request, const char *what);

#endif							/* SNAPSHOT_WORKER_REQUEST_H */
