/*-------------------------------------------------------------------------
 *
 * process.h
 *	  The description that all our background workers share.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PROCESS_H
#define SNAPSHOT_WORKER_PROCESS_H

#include "postmaster/bgworker.h"

extern void process_describe(BackgroundWorker *worker, const char *function,
							 const char *type);

#endif							/* SNAPSHOT_WORKER_PROCESS_H */
