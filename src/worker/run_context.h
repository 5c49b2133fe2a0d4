/*-------------------------------------------------------------------------
 *
 * run_context.h
 *	  The state of a worker's run: programs, phases, time limit, transactions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RUN_CONTEXT_H
#define SNAPSHOT_WORKER_RUN_CONTEXT_H

#include "shmem/shared_state.h"
#include "shmem/restore_notes.h"
#include "store/manifest.h"
#include "store/replace_file.h"
#include "store/staging.h"
#include "tools/child_process.h"
#include "tools/restore_errors.h"
#include "tools/tool_args.h"
#include "worker/file_hashing.h"

/* See base_files.h. */
typedef struct Incremental Incremental;

/* All that a worker knows of its run. */
typedef struct RunContext
{
	Run			run;			/* a copy of MyRun, with the same changes */
	const RunError *verify_error;	/* of the published snapshot, or NULL */
	Staging		staging;
	const char *archive;		/* dump, relative to the staging path */
	HardLinks  *share;			/* links to an earlier snapshot, or NULL */
	FileHashing *hashing;		/* of the staged files, or NULL */
	Manifest	manifest;		/* of the snapshot being taken */
	const char *directory;
	const char *bin_directory;
	const char *home;			/* of the server's operating system user */
	char	  **environment;
	double		deadline;		/* as clock_seconds(); 0 means none */
	int			held;			/* lock on a snapshot; see snapshot_lock.c */
	Replacement archived;		/* archived.json to be; see marks.c */
	Connection	connection;
	bool		is_superuser;	/* is pg_dump's role a superuser? */
	Copies	   *copies;			/* of the connected program, or NULL */
	RestoreNotes *notes;		/* of its sessions, if it restores, or NULL */
	RestoreErrors *errors;		/* reads the program's output, or NULL */
	struct RememberedGlobals *globals;	/* of the new globals.sql, or NULL */
	Incremental *incremental;	/* NULL where the run cannot be incremental */
	Progress	progress;
	int			phase_from;		/* percentages of the current phase */
	int			phase_to;
	int64		tables_begun;	/* by the running program */
	int64		tables_finished;
	int			jobs;			/* of the running program */
	bool		in_remark;		/* the last line was --verbose chatter */
} RunContext;

extern void run_prepare(RunContext *cxt);
extern void run_enter_phase(RunContext *cxt, const char *phase, int from, int to);
extern void run_report_bytes(RunContext *cxt, int64 bytes, double fraction);
extern void run_limit_time(RunContext *cxt, int seconds);
extern void run_explain_timeout(ErrorData *edata);
extern bool run_try_program(RunContext *cxt, char **argv, int input, int output,
							ChildResult *result);
extern void run_fail(RunContext *cxt, char **argv,
					 const ChildResult *result);
extern void run_fail_with_advice(RunContext *cxt, char **argv,
								 const ChildResult *result,
								 const char *advice);
extern char **run_shell_environment(const RunContext *cxt, List *variables);
extern char *run_program(RunContext *cxt, char **argv, bool want_stdout);
extern bool run_try_tables(RunContext *cxt, char **argv, int jobs, int64 total,
						   ChildResult *result);
extern void run_begin_transaction(void);
extern void run_commit_transaction(void);

#endif							/* SNAPSHOT_WORKER_RUN_CONTEXT_H */
