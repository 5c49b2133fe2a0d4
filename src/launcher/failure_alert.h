/*-------------------------------------------------------------------------
 *
 * failure_alert.h
 *	  When the launcher queues failure_command for a failed run.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FAILURE_ALERT_H
#define SNAPSHOT_WORKER_FAILURE_ALERT_H

#include "launcher/crash_breaker.h"

extern void failure_alert_submit(Breaker *breaker, const Run *failed,
								 double *told_at);

#endif							/* SNAPSHOT_WORKER_FAILURE_ALERT_H */
