/*-------------------------------------------------------------------------
 *
 * ask.h
 *	  A session asks for something to be done, and waits for it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ASK_H
#define SNAPSHOT_WORKER_ASK_H

#include "shared_state.h"

extern Oid	ask_check_database(const char *database);
extern void ask_check_not_written(void);
extern void ask_check_not_locked(Oid database, const char *hint);
extern void ask_for_snapshot(const char *database, RunReason reason, bool wait,
							 Run *run);
extern int	ask_to_cancel(const char *database);
extern void ask_for_task(const Run *task, const char *what);

#endif							/* SNAPSHOT_WORKER_ASK_H */
