/*-------------------------------------------------------------------------
 *
 * program_sessions.h
 *	  The worker's view of the sessions of pg_dump and pg_restore.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PROGRAM_SESSIONS_H
#define SNAPSHOT_WORKER_PROGRAM_SESSIONS_H

#include "worker/run_context.h"

extern void programs_admit(RunContext *cxt);
extern void programs_admit_restore(RunContext *cxt,
								   const RestoreMode *mode);
extern List *programs_row_counts(RunContext *cxt, const char *encoding,
								 List **roots);

#endif							/* SNAPSHOT_WORKER_PROGRAM_SESSIONS_H */
