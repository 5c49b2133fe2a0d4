/*-------------------------------------------------------------------------
 *
 * scratch_statement.h
 *	  Adapt a statement of a dump to a scratch database for one table.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCRATCH_STATEMENT_H
#define SNAPSHOT_WORKER_SCRATCH_STATEMENT_H

#include "nodes/plannodes.h"

extern PlannedStmt *scratch_statement_adapt(PlannedStmt *pstmt, Oid caller,
											char **message);

#endif							/* SNAPSHOT_WORKER_SCRATCH_STATEMENT_H */
