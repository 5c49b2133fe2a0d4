/*-------------------------------------------------------------------------
 *
 * archive_schedule.c
 *	  When the launcher has snapshots archived.
 *
 * One run archives all that there is to archive.  It is started when the
 * launcher starts, when a snapshot was taken or found good, when settings have
 * changed, and now and then, for what others put into the directory; and after
 * a failure again and again, with the delays of a snapshot's tries.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "launcher/archive_schedule.h"
#include "settings.h"
#include "util/clock.h"
#include "util/slot_times.h"
#include "worker/archive_run.h"

/* How often to look without a reason. */
#define LOOK_SECONDS	600

/* How soon to look again after another archive command, in seconds. */
#define BUSY_SECONDS	15

/* How often to log that it is still running. */
#define BUSY_LOG_SECONDS	3600

static bool
is_on(void)
{
	return setting_archive_command[0] != '\0' && settings_directory_is_set();
}

/* There may be something to archive: see to it now. */
void
archive_schedule_begin(ArchiveSchedule *archiving)
{
	archiving->wanted = true;
	archiving->due = clock_seconds();
}

/*
 * The settings have been read anew.  A run with another command than the one
 * that is set now ends.
 */
void
archive_schedule_changed(ArchiveSchedule *archiving, const char *before)
{
	if (archiving->run_id != 0 && strcmp(before, setting_archive_command) != 0)
		state_cancel_run(archiving->run_id);
	archive_schedule_begin(archiving);
}

/*
 * A run found an archive command that was running already.  That is no failure:
 * look again in a while.
 */
static void
note_busy(ArchiveSchedule *archiving)
{
	double		now = clock_seconds();

	archiving->due = now + BUSY_SECONDS;
	if (!is_on() || (archiving->busy_logged_at > 0 &&
					 now - archiving->busy_logged_at < BUSY_LOG_SECONDS))
		return;
	archiving->busy_logged_at = now;
	ereport(LOG,
			(errmsg("an archive command is running already"),
			 errdetail("It has file \"%s\" locked. Another server that shares the directory started it, or this one before it crashed.",
					   archive_lock_path(settings_directory())),
			 errhint("Archiving goes on when that command has ended.")));
}

/* A run has ended, which may have been our own. */
void
archive_schedule_note_outcome(ArchiveSchedule *archiving, Breaker *breaker, const Run *run)
{
	const Run	archive = {.kind = KIND_ARCHIVE};
	bool		good = run->state == RUN_SUCCEEDED;

	if (run->kind != KIND_ARCHIVE)
	{
		if ((!good && !run->published) ||
			(run->kind != KIND_SNAPSHOT && run->kind != KIND_VERIFY &&
			 run->kind != KIND_VERIFY_ALL))
			return;
		/* with another snapshot, what crashed the server is tried again */
		if (run->kind == KIND_SNAPSHOT)
			breaker_forget(breaker, &archive);
		/* no reason to be less patient with a remote that fails */
		if (archiving->failures == 0)
			archiving->due = clock_seconds();
		archiving->wanted = true;
		return;
	}
	archiving->run_id = 0;
	if (good && run->busy)
	{
		archiving->wanted = true;
		note_busy(archiving);
		return;
	}
	archiving->busy_logged_at = 0;
	if (good)
	{
		archiving->failures = 0;
		archiving->told_at = 0;
		if (!archiving->wanted)
			archiving->due = clock_seconds() + LOOK_SECONDS;
		archiving->wanted = true;
		return;
	}
	if (run->error.sqlerrcode == ERRCODE_CRASH_SHUTDOWN)
		return;					/* given up */
	archiving->wanted = true;
	if (run->error.sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		archiving->due = clock_seconds() + retry_delay(1, 0);
		return;
	}
	archiving->failures++;
	archiving->due = clock_seconds() +
		retry_delay(archiving->failures, state_seconds_taken(run));
}

/*
 * Queue a run, if one is due and none is on.  If two runs crashed the server, it
 * fails instead.
 */
void
archive_schedule_submit(ArchiveSchedule *archiving, Breaker *breaker)
{
	Run			task = {.kind = KIND_ARCHIVE};
	Run			run;

	if (!archiving->wanted || archiving->run_id != 0 || !is_on() ||
		archiving->due > clock_seconds())
		return;
	task.attempt = archiving->failures + 1;
	if (!state_submit_task(&task, &run))
	{
		/* many requests: later */
		archiving->due = clock_seconds() + 1;
		return;
	}
	archiving->wanted = false;
	archiving->run_id = run.id;
	if (breaker_judge(breaker, &run) != VERDICT_BEGIN)
		state_fail_waiting(run.id, RUN_QUEUED, breaker_error(&run));
}

/* Seconds until a run is due; negative for none. */
double
archive_schedule_seconds_to_next(const ArchiveSchedule *archiving)
{
	if (!archiving->wanted || archiving->run_id != 0 || !is_on())
		return -1;
	return Max(archiving->due - clock_seconds(), 0);
}
