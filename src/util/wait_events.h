/*-------------------------------------------------------------------------
 *
 * wait_events.h
 *	  What our processes wait for, as pg_stat_activity tells it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_WAIT_EVENTS_H
#define SNAPSHOT_WORKER_WAIT_EVENTS_H

typedef enum Wait
{
	WAIT_LAUNCHER_MAIN,			/* the launcher has nothing to do */
	WAIT_CHILD,					/* for a child process */
	WAIT_RUN,					/* for a run that was asked for */
	WAIT_SESSIONS,				/* for sessions that are in the way of a drop */
	WAIT_COUNT
} Wait;

extern uint32 wait_event(Wait wait);

#endif							/* SNAPSHOT_WORKER_WAIT_EVENTS_H */
