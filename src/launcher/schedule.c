/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  The schedule: begins each slot when it is due, and tracks pending jobs.
 *
 * A slot is an instant of the schedule.  When the clock reaches the next one,
 * each wanted database gets a job for it, which is tried until it succeeds or
 * the following slot replaces it.  If the clock has passed more than one slot
 * (it was set forward, or the machine slept), only the last of them counts.
 * If the clock is set back, slots that come again are skipped for databases
 * that have had them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "launcher/database_list.h"
#include "launcher/other_server.h"
#include "launcher/schedule.h"
#include "launcher/schedule_recovery.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "store/directory.h"
#include "store/history.h"
#include "util/clock.h"
#include "util/errors.h"

/* How often to look for what others do, such as creating a database. */
#define LOOK_SECONDS	10

/* Does the schedule run on this server, in its present replication role? */
bool
schedule_is_our_turn(void)
{
	switch ((RunOn) setting_run_on)
	{
		case RUN_ON_PRIMARY:
			return !RecoveryInProgress();
		case RUN_ON_STANDBY:
			return RecoveryInProgress();
		case RUN_ON_ANY:
			break;
	}
	return true;
}

/* Return the job of a database, which is added if it is missing. */
Job *
schedule_job(Schedule *schedule, const char *database)
{
	MemoryContext caller = MemoryContextSwitchTo(schedule->context);
	Job		   *job = jobs_find(&schedule->jobs, database);

	MemoryContextSwitchTo(caller);
	return job;
}

/* Can a snapshot for this slot be named?  Emits a WARNING if not. */
bool
schedule_can_name(TimestampTz slot)
{
	char		text[UTC_TIME_NAME_SIZE];

	if (utc_time_format_name(slot, text))
		return true;
	ereport(WARNING,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("no scheduled snapshot is taken: the clock is out of the range of snapshot names")));
	return false;
}

/*
 * Save the time since which the schedule is in force in the schedule file, for
 * the next launcher, unless the file has it already.  A failure is reported at
 * elevel, and the next call tries again: a failure can only lose a snapshot to
 * catch up with.  If it is another server's turn, that server writes the file.
 */
void
schedule_save(Schedule *schedule, int elevel)
{
	MemoryContext turn = CurrentMemoryContext;

	if (schedule->saved || !settings_directory_is_set() || !schedule_is_our_turn())
		return;

	PG_TRY();
	{
		if (schedule->next_slot != 0)
		{
			directory_make(settings_directory());
			recovery_begin(settings_directory(), GetSystemIdentifier(),
						   setting_time, schedule->since);
		}
		else
			recovery_end(settings_directory(), GetSystemIdentifier());
		schedule->saved = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(turn);

		AtEOXact_Files(false);
		ereport(elevel,
				(errcode(edata->sqlerrcode),
				 errmsg("could not write schedule file: %s",
						edata->message),
				 edata->detail != NULL ?
				 errdetail_internal("%s", edata->detail) : 0));
	}
	PG_END_TRY();
}

/* Give every wanted database a job for a slot that is due. */
static void
begin_slot(Schedule *schedule, TimestampTz slot)
{
	List	   *wanted = databases_wanted();
	List	   *history = NIL;
	ListCell   *lc;

	if (!schedule_can_name(slot))
		return;
	breaker_forget_all(schedule->breaker, true);
	if (settings_directory_is_set())
		history = history_read(settings_directory(), GetSystemIdentifier());

	schedule->jobs = jobs_retain_only(schedule->jobs, wanted);
	foreach(lc, wanted)
	{
		const char *database = lfirst(lc);
		Job		   *job = schedule_job(schedule, database);

		/* the clock was set back, and the slot comes again */
		if (job->slot == slot)
			continue;
		if (settings_directory_is_set() &&
			recovery_was_taken(settings_directory(), GetSystemIdentifier(),
							   history, database, slot))
			job->pending = false;
		else
			jobs_begin_slot(job, slot, REASON_SCHEDULE, 1, clock_seconds());
	}
}

/* Put the schedule of the settings into force, from now on. */
void
schedule_adopt(Schedule *schedule)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *lc;

	schedule->since = now;
	schedule->saved = false;
	schedule->next_slot = 0;
	schedule->last_look = now;
	if (setting_enable)
	{
		settings_schedule(&schedule->times);
		schedule->next_slot = slot_times_next(&schedule->times, now);
		return;
	}
	foreach(lc, schedule->jobs)
		((Job *) lfirst(lc))->pending = false;
}

/* Advance the schedule: begin a slot that is due, and compute the next one. */
void
schedule_advance(Schedule *schedule)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz last_look = schedule->last_look;

	schedule->last_look = now;
	if (schedule->resumed)
		schedule_save(schedule, DEBUG1);
	if (schedule->next_slot == 0)
		return;

	if (now < last_look)
	{
		TimestampTz next_slot = slot_times_next(&schedule->times, now);

		if (next_slot != schedule->next_slot)
			ereport(LOG,
					(errmsg("the clock was set back: the next scheduled snapshot is due at %s",
							timestamptz_to_str(next_slot))));
		schedule->next_slot = next_slot;
	}

	if (now >= schedule->next_slot)
	{
		if (schedule_is_our_turn())
			begin_slot(schedule, slot_times_latest(&schedule->times, now));
		schedule->next_slot = slot_times_next(&schedule->times, now);
	}
}

/* Drop a job and its failures, because its database is no longer wanted. */
static void
drop_job(Job *job)
{
	if (job->pending)
		ereport(LOG,
				(errmsg("no longer retrying database \"%s\": not selected by \"snapshot_worker.databases\"",
						job->database)));
	job->pending = false;
	job->missing = false;
	job->failures = 0;
}

static void
drop_unwanted_jobs(Schedule *schedule)
{
	List	   *wanted = databases_wanted();
	ListCell   *lc;

	foreach(lc, schedule->jobs)
	{
		Job		   *job = lfirst(lc);

		if (!databases_include(wanted, job->database))
			drop_job(job);
	}
}

/*
 * The settings were reloaded: put their schedule into force, if it differs.
 * The caller has called schedule_advance() before the reload, so slots that
 * were due under the old settings have begun.
 */
void
schedule_changed(Schedule *schedule, const ScheduleSettings *before)
{
	ScheduleSettings after;

	schedule_copy_settings(&after);
	if (before->enable != after.enable ||
		strcmp(before->time, after.time) != 0)
		schedule_adopt(schedule);
	else if (strcmp(before->directory, after.directory) != 0)
	{
		schedule->since = GetCurrentTimestamp();
		schedule->saved = false;
	}
	drop_unwanted_jobs(schedule);
	jobs_note_reload(schedule->jobs, clock_seconds());
	schedule_save(schedule, WARNING);
}

/* Copy the settings that define the schedule, palloc'd. */
void
schedule_copy_settings(ScheduleSettings *settings)
{
	settings->enable = setting_enable;
	settings->time = pstrdup(setting_time);
	settings->directory = pstrdup(settings_directory_is_set() ?
								  settings_directory() : "");
}

/*
 * Has a server that shares the directory taken the snapshot of a job's slot,
 * or is one taking it?
 */
static bool
is_done_elsewhere(Job *job)
{
	const char *directory = settings_directory();
	uint64		system_identifier = GetSystemIdentifier();

	if (other_server_has_run(directory, job->database, system_identifier,
							 job->slot))
	{
		job->due = clock_seconds() + LOOK_SECONDS;
		ereport(LOG,
				(errmsg("the snapshot of database \"%s\" is being taken by another server that shares the directory",
						job->database)));
		return true;
	}
	if (!recovery_was_taken(directory, system_identifier,
							history_read(directory, system_identifier),
							job->database, job->slot))
		return false;
	job->pending = false;
	return true;
}

/*
 * May this job, which failed before or catches up with a missed slot, be
 * tried?  The job is dropped if its database is no longer wanted.  If the
 * database did not exist, the job waits until it does.
 */
bool
schedule_may_try(Job *job)
{
	if (!databases_include(databases_wanted(), job->database))
	{
		drop_job(job);
		return false;
	}
	if (job->missing && !databases_include(databases_existing(), job->database))
	{
		job->due = clock_seconds() + LOOK_SECONDS;
		return false;
	}
	return !settings_directory_is_set() || !is_done_elsewhere(job);
}

/* Forget the failures of databases that neither exist nor are wanted. */
static void
forget_failures(Schedule *schedule)
{
	if (jobs_most_failures(schedule->jobs) > 0)
		jobs_keep_failures(schedule->jobs,
						   list_concat(databases_wanted(),
									   databases_existing()));
}

/* Publish the plan, for snapshot_status(). */
void
schedule_publish(Schedule *schedule)
{
	LauncherPlan plan = {0};
	Job		   *retry = jobs_next_retry(schedule->jobs);

	forget_failures(schedule);
	plan.next_slot = schedule_is_our_turn() ? schedule->next_slot : 0;
	plan.consecutive_failures = jobs_most_failures(schedule->jobs);
	if (retry != NULL)
	{
		double		seconds = Max(retry->due - clock_seconds(),
								  state_quiet_seconds());

		plan.retry_at = GetCurrentTimestamp() +
			(TimestampTz) (seconds * USECS_PER_SEC);
		plan.retry_attempt = retry->attempt;
		strlcpy(plan.retry_database, retry->database,
				sizeof(plan.retry_database));
	}
	state_set_plan(&plan);
}
