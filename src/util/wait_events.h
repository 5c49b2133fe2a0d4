/*-------------------------------------------------------------------------
 *
 * wait_events.h
 *	  The wait events that pg_stat_activity shows for our processes.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_WAIT_EVENTS_H
#define SNAPSHOT_WORKER_WAIT_EVENTS_H

typedef enum Wait
{
	WAIT_LAUNCHER_MAIN,			/* the launcher is idle */
	WAIT_CHILD,					/* for a child process */
	WAIT_RUN,					/* for a run that was requested */
	WAIT_SESSIONS,				/* for sessions that block a drop */
	WAIT_COUNT
} Wait;

extern uint32 wait_event(Wait wait);

#endif							/* SNAPSHOT_WORKER_WAIT_EVENTS_H */
