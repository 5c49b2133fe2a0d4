/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  The schedule: opens each slot when it is due and tracks the pending jobs.
 *
 * A slot is an instant at which the schedule is due.  When the clock reaches
 * it, every wanted database gets a job for it, which is tried until it
 * succeeds or the following slot replaces it.  If several slots have passed
 * (the clock was set forward, or the machine slept), only the last of them
 * counts.  If the clock is set back, databases that have had a slot skip it
 * when it comes again.
 *
 * A launcher that starts reads the outcome of the last slot from the
 * directory: the slot may have been missed, or its attempts interrupted.  A
 * launcher whose turn begins by a promotion or a reload does the same, because
 * the server whose turn it was may have died before the slot.
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
#include "util/snapshot_name.h"

/* How often to look for what others do, such as to make a database. */
#define LOOK_SECONDS	10

/* Does the schedule run in this server's present role in replication? */
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

/* The job of a database; a new one if there is none yet. */
Job *
schedule_job(Schedule *schedule, const char *database)
{
	MemoryContext caller = MemoryContextSwitchTo(schedule->context);
	Job		   *job = jobs_find(&schedule->jobs, database);

	MemoryContextSwitchTo(caller);
	return job;
}

static bool
contains(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/* Make known the outcomes that the history has, unless newer ones are. */
static void
publish_outcomes(const Outcomes *found)
{
	LauncherPlan plan;
	Outcomes	outcomes;

	state_get_plan(&plan, &outcomes);
	if (found->last_success_at <= outcomes.last_success_at &&
		found->last_failure_at <= outcomes.last_failure_at)
		return;
	outcomes.last_success_at = Max(outcomes.last_success_at,
								   found->last_success_at);
	if (found->last_failure_at > outcomes.last_failure_at)
	{
		outcomes.last_failure_at = found->last_failure_at;
		strlcpy(outcomes.last_error, found->last_error,
				sizeof(outcomes.last_error));
	}
	state_set_outcomes(&outcomes);
}

/* How did earlier runs end, here or on the server whose turn it was? */
static void
resume_outcomes(Schedule *schedule, List *history, List *wanted)
{
	Outcomes	outcomes = {0};
	ListCell   *lc;

	foreach(lc, wanted)
		schedule_job(schedule, lfirst(lc))->failures = 0;

	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);
		bool		good = strcmp(line->outcome, OUTCOME_SUCCEEDED) == 0;
		char		database[NAMEDATALEN];

		if (!names_database(line->name, database))
			continue;
		if (good)
			outcomes.last_success_at = line->finished_at;
		else
		{
			outcomes.last_failure_at = line->finished_at;
			state_describe_failure(outcomes.last_error,
								   sizeof(outcomes.last_error), database,
								   line->error != NULL ? line->error :
								   line->outcome, "");
		}
		if (contains(wanted, database))
		{
			Job		   *job = schedule_job(schedule, database);

			job->failures = good ? 0 : job->failures + 1;
		}
	}
	publish_outcomes(&outcomes);
}

/* Whether snapshots for a slot can be named; if not, that is warned of. */
static bool
can_be_named(TimestampTz slot)
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
 * After a start of the server: may a slot still be tried, or did its tries
 * crash the server?  If so, that is made known as a run that failed.
 */
static bool
may_be_tried(Schedule *schedule, const char *database, TimestampTz slot,
			 RunReason reason, int attempts)
{
	RunRequest	request = {.kind = KIND_SNAPSHOT,.reason = reason};
	Verdict		verdict;
	Run			run;

	strlcpy(request.database, database, sizeof(request.database));
	request.scheduled_for = slot;
	request.attempt = attempts;
	verdict = breaker_judge(schedule->breaker, &request);
	if (verdict == VERDICT_GIVE_UP &&
		state_submit_snapshot(&request, GetCurrentTimestamp(), &run))
		state_fail(run.id, RUN_QUEUED, breaker_error(&run.request));
	return verdict == VERDICT_BEGIN;
}

/*
 * Return the time since which the schedule is in force, or 0 if it is not.  If
 * the directory does not know (the server whose turn it was has another
 * schedule), the settings of this server decide.
 */
static TimestampTz
in_force_since(Schedule *schedule)
{
	TimestampTz since = recovery_since(settings_directory(),
									GetSystemIdentifier(), setting_time);

	return since != 0 ? since : schedule->since;
}

/*
 * After a start of the server, or of the launcher, or when it has become our
 * turn: was the last slot missed, or is it still being tried?
 */
static void
resume_slot(Schedule *schedule, List *history, List *wanted)
{
	const char *directory = settings_directory();
	uint64		system_identifier = GetSystemIdentifier();
	TimestampTz since = in_force_since(schedule);
	SlotTimes	times;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz slot;
	ListCell   *lc;

	settings_schedule(&times);
	slot = slot_times_latest(&times, now);
	if (!setting_enable || !schedule_is_our_turn() || since > slot ||
		!can_be_named(slot))
		return;

	foreach(lc, wanted)
	{
		const char *database = lfirst(lc);
		Job		   *job = schedule_job(schedule, database);
		bool		catch_up;
		int			attempts = recovery_attempts(history, database, slot,
											  &catch_up);
		RunReason	reason = attempts == 0 || catch_up ? REASON_CATCH_UP :
		REASON_SCHEDULE;
		Run			run;

		/* it came while it was our turn before */
		if (job->slot == slot)
			continue;

		/* the launcher before us had one started that is still on */
		if (state_find_slot(database, slot, &run))
		{
			jobs_begin_slot(job, slot, run.request.reason, run.request.attempt,
							clock_seconds());
			job->run_id = run.id;
			continue;
		}
		if ((attempts == 0 && !setting_catch_up) ||
			recovery_was_taken(directory, system_identifier, history, database,
							slot))
			continue;
		if (may_be_tried(schedule, database, slot, reason, attempts))
			jobs_begin_slot(job, slot, reason, attempts + 1,
							clock_seconds() +
							recovery_delay(history, database, slot, now));
		else
			job->slot = slot;
	}
}

/*
 * Write down, for the launcher after us, since when the schedule is in force.
 * A failure is reported at elevel, and made up for as soon as it can be: it
 * costs no snapshot but one to catch up with.  A server whose turn it is not
 * leaves that to the one that it shares the directory with.
 */
static void
note_schedule(Schedule *schedule, int elevel)
{
	MemoryContext turn = CurrentMemoryContext;

	if (schedule->noted || !settings_directory_is_set() || !schedule_is_our_turn())
		return;

	PG_TRY();
	{
		if (schedule->scheduled)
		{
			directory_make(settings_directory());
			recovery_begin(settings_directory(), GetSystemIdentifier(),
						setting_time, schedule->since);
		}
		else
			recovery_end(settings_directory(), GetSystemIdentifier());
		schedule->noted = true;
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

/* Go on where the launcher before us stopped, as the directory tells. */
void
schedule_resume(Schedule *schedule)
{
	TimestampTz last_start;
	TimestampTz since;
	List	   *history;
	List	   *wanted;

	if (schedule->resumed)
		return;
	schedule->resumed = true;
	if (!settings_directory_is_set())
		return;

	history = recovery_history(settings_directory(), GetSystemIdentifier(),
							&last_start);
	state_set_last_start(last_start);
	wanted = databases_wanted();
	resume_outcomes(schedule, history, wanted);
	resume_slot(schedule, history, wanted);

	/* A schedule that stands as it was keeps its date, if that is one. */
	since = recovery_since(settings_directory(), GetSystemIdentifier(),
						setting_time);
	schedule->noted = setting_enable && since != 0 &&
		since <= GetCurrentTimestamp();
	note_schedule(schedule, WARNING);
}

/* It is not our turn any more: leave what is to be done to others. */
static void
pass_on(Schedule *schedule)
{
	ListCell   *lc;

	foreach(lc, schedule->jobs)
	{
		Job		   *job = lfirst(lc);

		if (!job->pending || job->run_id != 0)
			continue;
		ereport(LOG,
				(errmsg("no longer retrying database \"%s\": \"snapshot_worker.run_on\" leaves it to another server",
						job->database)));
		job->pending = false;
		job->slot = 0;
	}
}

/*
 * Record whose turn it is.  When it becomes ours, or we are promoted, read the
 * directory again as after a start.
 */
void
schedule_note_turn(Schedule *schedule)
{
	bool		our_turn = schedule_is_our_turn();
	bool		standby = RecoveryInProgress();

	if (our_turn && (!schedule->our_turn || standby != schedule->standby))
		schedule->resumed = false;
	schedule->our_turn = our_turn;
	schedule->standby = standby;
	if (!our_turn)
		pass_on(schedule);
}

/* The slot has come: give every wanted database a job for it. */
static void
begin_slot(Schedule *schedule, TimestampTz slot)
{
	List	   *wanted = databases_wanted();
	List	   *history = NIL;
	ListCell   *lc;

	if (!can_be_named(slot))
		return;
	breaker_forget_all(schedule->breaker, true);
	if (settings_directory_is_set())
		history = history_read(settings_directory(), GetSystemIdentifier());

	schedule->jobs = jobs_retain_only(schedule->jobs, wanted);
	foreach(lc, wanted)
	{
		const char *database = lfirst(lc);
		Job		   *job = schedule_job(schedule, database);

		/* after a clock that was set back */
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

/* The schedule that the settings ask for is in force from now on. */
void
schedule_adopt(Schedule *schedule)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *lc;

	schedule->scheduled = setting_enable;
	schedule->since = now;
	schedule->noted = false;
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

/* Keep the schedule: is a slot due, and which one is next? */
void
schedule_advance(Schedule *schedule)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz last_look = schedule->last_look;

	schedule->last_look = now;
	if (schedule->resumed)
		note_schedule(schedule, DEBUG1);
	if (!schedule->scheduled)
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

/* Give up a job whose database is no longer selected, and its failures. */
static void
give_up(Job *job)
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
give_up_unwanted(Schedule *schedule)
{
	List	   *wanted = databases_wanted();
	ListCell   *lc;

	foreach(lc, schedule->jobs)
	{
		Job		   *job = lfirst(lc);

		if (!contains(wanted, job->database))
			give_up(job);
	}
}

/*
 * The settings have been read anew: if they ask for another schedule, that is
 * in force from now on.  The old one has had its due by schedule_advance().
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
		schedule->noted = false;
	}
	give_up_unwanted(schedule);
	jobs_note_reload(schedule->jobs, clock_seconds());
	note_schedule(schedule, WARNING);
}

/* Remember the settings that make the schedule, palloc'd. */
void
schedule_copy_settings(ScheduleSettings *settings)
{
	settings->enable = setting_enable;
	settings->time = pstrdup(setting_time);
	settings->directory = pstrdup(settings_directory_is_set() ?
								  settings_directory() : "");
}

/* Is the snapshot of a job's slot there, or being taken by another server? */
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
 * May a job be tried that failed before, or makes up for what was missed?  Its
 * database can have been dropped since: if it is not wanted any more, there is
 * nothing to do for it.  If it did not exist, it is tried again once it does.
 */
bool
schedule_may_try(Job *job)
{
	if (!contains(databases_wanted(), job->database))
	{
		give_up(job);
		return false;
	}
	if (job->missing && !contains(databases_existing(), job->database))
	{
		job->due = clock_seconds() + LOOK_SECONDS;
		return false;
	}
	return !settings_directory_is_set() || !is_done_elsewhere(job);
}

/* Forget the failures of databases that are neither there nor wanted. */
static void
forget_failures(Schedule *schedule)
{
	if (jobs_most_failures(schedule->jobs) > 0)
		jobs_keep_failures(schedule->jobs,
						   list_concat(databases_wanted(),
									   databases_existing()));
}

/* Let the sessions see what is planned. */
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
