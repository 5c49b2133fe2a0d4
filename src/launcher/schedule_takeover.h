/*-------------------------------------------------------------------------
 *
 * schedule_takeover.h
 *	  Take over the schedule after a start, a promotion or a reload.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCHEDULE_TAKEOVER_H
#define SNAPSHOT_WORKER_SCHEDULE_TAKEOVER_H

#include "launcher/schedule.h"

extern void schedule_check_turn(Schedule *schedule);
extern void schedule_resume(Schedule *schedule);

#endif							/* SNAPSHOT_WORKER_SCHEDULE_TAKEOVER_H */
