/*-------------------------------------------------------------------------
 *
 * shared_state.h
 *	  The struct in shared memory: set-up, waiting, launcher and plan.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SHARED_STATE_H
#define SNAPSHOT_WORKER_SHARED_STATE_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "lib/dshash.h"
#include "storage/dsm.h"
#include "utils/dsa.h"

#include "util/snapshot_name.h"

typedef enum RunReason
{
	REASON_SCHEDULE,
	REASON_CATCH_UP,			/* a slot that was missed */
	REASON_MANUAL,
	REASON_BEFORE_DROP			/* see before_drop.c */
} RunReason;

/* What a run does; see run_kinds.c. */
typedef enum RunKind
{
	KIND_SNAPSHOT,				/* takes a snapshot */
	KIND_VERIFY,				/* verifies a snapshot */
	KIND_VERIFY_ALL,			/* verifies the files of all snapshots */
	KIND_RESTORE,				/* restores a snapshot */
	KIND_RESTORE_TABLE,			/* restores one table of a snapshot */
	KIND_ARCHIVE,				/* archives what is not archived yet */
	KIND_ALERT,					/* runs failure_command */
	KIND_SWEEP					/* drops leftover scratch databases */
} RunKind;

/* Runs of a queue wait for each other, but not for those of other queues. */
typedef enum RunQueue
{
	QUEUE_SCHEDULED,			/* snapshots of the schedule */
	QUEUE_REQUESTED,			/* snapshots that sessions request */
	QUEUE_TASKS,				/* verifications, restores, sweeps */
	QUEUE_SWEEPS,				/* verifications of all snapshots */
	QUEUE_ARCHIVE,
	QUEUE_ALERTS
} RunQueue;

typedef enum RunState
{
	RUN_NONE,					/* the entry is unused */
	RUN_QUEUED,					/* waits for the launcher */
	RUN_STARTING,				/* a worker is to attach */
	RUN_RUNNING,				/* a worker has attached */
	RUN_SUCCEEDED,
	RUN_FAILED
} RunState;

/* Time after a crash during which only sessions can start runs. */
#define STATE_QUIET_SECONDS 60

/* Why a run failed; detail and hint can be empty. */
typedef struct RunError
{
	int			sqlerrcode;
	char		message[512];
	char		detail[1536];
	char		hint[1024];
} RunError;

/* Room for the version of a program. */
#define STATE_VERSION_SIZE	128

/* A secret of a run, in hexadecimal digits. */
#define STATE_TOKEN_SIZE	33

/* Where sessions of a run's programs record what they copy: table_copies.c. */
typedef struct CopiesHandle
{
	dsa_handle	area;
	dshash_table_handle tables;
	bool		answer;			/* tables that are the same as at the base */
	dsa_pointer seen;			/* text of seen_transactions.c of the base;
								 * invalid if there is no base */
	XLogRecPtr	standby_lsn;	/* replayed before the MVCC snapshot, or 0 */
	dsa_pointer notes;			/* RestoreNotes; invalid unless restoring */
} CopiesHandle;

/* How to recognize the sessions of a run's programs: program_tokens.c. */
typedef struct RunPrograms
{
	char		token[STATE_TOKEN_SIZE];	/* "" for none */
	Oid			role;			/* that they authenticated as */
	CopiesHandle copies;
} RunPrograms;

/* The progress of a run, as snapshot_progress() shows it. */
typedef struct Progress
{
	char		phase[32];
	int			percent;		/* only rises */
	int64		tables_done;
	int64		tables_total;	/* 0 in a phase that does not count tables */
	char		current_table[2 * NAMEDATALEN]; /* "" for none */
	int64		bytes;			/* read, so far in this phase */
} Progress;

/* The request of a session or the launcher.  Unused members are zero. */
typedef struct RunRequest
{
	RunKind		kind;
	RunReason	reason;
	char		database[NAMEDATALEN];
	char		name[NAMES_SIZE];	/* of the snapshot, which may not exist
									 * yet; in a run over many, of the current
									 * one */
	int			attempt;		/* from 1 */

	/* Of a snapshot. */
	TimestampTz start;			/* the instant in its name */
	TimestampTz scheduled_for;	/* its slot; 0 if a session requested it */
	bool		full;			/* read all tables, changed or not */

	/* Of a verification or a restore. */
	char		connect_to[NAMEDATALEN];	/* database of the worker */
	bool		automatic;		/* not requested by a session */
	bool		test_restore;	/* verify by restoring */
	char		target[NAMEDATALEN];	/* database to restore into */
	char		owner[NAMEDATALEN]; /* of that; "" as in the snapshot */
	int			jobs;			/* of pg_restore */
	bool		go_on;			/* leave out what cannot be restored */
	bool		analyze;		/* after the restore */
	dsm_handle	report;			/* of the session; see restore_report.c */

	/* Of a restore of a table; the database is that of connect_to. */
	char		schema[NAMEDATALEN];	/* in the snapshot; "" if not given */
	char		table[NAMEDATALEN];
	char		target_schema[NAMEDATALEN]; /* "" is that of the snapshot */
	char		target_table[NAMEDATALEN];	/* "" is its own name */
	Oid			caller;			/* who must have CREATE on the schema */

	/* Of an alert: what failed.  A snapshot can fail its verification. */
	RunKind		failed_kind;
} RunRequest;

/* What the worker of a run publishes while it executes the run. */
typedef struct RunProgress
{
	TimestampTz started_at;		/* 0 before a worker attaches */
	double		began;			/* the same on clock_seconds() */
	pid_t		worker_pid;		/* 0 without a worker */
	Progress	shown;
	char		scratch[NAMEDATALEN];	/* database made for this run, or "" */
	RunPrograms programs;
} RunProgress;

/* How a run ended. */
typedef struct RunOutcome
{
	TimestampTz finished_at;
	int64		size;			/* bytes of the snapshot */
	RunError	error;			/* of an alert that has not ended: the error
								 * of the run that failed */
	bool		published;		/* the snapshot exists, even if failed */
	bool		busy;			/* another archive command was running: try
								 * again later */
	bool		reported;		/* the log has the outcome */
	bool		in_history;		/* the history has it */
} RunOutcome;

/* An entry of the table of runs. */
typedef struct Run
{
	uint64		id;				/* never used twice; grows in order of
								 * requests */
	RunState	state;
	bool		canceled;		/* its worker must stop */
	bool		collected;		/* the launcher has processed the outcome */
	RunRequest	request;
	RunProgress progress;
	RunOutcome	outcome;
} Run;

/* The launcher's plan, published for snapshot_status(). */
typedef struct LauncherPlan
{
	TimestampTz next_slot;		/* 0 when the schedule is off */
	TimestampTz retry_at;		/* next attempt of a failed run; 0 for none */
	int			retry_attempt;
	char		retry_database[NAMEDATALEN];
	int			consecutive_failures;
} LauncherPlan;

/* What file_system_probe.c tries on a file system. */
typedef enum FileSystemStep
{
	FILE_SYSTEM_SYNC,			/* create, write and sync a file */
	FILE_SYSTEM_SYNC_DIRECTORY,
	FILE_SYSTEM_MODE,			/* chmod() has an effect */
	FILE_SYSTEM_LOCK,			/* flock() excludes other processes */
	FILE_SYSTEM_LINK,
	FILE_SYSTEM_REPLACE,		/* rename() over another file */
	FILE_SYSTEM_RENAME,			/* of a directory */
	FILE_SYSTEM_RENAME_OPEN,	/* of a directory with an open file in it */
	FILE_SYSTEM_UNLINK_OPEN,	/* of an open file */
	FILE_SYSTEM_STEPS
} FileSystemStep;

/* What a file system can do: for each step 0, or an error number. */
typedef struct FileSystem
{
	int			error[FILE_SYSTEM_STEPS];
} FileSystem;

/* The latest outcomes. */
typedef struct Outcomes
{
	TimestampTz last_success_at;	/* 0 for never */
	TimestampTz last_failure_at;	/* 0 for never */
	char		last_error[NAMEDATALEN + sizeof(RunError)];
	char		archive_error[NAMES_SIZE + sizeof(RunError)];	/* or "" */
} Outcomes;

extern void state_define(void);
extern bool state_exists(void);
extern TimestampTz state_made_at(void);
extern int	state_tranche(void);
extern bool state_after_crash(void);
extern double state_quiet_seconds(void);
extern bool state_underway_is_counted(void);
extern void state_set_underway_counted(void);
extern bool state_bases_are_checked(void);
extern void state_set_bases_checked(void);

extern void state_launcher_begin(void);
extern void state_launcher_end(void);
extern pid_t state_launcher_pid(void);
extern void state_set_file_system(const char *directory,
								  const FileSystem *file_system);
extern bool state_get_file_system(const char *directory,
								  FileSystem *file_system);
extern bool state_locks_are_local(void);
extern void state_set_plan(const LauncherPlan *plan);
extern void state_set_outcomes(const Outcomes *outcomes);
extern void state_get_plan(LauncherPlan *plan, Outcomes *outcomes);

extern void state_set_last_start(TimestampTz last_start);
extern bool state_find_slot(const char *database, TimestampTz slot, Run *run);
extern bool state_submit_snapshot(const RunRequest *request,
								  TimestampTz earliest, Run *run);
extern int	state_cancel(const char *database, uint64 *request);
extern bool state_get_canceled(uint64 request, int *count);
extern bool state_next_cancel(uint64 *request, char *database,
							  uint64 *last_run_id);
extern void state_cancel_done(uint64 request, int count);
extern bool state_submit_task(const RunRequest *request, Run *run);
extern bool state_submit_alert(const RunRequest *request,
							   const RunError *failure);
extern void state_cancel_run(uint64 id);
extern bool state_is_canceled(void);
extern void state_fail(uint64 id, RunState state, const RunError *error);
extern bool state_next_request(RunQueue queue, Run *run);
extern int	state_count_active(RunQueue queue);
extern bool state_is_worker(pid_t pid);
extern bool state_is_busy(const char *database);
extern bool state_first_running(Run *run);
extern bool state_get(uint64 id, Run *run);
extern void state_set_starting(uint64 id);
extern bool state_attach(uint64 id, Run *run);
extern bool state_begin_verifying(const char *name);
extern void state_set_program_version(const struct stat *file,
									  const char *version);
extern bool state_get_program_version(const struct stat *file, char *version);
extern void state_set_programs(const RunPrograms *programs);
extern bool state_find_programs(const char *token, Oid role,
								CopiesHandle *copies);
extern void state_set_name(const char *name);
extern void state_set_published(void);
extern void state_set_busy(void);
extern void state_set_scratch(const char *scratch);
extern void state_set_progress(const Progress *progress);
extern int	state_active_runs(Run **runs);
extern void state_finish(int64 size, const RunError *error, bool reported,
						 bool in_history);
extern void state_finish_lost(const RunError *error);
extern void state_describe_failure(char *text, size_t size,
								   const char *database,
								   const char *message, const char *detail);
extern bool state_collect(Run *run);
extern double state_seconds_taken(const Run *run);

extern void state_prepare_to_wait(void);
extern void state_wait(long timeout_ms);
extern void state_cancel_wait(void);

#endif							/* SNAPSHOT_WORKER_SHARED_STATE_H */
