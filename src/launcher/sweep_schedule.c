/*-------------------------------------------------------------------------
 *
 * sweep_schedule.c
 *	  When the launcher sweeps leftovers of interrupted runs.
 *
 * The launcher itself sweeps the snapshot directory.  Scratch databases are
 * dropped by a worker, which can connect to a database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/memutils.h"

#include "launcher/database_list.h"
#include "launcher/sweep_schedule.h"
#include "settings.h"
#include "store/file_system.h"
#include "store/staging.h"
#include "worker/run_report.h"

/* Has the current snapshot directory been swept?  True if none is set. */
bool
sweep_schedule_is_done(const SweepSchedule *sweeping)
{
	return !settings_directory_is_set() ||
		(sweeping->swept != NULL &&
		 strcmp(sweeping->swept, settings_directory()) == 0);
}

/*
 * Find out what the file system of the snapshot directory can do, remove the
 * leftovers of interrupted runs, and add those runs to the history.
 */
void
sweep_schedule_sweep(SweepSchedule *sweeping)
{
	if (sweeping->swept != NULL)
		pfree(sweeping->swept);
	sweeping->swept = MemoryContextStrdup(sweeping->context,
										  settings_directory());
	if (settings_directory_in_data_directory())
		ereport(WARNING,
				(errmsg("snapshot directory \"%s\" is inside the data directory",
						settings_directory()),
				 errdetail("Losing the data directory would lose the snapshots as well."),
				 errhint("Set \"snapshot_worker.directory\" to a directory outside of it, preferably on another disk.")));
	file_system_look(settings_directory());
	staging_sweep(settings_directory(), NULL, GetSystemIdentifier(),
				  report_interrupted);
}

/* Note that a run left a scratch database behind. */
void
sweep_schedule_note_scratch(SweepSchedule *sweeping)
{
	sweeping->scratch_swept = false;
}

/*
 * Queue a sweep run if a crash or a terminated worker left scratch databases,
 * unless such a run has crashed the server twice.  A standby has no scratch
 * databases of its own.
 */
void
sweep_schedule_submit(SweepSchedule *sweeping, Breaker *breaker)
{
	RunRequest	sweep = {.kind = KIND_SWEEP};
	Run			run;
	Verdict		verdict;

	if (sweeping->scratch_swept || RecoveryInProgress() ||
		state_quiet_seconds() > 0)
		return;
	verdict = breaker_judge(breaker, &sweep);
	if (verdict == VERDICT_GIVE_UP)
		report_failure(&sweep, breaker_error(&sweep));

	/* if the run table is full, the next call tries again */
	sweeping->scratch_swept = verdict != VERDICT_BEGIN ||
		!database_list_for_sweep(sweep.connect_to) ||
		state_submit_task(&sweep, &run);
}
