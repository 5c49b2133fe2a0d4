/*-------------------------------------------------------------------------
 *
 * agenda.h
 *	  What the schedule has on: slots as they come, and what is left of them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_AGENDA_H
#define SNAPSHOT_WORKER_AGENDA_H

#include "breaker.h"
#include "jobs.h"
#include "schedule.h"

typedef struct Agenda
{
	MemoryContext context;		/* of the jobs */
	bool		resumed;		/* what the directory knows has been read */
	bool		our_turn;		/* at the last look */
	bool		standby;		/* likewise */
	bool		scheduled;		/* the schedule is on */
	Schedule	schedule;
	TimestampTz next_slot;		/* 0 when the schedule is off */
	TimestampTz last_look;		/* at the clock */
	TimestampTz since;			/* when the schedule came into force */
	bool		noted;			/* the directory has that */
	List	   *jobs;
	Breaker    *breaker;
} Agenda;

/* The settings that make the schedule. */
typedef struct AgendaSettings
{
	bool		enable;
	char	   *time;
	char	   *directory;		/* "" when none is set */
} AgendaSettings;

extern bool agenda_is_our_turn(void);
extern void agenda_note_turn(Agenda *agenda);
extern void agenda_adopt(Agenda *agenda);
extern void agenda_resume(Agenda *agenda);
extern void agenda_keep(Agenda *agenda);
extern void agenda_note_settings(AgendaSettings *settings);
extern void agenda_changed(Agenda *agenda, const AgendaSettings *before);
extern Job *agenda_job(Agenda *agenda, const char *database);
extern bool agenda_may_try(Job *job);
extern void agenda_publish(Agenda *agenda);

#endif							/* SNAPSHOT_WORKER_AGENDA_H */
