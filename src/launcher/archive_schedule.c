/*-------------------------------------------------------------------------
 *
 * archive_schedule.c
 *	  The schedule of archiving: when the launcher queues an archive run.
 *
 * One run archives all snapshots that wait for it.  The launcher queues one
 * when it starts, after a run took a snapshot or found one good, after a
 * change of settings, and at intervals, because others may put snapshots into
 * the directory.  After a failure it tries again with the same delays as for a
 * failed snapshot.
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

/* Interval between runs that nothing else triggers. */
#define LOOK_SECONDS	600

/* Delay before the next run when another archive command is running. */
#define BUSY_SECONDS	15

/* Interval at which we log that the other command is still running. */
#define BUSY_LOG_SECONDS	3600

static bool
is_on(void)
{
	return setting_archive_command[0] != '\0' && settings_directory_is_set();
}

/* Make a run due now. */
void
archive_schedule_begin(ArchiveSchedule *archiving)
{
	archiving->wanted = true;
	archiving->due = clock_seconds();
}

/*
 * React to a change of settings.  Cancels the current run if its command
 * differs from the one that is set now.
 */
void
archive_schedule_changed(ArchiveSchedule *archiving, const char *before)
{
	if (archiving->run_id != 0 && strcmp(before, setting_archive_command) != 0)
		state_cancel_run(archiving->run_id);
	archive_schedule_begin(archiving);
}

/*
 * Handle a run that found another archive command running.  This is not a
 * failure: try again later.
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
			(errmsg("another archive command is already running"),
			 errdetail("It holds a lock on file \"%s\". Another server that shares the directory started it, or this server did before it crashed.",
					   archive_lock_path(settings_directory())),
			 errhint("Archiving continues when that command has ended.")));
}

/* Handle the end of a run of any kind. */
void
archive_schedule_note_outcome(ArchiveSchedule *archiving, Breaker *breaker, const Run *run)
{
	const RunRequest archive = {.kind = KIND_ARCHIVE};
	bool		good = run->state == RUN_SUCCEEDED;

	if (run->request.kind != KIND_ARCHIVE)
	{
		if ((!good && !run->outcome.published) ||
			(run->request.kind != KIND_SNAPSHOT && run->request.kind != KIND_VERIFY &&
			 run->request.kind != KIND_VERIFY_ALL))
			return;
		/* a new snapshot lifts the ban after crashes of archiving */
		if (run->request.kind == KIND_SNAPSHOT)
			breaker_forget(breaker, &archive);
		/* but keep the delay after a failure: the remote may still be down */
		if (archiving->failures == 0)
			archiving->due = clock_seconds();
		archiving->wanted = true;
		return;
	}
	archiving->run_id = 0;
	if (good && run->outcome.busy)
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
	if (run->outcome.error.sqlerrcode == ERRCODE_CRASH_SHUTDOWN)
		return;					/* given up after crashes */
	archiving->wanted = true;
	if (run->outcome.error.sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		archiving->due = clock_seconds() + retry_delay(1, 0);
		return;
	}
	archiving->failures++;
	archiving->due = clock_seconds() +
		retry_delay(archiving->failures, state_seconds_taken(run));
}

/*
 * Queue a run if one is due and none is in progress.  After two runs that
 * crashed the server, the run fails instead.
 */
void
archive_schedule_submit(ArchiveSchedule *archiving, Breaker *breaker)
{
	RunRequest	request = {.kind = KIND_ARCHIVE};
	Run			run;

	if (!archiving->wanted || archiving->run_id != 0 || !is_on() ||
		archiving->due > clock_seconds())
		return;
	request.attempt = archiving->failures + 1;
	if (!state_submit_task(&request, &run))
	{
		/* the run table is full: try later */
		archiving->due = clock_seconds() + 1;
		return;
	}
	archiving->wanted = false;
	archiving->run_id = run.id;
	if (breaker_judge(breaker, &run.request) != VERDICT_BEGIN)
		state_fail(run.id, RUN_QUEUED, breaker_error(&run.request));
}

/* Seconds until a run is due, or a negative number if none is planned. */
double
archive_schedule_seconds_to_next(const ArchiveSchedule *archiving)
{
	if (!archiving->wanted || archiving->run_id != 0 || !is_on())
		return -1;
	return Max(archiving->due - clock_seconds(), 0);
}
