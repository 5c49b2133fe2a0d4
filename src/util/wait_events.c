/*-------------------------------------------------------------------------
 *
 * wait_events.c
 *	  The wait events that pg_stat_activity shows for our processes.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "util/compat.h"
#include "util/wait_events.h"

/*
 * Return the number of a wait event, for the server's waiting functions.  The
 * server assigns one to each name, the same in all processes.
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
