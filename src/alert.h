/*-------------------------------------------------------------------------
 *
 * alert.h
 *	  Telling the administrator of a failure, by failure_command.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ALERT_H
#define SNAPSHOT_WORKER_ALERT_H

#include "work.h"

extern void alert_run(Work *work);

#endif							/* SNAPSHOT_WORKER_ALERT_H */
