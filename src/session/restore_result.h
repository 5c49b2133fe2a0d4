/*-------------------------------------------------------------------------
 *
 * restore_result.h
 *	  The warnings and the row of snapshot_restore(), from the worker's report.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_RESULT_H
#define SNAPSHOT_WORKER_RESTORE_RESULT_H

#include "fmgr.h"

#include "shmem/restore_report.h"

extern Datum restore_result_left_out(dsm_segment *report,
									 RestoreTotals *totals);
extern Datum restore_result(FunctionCallInfo fcinfo, const char *target,
							dsm_segment *report);

#endif							/* SNAPSHOT_WORKER_RESTORE_RESULT_H */
