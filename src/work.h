/*-------------------------------------------------------------------------
 *
 * work.h
 *	  What all runs of a worker have in common: programs, phases, transactions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_WORK_H
#define SNAPSHOT_WORKER_WORK_H

#include "child.h"
#include "commands.h"
#include "copies.h"
#include "hashing.h"
#include "manifest.h"
#include "replace.h"
#include "shared_state.h"
#include "staging.h"

/* All that a worker knows of its one run. */
typedef struct Work
{
	Run			run;
	bool		published;		/* from then on the run has succeeded */
	const RunError *verify_error;	/* with what was published, or NULL */
	Staging		staging;
	const char *archive;		/* relative to the staging directory */
	Share	   *share;			/* with an earlier snapshot, or NULL */
	Hashing    *hashing;		/* of what is staged, while there is that */
	Manifest	manifest;		/* of the snapshot that is taken */
	const char *directory;
	const char *bin_directory;
	const char *home;			/* of the server's operating system user */
	char	  **environment;
	double		deadline;		/* of clock_seconds(); 0 is none */
	int			held;			/* a snapshot that is read; see hold.c */
	Replacement archived;		/* the file that will say so; see archived.c */
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
} Work;

extern void work_prepare(Work *work);
extern void work_enter_phase(Work *work, const char *phase, int from, int to);
extern void work_note_bytes(Work *work, int64 bytes, double fraction);
extern void work_limit_time(Work *work, int seconds);
extern void work_explain_timeout(ErrorData *edata);
extern bool work_try_program(Work *work, char **argv, int input, int output,
							 ChildResult *result);
extern void work_fail(Work *work, char **argv,
					  const ChildResult *result);
extern char **work_shell_environment(const Work *work, List *variables);
extern char *work_run_program(Work *work, char **argv, bool want_stdout);
extern bool work_try_tables(Work *work, char **argv, int jobs, int64 total,
							ChildResult *result);
extern void work_begin(void);
extern void work_commit(void);

#endif							/* SNAPSHOT_WORKER_WORK_H */
