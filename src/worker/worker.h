/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The worker process: executes one run and exits.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_WORKER_H
#define SNAPSHOT_WORKER_WORKER_H

#include "postmaster/bgworker.h"

#include "shmem/shared_state.h"
#include "util/compat.h"

extern bool worker_start(const Run *run, BackgroundWorkerHandle **handle);

extern PGDLLEXPORT void snapshot_worker_main(Datum main_arg);

#endif							/* SNAPSHOT_WORKER_WORKER_H */
