/*-------------------------------------------------------------------------
 *
 * run.h
 *	  The steps of one run, in their order.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RUN_H
#define SNAPSHOT_WORKER_RUN_H

#include "work.h"

extern void run_take_snapshot(Work *work);
extern void run_verify(Work *work);
extern void run_verify_again(Work *work);
extern void run_prune(Work *work);

#endif							/* SNAPSHOT_WORKER_RUN_H */
