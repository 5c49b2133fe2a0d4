/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Verify a snapshot: hash its files, read its dump, restore it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_H
#define SNAPSHOT_WORKER_VERIFY_H

#include "settings.h"
#include "worker/run_context.h"

extern void verify_snapshot(RunContext *cxt, VerifyLevel level);
extern void verify_after_snapshot(RunContext *cxt);
extern void verify_run(RunContext *cxt);
extern void verify_all(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_VERIFY_H */
