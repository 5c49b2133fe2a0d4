/*-------------------------------------------------------------------------
 *
 * schedule_takeover.c
 *	  Take over the schedule after a start, a promotion or a reload.
 *
 * When a launcher starts, it reads in the snapshot directory how the last slot
 * ended: the slot may have been missed, or its attempts interrupted.  A
 * launcher whose turn begins does the same, because the server whose turn
 * ended may have died before the slot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "launcher/database_list.h"
#include "launcher/schedule_recovery.h"
#include "launcher/schedule_takeover.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "store/history.h"
#include "util/clock.h"
#include "util/snapshot_name.h"

/* Publish the outcomes found in the history, unless newer ones are known. */
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

/*
 * Count the failures of each database, and publish the last outcomes, of runs
 * of this server and of the server whose turn it was.
 */
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
		if (databases_include(wanted, database))
		{
			Job		   *job = schedule_job(schedule, database);

			job->failures = good ? 0 : job->failures + 1;
		}
	}
	publish_outcomes(&outcomes);
}

/*
 * May a slot still be tried?  If its attempts crashed the server too often, it
 * is given up, and published as a failed run.
 */
static bool
may_try_slot(Schedule *schedule, const char *database, TimestampTz slot,
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
 * Return the time from which the schedule is in force, or 0 if it is off.  If
 * the directory has none (the server whose turn it was uses another
 * directory), this server's own settings decide.
 */
static TimestampTz
get_in_force_since(Schedule *schedule)
{
	TimestampTz since = recovery_since(settings_directory(),
									   GetSystemIdentifier(), setting_time);

	return since != 0 ? since : schedule->since;
}

/*
 * Give each wanted database a job for the last slot, if the database missed
 * that slot or its attempts have not ended.
 */
static void
resume_slot(Schedule *schedule, List *history, List *wanted)
{
	const char *directory = settings_directory();
	uint64		system_identifier = GetSystemIdentifier();
	TimestampTz since = get_in_force_since(schedule);
	SlotTimes	times;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz slot;
	ListCell   *lc;

	settings_schedule(&times);
	slot = slot_times_latest(&times, now);
	if (!setting_enable || !schedule_is_our_turn() || since > slot ||
		!schedule_can_name(slot))
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

		/* this launcher has processed the slot in an earlier turn */
		if (job->slot == slot)
			continue;

		/* the previous launcher started a run, which has not ended */
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
		if (may_try_slot(schedule, database, slot, reason, attempts))
			jobs_begin_slot(job, slot, reason, attempts + 1,
							clock_seconds() +
							recovery_delay(history, database, slot, now));
		else
			job->slot = slot;
	}
}

/*
 * Continue the schedule from the earlier runs recorded in the directory.  Does
 * nothing if this turn has done so already.
 */
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

	/* An unchanged schedule keeps its date, unless that is in the future. */
	since = recovery_since(settings_directory(), GetSystemIdentifier(),
						   setting_time);
	schedule->saved = setting_enable && since != 0 &&
		since <= GetCurrentTimestamp();
	schedule_save(schedule, WARNING);
}

/* Drop the pending jobs, which are now those of another server. */
static void
drop_jobs(Schedule *schedule)
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
 * Find out whose turn it is.  When it becomes ours, or when this server is
 * promoted, schedule_resume() is to be called as after a start.
 */
void
schedule_check_turn(Schedule *schedule)
{
	bool		our_turn = schedule_is_our_turn();
	bool		standby = RecoveryInProgress();

	if (our_turn && (!schedule->our_turn || standby != schedule->standby))
		schedule->resumed = false;
	schedule->our_turn = our_turn;
	schedule->standby = standby;
	if (!our_turn)
		drop_jobs(schedule);
}
