/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Is a snapshot what its manifest says, and can it be got back?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_H
#define SNAPSHOT_WORKER_VERIFY_H

#include "settings.h"
#include "work.h"

extern void verify_snapshot(Work *work, VerifyLevel level);
extern void verify_all(Work *work);

#endif							/* SNAPSHOT_WORKER_VERIFY_H */
