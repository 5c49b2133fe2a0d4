/*-------------------------------------------------------------------------
 *
 * alert_run.h
 *	  Report a failure to the administrator by failure_command.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ALERT_RUN_H
#define SNAPSHOT_WORKER_ALERT_RUN_H

#include "worker/run_context.h"

extern void alert_run(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_ALERT_RUN_H */
