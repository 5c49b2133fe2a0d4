/*-------------------------------------------------------------------------
 *
 * outcome.h
 *	  What came of a verification, beside what other servers found out.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_OUTCOME_H
#define SNAPSHOT_WORKER_OUTCOME_H

#include "settings.h"
#include "store.h"

extern void outcome_write_good(const StoredSnapshot *snapshot,
							   VerifyLevel level, bool keep);
extern void outcome_write_problem(const StoredSnapshot *snapshot,
								  VerifyLevel level, char *problem);

#endif							/* SNAPSHOT_WORKER_OUTCOME_H */
