/*-------------------------------------------------------------------------
 *
 * shared_struct.h
 *	  The struct in shared memory, for the files of this folder alone.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SHARED_STRUCT_H
#define SNAPSHOT_WORKER_SHARED_STRUCT_H

#include <sys/stat.h>

#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "shmem/remembered_globals.h"
#include "shmem/shared_state.h"

#define STATE_MAX_RUNS	256

/*
 * Cap on queued alerts: a failure_command that hangs must not fill the table.
 */
#define STATE_MAX_ALERTS 16

/* Sessions that can cancel at the same time; others wait. */
#define STATE_MAX_CANCELS 16

/* A session asks the launcher to drop pending jobs. */
typedef struct CancelRequest
{
	uint64		id;				/* 0 when the entry is unused */
	char		database[NAMEDATALEN];	/* "" for all */
	uint64		last_run_id;	/* the session canceled runs up to this one */
	bool		done;
	int			count;			/* of dropped jobs */
} CancelRequest;

typedef struct SharedState
{
	/* Broadcast when a run ends, and when a launcher starts or ends. */
	ConditionVariable changed;

	TimestampTz made_at;		/* never changes */
	bool		after_crash;	/* never changes */

	/* The lock guards all that follows. */
	pid_t		launcher_pid;	/* 0 without a launcher */
	Latch	   *launcher_latch; /* in shared memory; NULL without a launcher */
	double		quiet_until;	/* on clock_seconds(); 0 before any launcher */
	bool		underway_counted;	/* see crash_breaker.c */
	bool		bases_checked;	/* see check_bases() in launcher.c */
	uint64		last_id;
	TimestampTz last_start;		/* newest in any name before the server
								 * started */
	LauncherPlan plan;
	Outcomes	outcomes;
	uint64		last_cancel_id;
	CancelRequest cancels[STATE_MAX_CANCELS];
	char		probed_directory[MAXPGPATH];	/* "" before any probe */
	FileSystem	file_system;	/* of that directory */
	char		program_version[STATE_VERSION_SIZE];	/* "" when unknown */
	struct stat program_file;	/* that has reported it */
	RememberedGlobals globals;
	char		forked_snapshot[NAMES_SIZE];	/* "" for none */
	Run			runs[STATE_MAX_RUNS];
} SharedState;

extern SharedState *state_shared;
extern LWLock *state_lock;
extern Run *MyRun;

static inline bool
run_is_active(const Run *run)
{
	return run->state == RUN_STARTING || run->state == RUN_RUNNING;
}

static inline bool
run_is_finished(const Run *run)
{
	return run->state == RUN_SUCCEEDED || run->state == RUN_FAILED;
}

/* The caller of these holds the lock. */
extern void state_wake_launcher(void);
extern Run *state_find_run(uint64 id);
extern void state_set_finished(Run *run, TimestampTz now, int64 size,
							   const RunError *error);

#endif							/* SNAPSHOT_WORKER_SHARED_STRUCT_H */
