/*-------------------------------------------------------------------------
 *
 * dump_globals.h
 *	  The file globals.sql of a snapshot: roles, tablespaces, their settings.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_GLOBALS_H
#define SNAPSHOT_WORKER_DUMP_GLOBALS_H

#include "shmem/remembered_globals.h"
#include "worker/run_context.h"

extern void dump_globals(RunContext *cxt);
extern void dump_globals_remember(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_DUMP_GLOBALS_H */
