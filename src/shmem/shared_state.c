/*-------------------------------------------------------------------------
 *
 * shared_state.c
 *	  The struct in shared memory: set-up, waiting, launcher and plan.
 *
 * One lock guards all of it.  A process that holds the lock does not allocate
 * memory, wait, read or write files, or report: each function only copies in
 * or out.  A crash of the server zeroes the struct, but the end of a launcher
 * or of a worker does not: they initialize the parts that they own when they
 * start, and clear them when they end.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "shmem/run_kinds.h"
#include "shmem/shared_state.h"
#include "shmem/shared_struct.h"
#include "util/clock.h"
#include "util/wait_events.h"

#define STATE_NAME	"snapshot_worker"

SharedState *state_shared = NULL;
LWLock	   *state_lock = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void
request_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SharedState)));
	RequestNamedLWLockTranche(STATE_NAME, 1);
}

/*
 * Does the server start after a crash: of itself, of one of its processes, or
 * of the machine?  Before recovery, the control file says whether the server
 * was shut down.  A base backup looks like a crash there, but has a backup
 * label.
 */
static bool
is_after_crash(void)
{
	bool		crc_ok;
	ControlFileData *control = get_controlfile(DataDir, &crc_ok);
	bool		clean = control->state == DB_SHUTDOWNED ||
	control->state == DB_SHUTDOWNED_IN_RECOVERY;

	pfree(control);
	return !clean && access(BACKUP_LABEL_FILE, F_OK) != 0;
}

static void
init_memory(void)
{
	bool		found;
	bool		after_crash;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	/* only the process that creates the struct needs to know */
	after_crash = !IsUnderPostmaster && is_after_crash();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	state_shared = ShmemInitStruct(STATE_NAME, sizeof(SharedState), &found);
	state_lock = &(GetNamedLWLockTranche(STATE_NAME))->lock;
	if (!found)
	{
		memset(state_shared, 0, sizeof(*state_shared));
		ConditionVariableInit(&state_shared->changed);
		state_shared->made_at = GetCurrentTimestamp();
		state_shared->after_crash = after_crash;
	}
	LWLockRelease(AddinShmemInitLock);
}

/* Request the shared memory.  For _PG_init, while the server starts. */
void
state_define(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = init_memory;
}

/* Was the library loaded while the server started? */
bool
state_exists(void)
{
	return state_shared != NULL;
}

/*
 * Return the time when the shared memory was created: at the start of the
 * server, or after a crash of one of its processes.
 */
TimestampTz
state_made_at(void)
{
	return state_shared->made_at;
}

/* Return the tranche for locks in our dynamic shared memory. */
int
state_tranche(void)
{
	return state_lock->tranche;
}

/* Was the shared memory created after a crash?  See is_after_crash(). */
bool
state_after_crash(void)
{
	return state_shared->after_crash;
}

/*
 * Return the seconds for which only sessions may start runs.  After a crash
 * this is a minute, from the start of the first launcher: the server stays
 * usable for that long even if the next run crashes it again.
 */
double
state_quiet_seconds(void)
{
	double		quiet_until;

	LWLockAcquire(state_lock, LW_SHARED);
	quiet_until = state_shared->quiet_until;
	LWLockRelease(state_lock);
	return Max(quiet_until - clock_seconds(), 0);
}

/* Has a launcher counted the runs that the last crash interrupted? */
bool
state_underway_is_counted(void)
{
	bool		counted;

	LWLockAcquire(state_lock, LW_SHARED);
	counted = state_shared->underway_counted;
	LWLockRelease(state_lock);
	return counted;
}

/*
 * Record that this launcher has counted the runs that the last crash
 * interrupted.
 */
void
state_set_underway_counted(void)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->underway_counted = true;
	LWLockRelease(state_lock);
}

/*
 * Has a launcher checked the bases of incremental snapshots since the start?
 */
bool
state_bases_are_checked(void)
{
	bool		checked;

	LWLockAcquire(state_lock, LW_SHARED);
	checked = state_shared->bases_checked;
	LWLockRelease(state_lock);
	return checked;
}

/* Note that it has. */
void
state_set_bases_checked(void)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->bases_checked = true;
	LWLockRelease(state_lock);
}

/* Wake the launcher.  The caller holds the lock. */
void
state_wake_launcher(void)
{
	if (state_shared->launcher_latch != NULL)
		SetLatch(state_shared->launcher_latch);
}

/*
 * Become the launcher.  Runs whose worker has not attached yet go back to the
 * queue if sessions requested them; scheduled ones are dropped, and the
 * launcher plans them again.  If two workers then start for one run,
 * state_attach() rejects the second.
 */
void
state_launcher_begin(void)
{
	double		now = clock_seconds();

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (state_shared->quiet_until == 0)
		state_shared->quiet_until = now +
			(state_shared->after_crash ? STATE_QUIET_SECONDS : 0);
	state_shared->launcher_pid = MyProcPid;
	state_shared->launcher_latch = MyLatch;
	for (int i = 0; i < STATE_MAX_RUNS; i++)
	{
		Run		   *run = &state_shared->runs[i];

		if (run->state == RUN_STARTING || run->state == RUN_QUEUED)
			run->state = state_is_requested(run->request.reason) ? RUN_QUEUED : RUN_NONE;
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/* Stop being the launcher. */
void
state_launcher_end(void)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (state_shared->launcher_pid == MyProcPid)
	{
		state_shared->launcher_pid = 0;
		state_shared->launcher_latch = NULL;
		memset(&state_shared->plan, 0, sizeof(state_shared->plan));
	}
	LWLockRelease(state_lock);
	ConditionVariableBroadcast(&state_shared->changed);
}

/* Return the process ID of the launcher, or 0. */
pid_t
state_launcher_pid(void)
{
	pid_t		pid;

	LWLockAcquire(state_lock, LW_SHARED);
	pid = state_shared->launcher_pid;
	LWLockRelease(state_lock);
	return pid;
}

void
state_set_plan(const LauncherPlan *plan)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->plan = *plan;
	LWLockRelease(state_lock);
}

void
state_set_outcomes(const Outcomes *outcomes)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->outcomes = *outcomes;
	LWLockRelease(state_lock);
}

void
state_get_plan(LauncherPlan *plan, Outcomes *outcomes)
{
	LWLockAcquire(state_lock, LW_SHARED);
	*plan = state_shared->plan;
	*outcomes = state_shared->outcomes;
	LWLockRelease(state_lock);
}

/*
 * Publish what the file system of a directory can do.  The first result about
 * locks stays, because a process may hold a lock of that kind.
 */
void
state_set_file_system(const char *directory, const FileSystem *file_system)
{
	int			lock_error = file_system->error[FILE_SYSTEM_LOCK];

	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (strcmp(state_shared->probed_directory, directory) == 0)
		lock_error = state_shared->file_system.error[FILE_SYSTEM_LOCK];
	strlcpy(state_shared->probed_directory, directory,
			sizeof(state_shared->probed_directory));
	state_shared->file_system = *file_system;
	state_shared->file_system.error[FILE_SYSTEM_LOCK] = lock_error;
	LWLockRelease(state_lock);
}

/*
 * Get what the file system of a directory can do.  Returns false if it has not
 * been probed yet.
 */
bool
state_get_file_system(const char *directory, FileSystem *file_system)
{
	bool		known;

	LWLockAcquire(state_lock, LW_SHARED);
	known = strcmp(state_shared->probed_directory, directory) == 0;
	*file_system = state_shared->file_system;
	LWLockRelease(state_lock);
	return known;
}

/*
 * Does the file system of the snapshot directory lack locks, as far as known?
 */
bool
state_locks_are_local(void)
{
	bool		local;

	LWLockAcquire(state_lock, LW_SHARED);
	local = state_shared->file_system.error[FILE_SYSTEM_LOCK] != 0;
	LWLockRelease(state_lock);
	return local;
}

/* Any change from here on ends the next state_wait(). */
void
state_prepare_to_wait(void)
{
	ConditionVariablePrepareToSleep(&state_shared->changed);
}

/* Wait for a change, or for the timeout.  Processes interrupts. */
void
state_wait(long timeout_ms)
{
	(void) ConditionVariableTimedSleep(&state_shared->changed, timeout_ms,
									   wait_event(WAIT_RUN));
}

/* End the waiting that state_prepare_to_wait() began. */
void
state_cancel_wait(void)
{
	(void) ConditionVariableCancelSleep();
}
