/*-------------------------------------------------------------------------
 *
 * compare.h
 *	  Is a restored database what the snapshot says?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COMPARE_H
#define SNAPSHOT_WORKER_COMPARE_H

#include "problems.h"
#include "work.h"

extern Fault *compare_scratch(Work *work, const StoredSnapshot *snapshot);

#endif							/* SNAPSHOT_WORKER_COMPARE_H */
