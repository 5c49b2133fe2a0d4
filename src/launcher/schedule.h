/*-------------------------------------------------------------------------
 *
 * schedule.h
 *	  The schedule: begins each slot when it is due, and tracks pending jobs.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCHEDULE_H
#define SNAPSHOT_WORKER_SCHEDULE_H

#include "launcher/crash_breaker.h"
#include "launcher/schedule_jobs.h"
#include "util/slot_times.h"

typedef struct Schedule
{
	MemoryContext context;		/* of the jobs */
	bool		resumed;		/* schedule_resume() was called in this turn */
	bool		our_turn;		/* when last checked */
	bool		standby;		/* likewise */
	SlotTimes	times;
	TimestampTz next_slot;		/* 0 when the schedule is off */
	TimestampTz last_look;		/* when the clock was last read */
	TimestampTz since;			/* when the schedule came into force */
	bool		saved;			/* the schedule file has "since" */
	List	   *jobs;
	Breaker    *breaker;
} Schedule;

/* The settings that define the schedule. */
typedef struct ScheduleSettings
{
	bool		enable;
	char	   *time;
	char	   *directory;		/* "" when none is set */
} ScheduleSettings;

extern bool schedule_is_our_turn(void);
extern void schedule_adopt(Schedule *schedule);
extern bool schedule_can_name(TimestampTz slot);
extern void schedule_save(Schedule *schedule, int elevel);
extern void schedule_advance(Schedule *schedule);
extern void schedule_copy_settings(ScheduleSettings *settings);
extern void schedule_changed(Schedule *schedule, const ScheduleSettings *before);
extern Job *schedule_job(Schedule *schedule, const char *database);
extern bool schedule_may_try(Job *job);
extern void schedule_publish(Schedule *schedule);

#endif							/* SNAPSHOT_WORKER_SCHEDULE_H */
