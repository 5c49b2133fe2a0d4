/*-------------------------------------------------------------------------
 *
 * run_report.h
 *	  Report the end of a run: shared memory, history, server log.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RUN_REPORT_H
#define SNAPSHOT_WORKER_RUN_REPORT_H

#include "shmem/shared_state.h"
#include "store/manifest.h"
#include "store/staging.h"

extern void report_fill_error(RunError *error, const ErrorData *edata);
extern void report_failure(const RunRequest *request, const RunError *error);
extern void report_history(const Run *run, const Manifest *manifest,
						   const RunError *error);
extern void report_published(const Manifest *manifest);
extern void report_interrupted(const StagingOwner *owner);

#endif							/* SNAPSHOT_WORKER_RUN_REPORT_H */
