/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The scheduling loop.
 *
 * The launcher owns the clock.  It is a static background worker that is
 * connected to no database, and sees to it that requested and scheduled runs
 * get their workers.  All that a run can do wrong is a value to it, not an
 * error.  It never exits with code 0, which would be for good; should it end,
 * the postmaster starts another one.
 *
 * A slot is an instant at which the schedule is due.  When the clock has
 * reached the next one, every wanted database gets a job for it, which is
 * tried until it succeeds or the following slot takes over.  If more than one
 * slot has gone by (the clock was set forward, or the machine slept) only the
 * last of them counts.  If the clock is set back, the slots that come again
 * are passed over for databases that have had them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "clock.h"
#include "databases.h"
#include "history.h"
#include "jobs.h"
#include "launcher.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "names.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "report.h"
#include "schedule.h"
#include "settings.h"
#include "shared_state.h"
#include "staging.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "store.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker.h"

/* Cap on the sleep, so that a clock that jumped is noticed. */
#define MAX_SLEEP_SECONDS	60

/* After an error of its own, the launcher rests. */
#define REST_SECONDS		10

/* How soon the postmaster starts another launcher. */
#define RESTART_SECONDS		5

/* A worker that was asked for. */
typedef struct StartedWorker
{
	uint64		run_id;
	BackgroundWorkerHandle *handle;
} StartedWorker;

typedef struct Launcher
{
	MemoryContext context;		/* of what outlives a turn of the loop */
	MemoryContext turn;			/* of what does not */
	bool		schedule_known;
	Schedule	schedule;
	TimestampTz next_slot;		/* 0 when the schedule is off */
	TimestampTz last_look;		/* at the clock; 0 for never */
	List	   *jobs;
	List	   *workers;		/* StartedWorkers that may not have begun */
	char	   *swept;			/* the directory that was swept, or NULL */
} Launcher;

/* Have the launcher started with the server.  For _PG_init. */
void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "snapshot_worker",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "snapshot_worker_launcher_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "snapshot_worker launcher",
			sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "snapshot_worker launcher",
			sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

/* Fill in what is known from the history, after a start of the server. */
static void
read_outcomes(Launcher *launcher)
{
	Outcomes	outcomes = {0};
	ListCell   *lc;

	if (!settings_directory_is_set())
		return;
	foreach(lc, history_read(settings_directory(), GetSystemIdentifier()))
	{
		HistoryLine *line = lfirst(lc);
		char		folder[NAMES_FOLDER_SIZE];
		char		database[NAMEDATALEN];
		TimestampTz start;
		MemoryContext turn;
		Job		   *job;

		if (!names_split(line->name, folder, database, &start))
			continue;
		turn = MemoryContextSwitchTo(launcher->context);
		job = jobs_find(&launcher->jobs, database, true);
		MemoryContextSwitchTo(turn);
		if (strcmp(line->outcome, OUTCOME_SUCCEEDED) == 0)
		{
			outcomes.last_success_at = line->finished_at;
			job->failures = 0;
		}
		else
		{
			outcomes.last_failure_at = line->finished_at;
			strlcpy(outcomes.last_error,
					line->error != NULL ? line->error : line->outcome,
					sizeof(outcomes.last_error));
			job->failures++;
		}
	}
	state_set_outcomes(&outcomes);
}

/*
 * Remove what interrupted runs left in the snapshot directory, once for each
 * directory that is set.
 */
static void
sweep(Launcher *launcher)
{
	if (!settings_directory_is_set() ||
		(launcher->swept != NULL &&
		 strcmp(launcher->swept, settings_directory()) == 0))
		return;

	if (launcher->swept != NULL)
		pfree(launcher->swept);
	launcher->swept = MemoryContextStrdup(launcher->context,
										  settings_directory());
	if (settings_directory_in_data_directory())
		ereport(WARNING,
				(errmsg("snapshot directory \"%s\" is inside the data directory",
						settings_directory()),
				 errdetail("Whatever destroys the data directory destroys the snapshots as well."),
				 errhint("Set \"snapshot_worker.directory\" to a place elsewhere, best on another disk.")));
	staging_sweep(settings_directory(), NULL, GetSystemIdentifier(),
				  report_interrupted);
}

/* Take note of workers that went away before they took up their run. */
static void
check_workers(Launcher *launcher)
{
	ListCell   *lc;

	foreach(lc, launcher->workers)
	{
		StartedWorker *worker = lfirst(lc);
		RunError	error = {ERRCODE_INSUFFICIENT_RESOURCES,
			"the snapshot worker could not be started", "",
		"The server's log says more."};
		pid_t		pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(worker->handle, &pid);

		if (status != BGWH_STOPPED && status != BGWH_POSTMASTER_DIED)
			continue;
		/* the outcome of a run that did begin is known, and stands */
		state_finish(worker->run_id, 0, &error, false);
		launcher->workers = foreach_delete_current(launcher->workers, lc);
		pfree(worker->handle);
		pfree(worker);
	}
}

/* Take note of the runs that ended. */
static void
collect_outcomes(Launcher *launcher)
{
	Run			run;

	while (state_collect(&run))
	{
		MemoryContext turn;
		Job		   *job;

		if (!run.recorded)
		{
			const RunError *error = run.state == RUN_FAILED ? &run.error : NULL;

			if (error != NULL)
				report_failure(&run, error);
			(void) report_history(&run, run.size, error);
		}
		turn = MemoryContextSwitchTo(launcher->context);
		job = jobs_find(&launcher->jobs, run.database, true);
		MemoryContextSwitchTo(turn);
		jobs_note_outcome(job, &run, clock_seconds());
		if (job->pending && job->attempt > 1 && job->run_id == 0)
			ereport(LOG,
					(errmsg("next try of a snapshot of database \"%s\" is in %.0f s",
							job->database, job->due - clock_seconds())));
	}
}

/* The slot has come: give every wanted database a job for it. */
static void
begin_slot(Launcher *launcher, TimestampTz slot)
{
	List	   *wanted = databases_wanted();
	ListCell   *lc;

	foreach(lc, launcher->jobs)
		((Job *) lfirst(lc))->pending = false;

	foreach(lc, wanted)
	{
		const char *database = lfirst(lc);
		MemoryContext turn = MemoryContextSwitchTo(launcher->context);
		Job		   *job = jobs_find(&launcher->jobs, database, true);

		MemoryContextSwitchTo(turn);
		if (job->slot == slot ||
			(settings_directory_is_set() &&
			 store_has_slot(settings_directory(), database, slot,
							GetSystemIdentifier())))
			continue;
		jobs_begin_slot(job, slot, clock_seconds());
	}
}

/* Keep the schedule: is a slot due, and which one is next? */
static void
keep_schedule(Launcher *launcher)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz last_look = launcher->last_look;

	launcher->last_look = now;
	if (!setting_enable || RecoveryInProgress())
	{
		ListCell   *lc;

		foreach(lc, launcher->jobs)
			((Job *) lfirst(lc))->pending = false;
		launcher->next_slot = 0;
		launcher->schedule_known = false;
		return;
	}
	if (!launcher->schedule_known)
	{
		settings_schedule(&launcher->schedule);
		launcher->schedule_known = true;
		launcher->next_slot = schedule_next(&launcher->schedule, now);
	}
	else if (now < last_look)
	{
		TimestampTz next_slot = schedule_next(&launcher->schedule, now);

		if (next_slot != launcher->next_slot)
			ereport(LOG,
					(errmsg("the clock was set back: the next scheduled snapshot is due at %s",
							timestamptz_to_str(next_slot))));
		launcher->next_slot = next_slot;
	}

	if (now >= launcher->next_slot)
	{
		TimestampTz slot = schedule_latest(&launcher->schedule, now);

		launcher->next_slot = schedule_next(&launcher->schedule, now);
		begin_slot(launcher, slot);
	}
}

/* Ask for a worker.  Without one, the run has failed. */
static void
start_run(Launcher *launcher, const Run *run)
{
	BackgroundWorkerHandle *handle;
	MemoryContext turn = MemoryContextSwitchTo(launcher->context);

	state_set_starting(run->id);
	if (worker_start(run->id, run->database, &handle))
	{
		StartedWorker *worker = palloc(sizeof(StartedWorker));

		worker->run_id = run->id;
		worker->handle = handle;
		launcher->workers = lappend(launcher->workers, worker);
	}
	else
	{
		RunError	error = {ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
			"no background worker slot is free for the snapshot worker", "",
		"Raise \"max_worker_processes\" and restart the server."};

		state_finish(run->id, 0, &error, false);
	}
	MemoryContextSwitchTo(turn);
}

/*
 * Is the database of a job that failed before still wanted?  It can have been
 * dropped since.
 */
static bool
is_still_wanted(const Job *job)
{
	ListCell   *lc;

	foreach(lc, databases_wanted())
	{
		if (strcmp(lfirst(lc), job->database) == 0)
			return true;
	}
	ereport(LOG,
			(errmsg("no more tries of a snapshot of database \"%s\", which is not wanted any more",
					job->database)));
	return false;
}

/*
 * Start what can be started.  Requested and scheduled runs are counted apart,
 * so that neither has to wait for the other.
 */
static void
start_runs(Launcher *launcher)
{
	Run			run;
	ListCell   *lc;

	while (state_count_active(REASON_MANUAL) < setting_max_workers &&
		   state_next_queued(REASON_MANUAL, &run))
		start_run(launcher, &run);

	foreach(lc, jobs_due(launcher->jobs, clock_seconds()))
	{
		Job		   *job = lfirst(lc);

		if (state_count_active(REASON_SCHEDULE) >= setting_max_workers)
			break;
		if (state_is_busy(job->database))
			continue;			/* its end will wake us */
		if (job->attempt > 1 && !is_still_wanted(job))
		{
			job->pending = false;
			continue;
		}
		if (!state_submit(job->database, REASON_SCHEDULE, job->attempt,
						  job->slot, GetCurrentTimestamp(), &run))
			break;				/* many requests: later */
		job->run_id = run.id;
		start_run(launcher, &run);
	}
}

static void
publish_plan(Launcher *launcher)
{
	LauncherPlan plan = {0};
	Job		   *retry = jobs_next_retry(launcher->jobs);

	plan.next_slot = launcher->next_slot;
	plan.consecutive_failures = jobs_most_failures(launcher->jobs);
	if (retry != NULL)
	{
		double		seconds = Max(retry->due - clock_seconds(), 0);

		plan.retry_at = GetCurrentTimestamp() +
			(TimestampTz) (seconds * USECS_PER_SEC);
		plan.retry_attempt = retry->attempt;
		strlcpy(plan.retry_database, retry->database,
				sizeof(plan.retry_database));
	}
	state_set_plan(&plan);
}

/* Milliseconds until something may be due. */
static long
time_to_sleep(Launcher *launcher)
{
	double		seconds = MAX_SLEEP_SECONDS;
	double		to_job = jobs_seconds_to_next(launcher->jobs,
											  clock_seconds());

	if (launcher->next_slot != 0)
		seconds = Min(seconds, (double) (launcher->next_slot -
										 GetCurrentTimestamp()) / USECS_PER_SEC);
	if (to_job >= 0)
		seconds = Min(seconds, to_job);
	/* rounded up, so as not to wake just before it */
	return Max((long) (seconds * 1000) + 1, 1);
}

static void
handle_signals(Launcher *launcher)
{
	CHECK_FOR_INTERRUPTS();
	if (ShutdownRequestPending)
		proc_exit(1);
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		launcher->schedule_known = false;
	}
}

static void
sleep_until_woken(long timeout_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

static void
end_of_launcher(int code, Datum arg)
{
	state_launcher_end();
}

/* One turn: all that there is to do now, then sleep. */
static void
take_turn(Launcher *launcher)
{
	handle_signals(launcher);
	sweep(launcher);
	check_workers(launcher);
	collect_outcomes(launcher);
	keep_schedule(launcher);
	start_runs(launcher);
	publish_plan(launcher);
	sleep_until_woken(time_to_sleep(launcher));
}

/* Report an error of the launcher's own, clean up, and rest. */
static void
recover(void)
{
	HOLD_INTERRUPTS();
	EmitErrorReport();
	FlushErrorState();
	LWLockReleaseAll();
	AbortCurrentTransaction();
	AtEOXact_Files(false);
	RESUME_INTERRUPTS();
	sleep_until_woken(REST_SECONDS * 1000L);
}

/* Entry point of the launcher. */
void
snapshot_worker_launcher_main(Datum main_arg)
{
	Launcher	launcher = {0};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	launcher.context = AllocSetContextCreate(TopMemoryContext,
											 "snapshot_worker launcher",
											 ALLOCSET_DEFAULT_SIZES);
	launcher.turn = AllocSetContextCreate(launcher.context,
										  "snapshot_worker launcher turn",
										  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(launcher.turn);

	before_shmem_exit(end_of_launcher, 0);
	state_launcher_begin();
	read_outcomes(&launcher);
	pgstat_report_activity(STATE_IDLE, NULL);

	for (;;)
	{
		PG_TRY();
		{
			take_turn(&launcher);
		}
		PG_CATCH();
		{
			recover();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(launcher.turn);
		MemoryContextReset(launcher.turn);
	}
}
