/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The scheduling loop.
 *
 * The launcher is a static background worker that connects to no database.  It
 * decides when runs are due, and starts workers for them.  The failure of a
 * run is a value to it, not an error.  It never exits with code 0, which would
 * unregister it; after any other exit the postmaster starts another launcher.
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
#include "launcher/schedule_takeover.h"
#include "launcher/started_workers.h"
#include "launcher/sweep_schedule.h"
#include "launcher/verify_schedule.h"
#include "settings.h"
#include "shmem/run_kinds.h"
#include "shmem/shared_state.h"
#include "store/remembered_base.h"
#include "store/staging.h"
#include "util/clock.h"
#include "util/process.h"
#include "util/test_step.h"
#include "util/wait_events.h"
#include "worker/run_report.h"

/* Cap on the sleep, to notice that the clock was set. */
#define MAX_SLEEP_SECONDS	60

/* How long the launcher rests after an error of its own. */
#define REST_SECONDS		10

/* How soon the postmaster starts another launcher. */
#define RESTART_SECONDS		5

typedef struct Launcher
{
	MemoryContext context;		/* outlives a turn of the loop */
	MemoryContext turn;			/* is reset after each one */
	Schedule	schedule;
	ArchiveSchedule archiving;
	VerifySchedule verifying;
	Breaker		breaker;
	StartedWorkers workers;
	SweepSchedule sweeping;
} Launcher;

/* Register the launcher, to start with the server.  For _PG_init. */
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
 * Sweep the snapshot directory and take over the schedule, after a start or
 * when the setting has changed.  If the server crashed meanwhile, this waits
 * as runs do, and after two crashes it is skipped, to serve requests and later
 * slots.
 */
static void
recover_directory(Launcher *launcher)
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

/* Add an outcome to log and history, unless its worker has done that. */
static void
report_outcome(const Run *run)
{
	const RunError *error = run->state == RUN_FAILED ? &run->outcome.error : NULL;

	if (error != NULL && !run->outcome.reported)
		report_failure(&run->request, error);
	if (run->outcome.in_history || run->request.kind != KIND_SNAPSHOT)
		return;
	report_history(run, NULL, error);

	/* The run is in the history now: do not report its leftovers again. */
	if (settings_directory_is_set())
		staging_sweep(settings_directory(), run->request.database,
					  GetSystemIdentifier(), NULL);
}

/* Process the outcomes of runs that have ended. */
static void
collect_outcomes(Launcher *launcher)
{
	Run			run;

	while (state_collect(&run))
	{
		double		never = 0;
		Job		   *job;

		breaker_end(&launcher->breaker, &run);
		report_outcome(&run);
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
			continue;			/* the end of that run wakes us */
		if ((job->attempt > 1 || job->reason == REASON_CATCH_UP) &&
			!schedule_may_try(job))
			continue;
		jobs_fill_request(job, &request);
		if (!state_submit_snapshot(&request, GetCurrentTimestamp(), &run))
			break;				/* the table of runs is full: later */
		job->run_id = run.id;
		started_workers_add(&launcher->workers, &launcher->breaker, &run);
	}
}

/*
 * Start the runs that can start.  Each queue has a limit of its own, so no
 * queue waits for another.
 */
static void
start_runs(Launcher *launcher)
{
	/* In this order; jobs of the schedule, which are not queued, come last. */
	static const struct
	{
		RunQueue	queue;
		bool		one_at_a_time;
		bool		respects_quiet; /* waits for a while after a crash */
	}			queues[] = {
		{.queue = QUEUE_REQUESTED},
		{.queue = QUEUE_TASKS},
		{.queue = QUEUE_SWEEPS,.one_at_a_time = true},
		{.queue = QUEUE_ARCHIVE,.one_at_a_time = true},
		{.queue = QUEUE_ALERTS,.respects_quiet = true},
	};
	bool		quiet = state_quiet_seconds() > 0;
	Run			run;

	if (!quiet)
	{
		archive_schedule_submit(&launcher->archiving, &launcher->breaker);
		verify_schedule_submit(&launcher->verifying, &launcher->breaker);
	}
	for (size_t i = 0; i < lengthof(queues); i++)
	{
		int			limit = queues[i].one_at_a_time ? 1 : setting_max_workers;

		if (quiet && queues[i].respects_quiet)
			continue;
		while (state_count_active(queues[i].queue) < limit &&
			   state_next_request(queues[i].queue, &run))
			started_workers_add(&launcher->workers, &launcher->breaker, &run);
	}
	if (!quiet)
		start_scheduled(launcher);
}

/* Return the milliseconds until something may be due. */
static long
compute_sleep_ms(Launcher *launcher)
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
	if (started_workers_wait(&launcher->workers))
		seconds = Min(seconds, STARTED_WORKERS_LOOK_SECONDS);
	/* round up, to avoid waking just before it */
	return Max((long) (seconds * 1000) + 1, 1);
}

/*
 * Process SIGHUP.  Slots already due are begun under the old settings first.
 */
static void
reload_settings(Launcher *launcher)
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
 * Process signals.  SIGTERM ends the launcher here without a message; in the
 * middle of a turn, CHECK_FOR_INTERRUPTS() raises FATAL.
 */
static void
handle_signals(Launcher *launcher)
{
	if (ProcDiePending)
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
		reload_settings(launcher);
}

static void
sleep_until_woken(long timeout_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, wait_event(WAIT_LAUNCHER_MAIN));
	ResetLatch(MyLatch);
}

static void
end_launcher(int code, Datum arg)
{
	state_launcher_end();
}

/*
 * After the server has started as a primary, and before any run begins, forget
 * the bases of incremental snapshots that are ahead of WAL.
 */
static void
check_bases(void)
{
	if (!state_bases_are_checked())
	{
		if (!RecoveryInProgress())
			remembered_base_forget_future();
		state_set_bases_checked();
	}
}

/* Execute one turn of the loop: do all that is due now, then sleep. */
static void
take_turn(Launcher *launcher)
{
	handle_signals(launcher);
	check_bases();
	breaker_load(&launcher->breaker);
	schedule_check_turn(&launcher->schedule);
	recover_directory(launcher);
	started_workers_check(&launcher->workers);
	collect_outcomes(launcher);
	sweep_schedule_submit(&launcher->sweeping, &launcher->breaker);
	schedule_advance(&launcher->schedule);
	cancel_pending_serve(&launcher->schedule, &launcher->verifying);
	start_runs(launcher);
	schedule_publish(&launcher->schedule);
	sleep_until_woken(compute_sleep_ms(launcher));
}

/* Report an error of the launcher, clean up, and rest. */
static void
recover_from_error(void)
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
		/* its sender waits for all processes */
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
	pqsignal(SIGINT, SIG_IGN);	/* no statement to cancel */
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
	launcher.workers.context = launcher.context;
	MemoryContextSwitchTo(launcher.turn);

	before_shmem_exit(end_launcher, 0);
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
			recover_from_error();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(launcher.turn);
		MemoryContextReset(launcher.turn);
	}
}
