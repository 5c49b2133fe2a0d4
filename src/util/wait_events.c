/*-------------------------------------------------------------------------
 *
 * wait_events.c
 *	  What our processes wait for, as pg_stat_activity tells it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "util/compat.h"
#include "util/wait_events.h"

/*
 * The number of a wait event, for the server's functions that wait.  The server
 * gives one out for a name, the same to all processes.
 */
uint32
wait_event(Wait wait)
{
	static const char *const names[WAIT_COUNT] = {
		[WAIT_LAUNCHER_MAIN] = "SnapshotLauncherMain",
		[WAIT_CHILD] = "SnapshotChild",
		[WAIT_RUN] = "SnapshotRun",
		[WAIT_SESSIONS] = "SnapshotSessions",
	};
	static uint32 events[WAIT_COUNT];

	if (events[wait] == 0)
		events[wait] = compat_wait_event(names[wait]);
	return events[wait];
}
