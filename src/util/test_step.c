/*-------------------------------------------------------------------------
 *
 * test_step.c
 *	  Places where a test can stop a process; empty in normal builds.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#include "util/files.h"
#include "util/test_step.h"

#ifdef SNAPSHOT_WORKER_TEST_STEPS

#define HOLD_FILE	"hold_snapshot_at"

static bool
is_held(const char *name)
{
	const char *problem;
	size_t		len;
	char	   *text = files_read(HOLD_FILE, 1024, &len, &problem);
	bool		held = text != NULL && strcmp(text, name) == 0;

	if (text != NULL)
		pfree(text);
	return held;
}

/* Wait as long as a test stops the process here.  Handles interrupts. */
void
test_step(const char *name)
{
	while (is_held(name))
	{
		pgstat_report_activity(STATE_RUNNING, psprintf("held at %s", name));
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

#endif
