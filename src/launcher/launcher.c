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
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "launcher/archive_schedule.h"
#include "launcher/cancel_pending.h"
#include "launcher/crash_breaker.h"
#include "launcher/failure_alert.h"
#include "launcher/launcher.h"
#include "launcher/schedule.h"
#include "launcher/sweep_schedule.h"
#include "launcher/verify_schedule.h"
#include "settings.h"
#include "shmem/run_kinds.h"
#include "shmem/shared_state.h"
#include "store/staging.h"
#include "util/clock.h"
#include "util/process.h"
#include "util/test_step.h"
#include "util/wait_events.h"
#include "worker/run_report.h"
#include "worker/worker.h"

/* Cap on the sleep, so that a clock that jumped is noticed. */
#define MAX_SLEEP_SECONDS	60

/* After an error of its own, the launcher rests. */
#define REST_SECONDS		10

/* How soon the postmaster starts another launcher. */
#define RESTART_SECONDS		5

/* How long a run waits for a background worker slot, looking how often. */
#define SLOT_PATIENCE_SECONDS	30
#define SLOT_LOOK_SECONDS		0.25

/* A worker that was asked for. */
typedef struct StartedWorker
{
	uint64		run_id;
	BackgroundWorkerHandle *handle; /* NULL while there is no slot for it */
	double		give_up_at;		/* then, on clock_seconds() */
} StartedWorker;

typedef struct Launcher
{
	MemoryContext context;		/* of what outlives a turn of the loop */
	MemoryContext turn;			/* of what does not */
	Schedule		schedule;
	ArchiveSchedule	archiving;
	VerifySchedule	verifying;
	Breaker		breaker;
	List	   *workers;		/* StartedWorkers that may not have begun */
	SweepSchedule	sweeping;
} Launcher;

/* Have the launcher started with the server.  For _PG_init. */
void
launcher_register(void)
{
	BackgroundWorker worker;

	process_describe(&worker, "snapshot_worker_launcher_main",
					   "snapshot_worker launcher");
	worker.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

/*
 * Look at the snapshot directory after a start, or when there is another one:
 * sweep it, and go on where an earlier launcher stopped.  If a crash cut that
 * short, this waits like a run, and after two crashes it is left out, so that
 * the launcher can serve requests and the slots to come.
 */
static void
look_at_directory(Launcher *launcher)
{
	if (sweep_schedule_is_done(&launcher->sweeping) && launcher->schedule.resumed)
		return;
	if (breaker_judge(&launcher->breaker, NULL) == VERDICT_GIVE_UP)
		ereport(WARNING,
				(errcode(ERRCODE_CRASH_SHUTDOWN),
				 errmsg("not scanning the snapshot directory until the next scheduled time: the server crashed during two scans"),
				 errdetail("Leftovers are not removed, and the outcome of earlier runs is unknown."),
				 errhint("See the server log for the crashes. Reload the settings once the cause is gone.")));
	if (breaker_judge(&launcher->breaker, NULL) != VERDICT_BEGIN ||
		(breaker_crashes(&launcher->breaker, NULL) > 0 &&
		 state_quiet_seconds() > 0))
		return;

	breaker_begin(&launcher->breaker, NULL);
	test_step("looking at the directory");
	if (!sweep_schedule_is_done(&launcher->sweeping))
		sweep_schedule_sweep(&launcher->sweeping);
	breaker_write_down(&launcher->breaker);
	if (!launcher->schedule.resumed && schedule_is_our_turn())
		verify_schedule_resume(&launcher->verifying);
	schedule_resume(&launcher->schedule);
	breaker_end(&launcher->breaker, NULL);
}

/*
 * Ask for the worker of a run once more, for which there was no slot.  Returns
 * false when there is nothing to wait for: the run has ended, since it was
 * canceled, or waited for too long.
 */
static bool
ask_again(Launcher *launcher, StartedWorker *worker)
{
	const RunError no_slot = {ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"no background worker slot is free for the snapshot worker", "",
	"Raise \"max_worker_processes\" and restart the server."};
	MemoryContext turn;
	Run			run;

	if (!state_get(worker->run_id, &run) || run.state != RUN_STARTING)
		return false;
	turn = MemoryContextSwitchTo(launcher->context);
	if (!worker_start(&run, &worker->handle))
		worker->handle = NULL;
	MemoryContextSwitchTo(turn);
	if (worker->handle != NULL || clock_seconds() < worker->give_up_at)
		return true;
	state_fail(worker->run_id, RUN_STARTING, &no_slot);
	return false;
}

/* Fail runs whose worker exited without reporting, or cannot be started. */
static void
check_workers(Launcher *launcher)
{
	const RunError not_started = {ERRCODE_INSUFFICIENT_RESOURCES,
		"could not start the snapshot worker", "",
	"See the server log for details."};
	const RunError lost = {ERRCODE_INTERNAL_ERROR,
		"the snapshot worker exited unexpectedly", "",
	"See the server log for details."};
	ListCell   *lc;

	foreach(lc, launcher->workers)
	{
		StartedWorker *worker = lfirst(lc);
		pid_t		pid;

		if (worker->handle == NULL)
		{
			if (ask_again(launcher, worker))
				continue;
		}
		else
		{
			BgwHandleStatus status = GetBackgroundWorkerPid(worker->handle,
															&pid);

			if (status != BGWH_STOPPED && status != BGWH_POSTMASTER_DIED)
				continue;
			pfree(worker->handle);
		}
		/* a run that did begin has its outcome from its own worker */
		state_fail(worker->run_id, RUN_STARTING, &not_started);
		launcher->workers = foreach_delete_current(launcher->workers, lc);
		pfree(worker);
	}
	state_finish_lost(&lost);
}

/* Put the end of a run where its worker could not: into log and history. */
static void
write_down(const Run *run)
{
	const RunError *error = run->state == RUN_FAILED ? &run->outcome.error : NULL;

	if (error != NULL && !run->outcome.reported)
		report_failure(&run->request, error);
	if (run->outcome.in_history || run->request.kind != KIND_SNAPSHOT)
		return;
	report_history(run, run->outcome.size, error);

	/* What a worker that was cut off left is no news any more. */
	if (settings_directory_is_set())
		staging_sweep(settings_directory(), run->request.database,
					  GetSystemIdentifier(), NULL);
}

/* Take note of the runs that ended. */
static void
collect_outcomes(Launcher *launcher)
{
	Run			run;

	while (state_collect(&run))
	{
		double		never = 0;
		Job		   *job;

		breaker_end(&launcher->breaker, &run);
		write_down(&run);
		if (run.progress.scratch[0] != '\0')
			sweep_schedule_note_scratch(&launcher->sweeping);
		archive_schedule_note_outcome(&launcher->archiving, &launcher->breaker, &run);
		if (run.request.kind == KIND_ARCHIVE && run.state == RUN_FAILED)
			failure_alert_submit(&launcher->breaker, &run,
						   &launcher->archiving.told_at);
		if (verify_schedule_note_outcome(&launcher->verifying, &launcher->breaker,
								   &run))
			jobs_note_verified(schedule_job(&launcher->schedule, run.request.database));
		if (run.request.kind != KIND_SNAPSHOT)
			continue;
		job = schedule_job(&launcher->schedule, run.request.database);
		jobs_note_outcome(job, &run, state_seconds_taken(&run),
						  clock_seconds());
		if (run.state == RUN_FAILED && !state_is_requested(run.request.reason))
			failure_alert_submit(&launcher->breaker, &run,
						   run.outcome.published ? &never : &job->told_at);
		if (!job->pending || job->attempt == 1 || job->run_id != 0)
			continue;
		if (job->missing)
			ereport(LOG,
					(errmsg("snapshot of database \"%s\" waits until the database exists",
							job->database)));
		else
			ereport(LOG,
					(errmsg("next attempt to take a snapshot of database \"%s\" is in %.0f s",
							job->database, job->due - clock_seconds())));
	}
}

/*
 * Ask for a worker.  If no slot is free, as during parallel queries, the run
 * waits for one.
 */
static void
start_run(Launcher *launcher, const Run *run)
{
	MemoryContext turn;
	StartedWorker *worker;

	/* before there is anything that could crash */
	breaker_begin(&launcher->breaker, &run->request);

	/* first of all, so that check_workers knows of it, whatever happens */
	turn = MemoryContextSwitchTo(launcher->context);
	worker = palloc0(sizeof(StartedWorker));
	worker->run_id = run->id;
	worker->give_up_at = clock_seconds() + SLOT_PATIENCE_SECONDS;
	launcher->workers = lappend(launcher->workers, worker);
	state_set_starting(run->id);
	if (!worker_start(run, &worker->handle))
		worker->handle = NULL;
	MemoryContextSwitchTo(turn);
}

/* Start the scheduled runs that are due. */
static void
start_scheduled(Launcher *launcher)
{
	RunRequest	request;
	Run			run;
	ListCell   *lc;

	foreach(lc, jobs_due(launcher->schedule.jobs, clock_seconds()))
	{
		Job		   *job = lfirst(lc);

		if (state_count_active(QUEUE_SCHEDULED) >= setting_max_workers)
			break;
		if (state_is_busy(job->database))
			continue;			/* its end will wake us */
		if ((job->attempt > 1 || job->reason == REASON_CATCH_UP) &&
			!schedule_may_try(job))
			continue;
		jobs_fill_request(job, &request);
		if (!state_submit_snapshot(&request, GetCurrentTimestamp(), &run))
			break;				/* many requests: later */
		job->run_id = run.id;
		start_run(launcher, &run);
	}
}

/*
 * Start what can be started.  Each queue is counted apart, so that none has to
 * wait for another.
 */
static void
start_runs(Launcher *launcher)
{
	bool		quiet = state_quiet_seconds() > 0;
	Run			run;

	if (!quiet)
	{
		archive_schedule_submit(&launcher->archiving, &launcher->breaker);
		verify_schedule_submit(&launcher->verifying, &launcher->breaker);
	}
	for (RunQueue queue = QUEUE_REQUESTED; queue <= QUEUE_ALERTS; queue++)
	{
		int			limit = queue == QUEUE_ARCHIVE || queue == QUEUE_SWEEPS ?
		1 : setting_max_workers;

		if (quiet && queue == QUEUE_ALERTS)
			continue;
		while (state_count_active(queue) < limit &&
			   state_next_request(queue, &run))
			start_run(launcher, &run);
	}
	if (!quiet)
		start_scheduled(launcher);
}

/* Does a run wait for a background worker slot? */
static bool
waits_for_slot(Launcher *launcher)
{
	ListCell   *lc;

	foreach(lc, launcher->workers)
	{
		if (((StartedWorker *) lfirst(lc))->handle == NULL)
			return true;
	}
	return false;
}

/* Milliseconds until something may be due. */
static long
time_to_sleep(Launcher *launcher)
{
	double		seconds = MAX_SLEEP_SECONDS;
	double		to_job = jobs_seconds_to_next(launcher->schedule.jobs,
											  clock_seconds());
	double		to_archive = archive_schedule_seconds_to_next(&launcher->archiving);
	double		to_verify = verify_schedule_seconds_to_next(&launcher->verifying);
	double		quiet = state_quiet_seconds();

	if (launcher->schedule.next_slot != 0)
		seconds = Min(seconds, (double) (launcher->schedule.next_slot -
										 GetCurrentTimestamp()) / USECS_PER_SEC);
	if (quiet > 0)
		to_job = to_archive = to_verify = quiet;
	if (to_job >= 0)
		seconds = Min(seconds, to_job);
	if (to_archive >= 0)
		seconds = Min(seconds, to_archive);
	if (to_verify >= 0)
		seconds = Min(seconds, to_verify);
	if (waits_for_slot(launcher))
		seconds = Min(seconds, SLOT_LOOK_SECONDS);
	/* rounded up, so as not to wake just before it */
	return Max((long) (seconds * 1000) + 1, 1);
}

/* Take over changed settings, once the old ones have had their due. */
static void
reload(Launcher *launcher)
{
	ScheduleSettings before;
	const char *archive_command = pstrdup(setting_archive_command);

	schedule_copy_settings(&before);
	schedule_advance(&launcher->schedule);
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	schedule_changed(&launcher->schedule, &before);
	archive_schedule_changed(&launcher->archiving, archive_command);
	breaker_forget_all(&launcher->breaker, false);
}

/*
 * A SIGTERM while there is nothing to do ends the launcher without a word; in
 * the middle of something, CHECK_FOR_INTERRUPTS ends it.
 */
static void
handle_signals(Launcher *launcher)
{
	if (ProcDiePending)
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
		reload(launcher);
}

static void
sleep_until_woken(long timeout_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, wait_event(WAIT_LAUNCHER_MAIN));
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
	breaker_load(&launcher->breaker);
	schedule_note_turn(&launcher->schedule);
	look_at_directory(launcher);
	check_workers(launcher);
	collect_outcomes(launcher);
	sweep_schedule_submit(&launcher->sweeping, &launcher->breaker);
	schedule_advance(&launcher->schedule);
	cancel_pending_serve(&launcher->schedule, &launcher->verifying);
	start_runs(launcher);
	schedule_publish(&launcher->schedule);
	sleep_until_woken(time_to_sleep(launcher));
}

/* Report an error of the launcher's own, clean up, and rest. */
static void
recover(void)
{
	double		end = clock_seconds() + REST_SECONDS;

	HOLD_INTERRUPTS();
	EmitErrorReport();
	FlushErrorState();
	LWLockReleaseAll();
	AbortCurrentTransaction();
	AtEOXact_Files(false);
	RESUME_INTERRUPTS();

	while (clock_seconds() < end && !ProcDiePending)
	{
		/* whoever emitted one waits for all processes */
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
		sleep_until_woken(1 + (long) ((end - clock_seconds()) * 1000));
	}
}

/* Entry point of the launcher. */
void
snapshot_worker_launcher_main(Datum main_arg)
{
	static Launcher launcher = {0};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, SIG_IGN);	/* there is no statement to cancel */
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	launcher.context = AllocSetContextCreate(TopMemoryContext,
											 "snapshot_worker launcher",
											 ALLOCSET_DEFAULT_SIZES);
	launcher.turn = AllocSetContextCreate(launcher.context,
										  "snapshot_worker launcher turn",
										  ALLOCSET_DEFAULT_SIZES);
	launcher.schedule.context = launcher.context;
	launcher.schedule.breaker = &launcher.breaker;
	launcher.verifying.context = launcher.context;
	launcher.sweeping.context = launcher.context;
	launcher.breaker.context = launcher.context;
	MemoryContextSwitchTo(launcher.turn);

	before_shmem_exit(end_of_launcher, 0);
	state_launcher_begin();
	if (state_quiet_seconds() > 0)
		ereport(LOG,
				(errmsg("the server has crashed: only requested snapshots are taken for the next %.0f s",
						state_quiet_seconds())));
	schedule_adopt(&launcher.schedule);
	archive_schedule_begin(&launcher.archiving);
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
