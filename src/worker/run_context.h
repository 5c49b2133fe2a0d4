/*-------------------------------------------------------------------------
 *
 * run_context.h
 *	  What all runs of a worker have in common: programs, phases, transactions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RUN_CONTEXT_H
#define SNAPSHOT_WORKER_RUN_CONTEXT_H

#include "shmem/shared_state.h"
#include "shmem/table_copies.h"
#include "store/manifest.h"
#include "store/replace_file.h"
#include "store/staging.h"
#include "tools/child_process.h"
#include "tools/tool_args.h"
#include "worker/file_hashing.h"

/* All that a worker knows of its one run. */
typedef struct RunContext
{
	Run			run;
	bool		published;		/* from then on the run has succeeded */
	const RunError *verify_error;	/* with what was published, or NULL */
	Staging		staging;
	const char *archive;		/* relative to the staging directory */
	HardLinks	   *share;			/* with an earlier snapshot, or NULL */
	FileHashing    *hashing;		/* of what is staged, while there is that */
	Manifest	manifest;		/* of the snapshot that is taken */
	const char *directory;
	const char *bin_directory;
	const char *home;			/* of the server's operating system user */
	char	  **environment;
	double		deadline;		/* of clock_seconds(); 0 is none */
	int			held;			/* a snapshot that is read; see snapshot_lock.c */
	Replacement archived;		/* the file that will say so; see archived_mark.c */
	Connection	connection;
	bool		is_superuser;	/* the role that pg_dump connects as */
	Copies	   *copies;			/* of the program that connects, or NULL */
	Progress	progress;
	int			phase_from;		/* the percentages of the present phase */
	int			phase_to;
	int64		tables_begun;	/* by the program that is running */
	int64		tables_finished;
	int			jobs;			/* of that program */
	bool		in_remark;		/* its last line was none to keep */
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
extern char **run_shell_environment(const RunContext *cxt, List *variables);
extern char *run_program(RunContext *cxt, char **argv, bool want_stdout);
extern bool run_try_tables(RunContext *cxt, char **argv, int jobs, int64 total,
							ChildResult *result);
extern void run_begin_transaction(void);
extern void run_commit_transaction(void);

#endif							/* SNAPSHOT_WORKER_RUN_CONTEXT_H */
