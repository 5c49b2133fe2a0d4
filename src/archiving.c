/*-------------------------------------------------------------------------
 *
 * archiving.c
 *	  When the launcher has snapshots archived.
 *
 * One run archives all that there is to archive.  It is started when the
 * launcher starts, when a snapshot was taken or found good, and when settings
 * have changed; and after a failure again and again, with the delays of a
 * snapshot's tries.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "archiving.h"
#include "clock.h"
#include "schedule.h"
#include "settings.h"

/* There may be something to archive: see to it now. */
void
archiving_begin(Archiving *archiving)
{
	archiving->wanted = true;
	archiving->due = clock_seconds();
}

/* A run has ended, which may have been our own. */
void
archiving_note_outcome(Archiving *archiving, const Run *run)
{
	bool		good = run->state == RUN_SUCCEEDED;

	if (run->kind != KIND_ARCHIVE)
	{
		/* no reason to be less patient with a remote that fails */
		if (good && archiving->failures == 0 &&
			(run->kind == KIND_SNAPSHOT || run->kind == KIND_VERIFY ||
			 run->kind == KIND_VERIFY_ALL))
			archiving_begin(archiving);
		return;
	}
	archiving->run_id = 0;
	if (good)
	{
		archiving->failures = 0;
		return;
	}
	archiving->failures++;
	archiving->wanted = true;
	archiving->due = clock_seconds() +
		schedule_retry_delay(archiving->failures);
}

/* Queue a run, if one is due and none is on. */
void
archiving_submit(Archiving *archiving)
{
	Run			task = {.kind = KIND_ARCHIVE};
	Run			run;

	if (!archiving->wanted || archiving->run_id != 0 ||
		setting_archive_command[0] == '\0' || !settings_directory_is_set() ||
		archiving->due > clock_seconds())
		return;
	task.attempt = archiving->failures + 1;
	if (!state_submit_task(&task, &run))
		return;					/* many requests: later */
	archiving->wanted = false;
	archiving->run_id = run.id;
}

/* Seconds until a run is due; negative for none. */
double
archiving_seconds_to_next(const Archiving *archiving)
{
	if (!archiving->wanted || archiving->run_id != 0 ||
		setting_archive_command[0] == '\0')
		return -1;
	return Max(archiving->due - clock_seconds(), 0);
}
