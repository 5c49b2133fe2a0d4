/*-------------------------------------------------------------------------
 *
 * cancel_pending.h
 *	  Dropping pending jobs of the launcher that sessions have canceled.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CANCEL_PENDING_H
#define SNAPSHOT_WORKER_CANCEL_PENDING_H

#include "launcher/schedule.h"
#include "launcher/verify_schedule.h"

extern void cancel_pending_serve(Schedule *schedule, VerifySchedule *verifying);

#endif							/* SNAPSHOT_WORKER_CANCEL_PENDING_H */
