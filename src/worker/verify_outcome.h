/*-------------------------------------------------------------------------
 *
 * verify_outcome.h
 *	  Write the outcome of a verification beside the snapshot, and raise it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_OUTCOME_H
#define SNAPSHOT_WORKER_VERIFY_OUTCOME_H

#include "store/store.h"
#include "worker/verify_problems.h"

extern bool verify_outcome_is_removed(const StoredSnapshot *snapshot);
extern void verify_outcome_raise_removed(const StoredSnapshot *snapshot);
extern void verify_outcome_good(const StoredSnapshot *snapshot, VerifyLevel level,
								bool keep);
extern void verify_outcome_bad(const StoredSnapshot *snapshot, const Fault *fault);

#endif							/* SNAPSHOT_WORKER_VERIFY_OUTCOME_H */
