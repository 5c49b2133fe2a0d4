/*-------------------------------------------------------------------------
 *
 * outcome.h
 *	  The outcome of a verification: written beside the snapshot, and raised.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_OUTCOME_H
#define SNAPSHOT_WORKER_OUTCOME_H

#include "problems.h"
#include "store.h"

extern bool outcome_is_removed(const StoredSnapshot *snapshot);
extern void outcome_raise_removed(const StoredSnapshot *snapshot);
extern void outcome_good(const StoredSnapshot *snapshot, VerifyLevel level,
						 bool keep);
extern void outcome_bad(const StoredSnapshot *snapshot, const Fault *fault);

#endif							/* SNAPSHOT_WORKER_OUTCOME_H */
