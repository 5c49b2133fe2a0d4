/*-------------------------------------------------------------------------
 *
 * run_context.c
 *	  The state of a worker's run: programs, phases, time limit, transactions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "settings.h"
#include "tools/shell_command.h"
#include "tools/tool_hints.h"
#include "tools/tool_output.h"
#include "util/clock.h"
#include "util/wait_events.h"
#include "worker/run_context.h"

/* Time from the deadline of a run to the interrupt of its current step. */
#define TIMEOUT_GRACE_SECONDS	2

/*
 * Within this time after the crash of a backend, the server ends all others.
 */
#define CRASH_WAIT_SECONDS	5

#define TIMEOUT_HINT \
	"Raise \"snapshot_worker.timeout\" if the database needs more time."

/* PATH for administrators' commands if the server has none. */
#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

static volatile sig_atomic_t timeout_passed = false;

/* Collect what every step needs. */
void
run_prepare(RunContext *cxt)
{
	struct passwd *os_user = getpwuid(geteuid());

	cxt->directory = settings_directory();
	cxt->bin_directory = settings_bin_directory();
	cxt->home = getenv("HOME");
	if (cxt->home == NULL || !is_absolute_path(cxt->home))
		cxt->home = os_user != NULL ? pstrdup(os_user->pw_dir) : "/";
	cxt->environment = tool_args_environment(cxt->bin_directory, cxt->home,
											 getenv("PGPASSFILE"));
}

/*
 * Return the environment of an administrator's command: the server's own, with
 * a default PATH and HOME if the server has none, plus these variables
 * ("NAME=value"; the list is extended).  The result is palloc'd.  Debian's
 * pg_ctlcluster starts the server without PATH and HOME.  The shell then sets
 * a PATH but does not export it, so restic, for example, would not find ssh.
 */
char **
run_shell_environment(const RunContext *cxt, List *variables)
{
	const char *path = getenv("PATH");

	if (path == NULL || path[0] == '\0')
		variables = lappend(variables, pstrdup("PATH=" DEFAULT_PATH));
	variables = lappend(variables, psprintf("HOME=%s", cxt->home));
	return shell_environment(environ, variables);
}

static void
publish_progress(RunContext *cxt, double fraction)
{
	cxt->progress.percent = cxt->phase_from +
		(int) ((cxt->phase_to - cxt->phase_from) * Min(fraction, 1.0));
	state_set_progress(&cxt->progress);
}

/* Begin a phase, which takes the run from one percentage to another. */
void
run_enter_phase(RunContext *cxt, const char *phase, int from, int to)
{
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("snapshot %s: %s", cxt->run.request.name, phase));
	memset(&cxt->progress, 0, sizeof(cxt->progress));
	strlcpy(cxt->progress.phase, phase, sizeof(cxt->progress.phase));
	cxt->phase_from = from;
	cxt->phase_to = to;
	publish_progress(cxt, 0);
}

/*
 * Report how many bytes this phase has read, and which fraction of it is done.
 */
void
run_report_bytes(RunContext *cxt, int64 bytes, double fraction)
{
	cxt->progress.bytes = bytes;
	publish_progress(cxt, fraction);
}

/* Interrupt this process as a cancel request would. */
static void
handle_timeout(void)
{
	timeout_passed = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/*
 * Limit the run to so many seconds from now; 0 means no limit.  Another call
 * replaces the limit.  A program is stopped at the deadline, and its last
 * output is reported.  Any other step, such as waiting for a lock, reading
 * files, or the server's own CREATE DATABASE, is interrupted shortly
 * afterwards.
 */
void
run_limit_time(RunContext *cxt, int seconds)
{
	static TimeoutId timeout = MAX_TIMEOUTS;

	if (timeout == MAX_TIMEOUTS)
		timeout = RegisterTimeout(USER_TIMEOUT, handle_timeout);
	timeout_passed = false;
	disable_timeout(timeout, false);
	cxt->deadline = 0;
	if (seconds == 0)
		return;
	cxt->deadline = clock_seconds() + seconds;
	seconds = Min(seconds, INT_MAX / 1000 - TIMEOUT_GRACE_SECONDS);
	enable_timeout_after(timeout, (seconds + TIMEOUT_GRACE_SECONDS) * 1000);
}

/*
 * If an error is the interrupt of a run that exceeded its time limit, let it
 * say so.
 */
void
run_explain_timeout(ErrorData *edata)
{
	if (!timeout_passed || edata->sqlerrcode != ERRCODE_QUERY_CANCELED)
		return;
	edata->sqlerrcode = ERRCODE_OPERATOR_INTERVENTION;
	edata->message = psprintf("canceling the run due to \"snapshot_worker.timeout\" (%d s)",
							  setting_timeout);
	edata->hint = pstrdup(TIMEOUT_HINT);
}

static void
timed_out(const char *what, const char *output)
{
	ereport(ERROR,
			(errcode(ERRCODE_OPERATOR_INTERVENTION),
			 errmsg("canceling %s due to \"snapshot_worker.timeout\" (%d s)",
					what, setting_timeout),
			 output[0] != '\0' ? errdetail_internal("%s", output) : 0,
			 errhint(TIMEOUT_HINT)));
}

/* Queue the file of a dump item for hashing, whatever its suffix. */
static void
note_file(RunContext *cxt, int item)
{
	static const char *const suffixes[] = {"", ".gz", ".lz4", ".zst"};

	for (size_t i = 0; i < lengthof(suffixes); i++)
	{
		char	   *path = psprintf("%s/%d.dat%s", cxt->archive, item,
									suffixes[i]);
		char	   *full = psprintf("%s/%s", cxt->staging.path, path);
		struct stat st;

		if (lstat(full, &st) == 0)
			file_hashing_add(cxt->hashing, path);
		pfree(full);
		pfree(path);
	}
}

/* Publish which table a program is working on. */
static void
note_table(RunContext *cxt, const char *line)
{
	char	   *table = tool_output_table_begun(line);
	Progress   *progress = &cxt->progress;
	int			item;

	if (table != NULL)
	{
		cxt->tables_begun++;
		strlcpy(progress->current_table, table,
				sizeof(progress->current_table));
		pfree(table);
	}
	else if (tool_output_is_table_finished(line, &item))
	{
		cxt->tables_finished++;
		if (cxt->hashing != NULL)
			note_file(cxt, item);
	}
	else
		return;

	progress->tables_done = Max(cxt->tables_finished,
								cxt->tables_begun - cxt->jobs);
	progress->tables_done = Max(progress->tables_done, 0);
	progress->tables_total = Max(progress->tables_total,
								 progress->tables_done);
	publish_progress(cxt, (double) progress->tables_done /
					 Max(progress->tables_total, 1));
}

static bool
want_line(void *arg, const char *line)
{
	RunContext *cxt = arg;

	if (cxt->errors != NULL)
		restore_errors_line(cxt->errors, line);
	cxt->in_remark = tool_output_is_remark(line, cxt->in_remark);
	if (cxt->in_remark)
		note_table(cxt, line);
	return !cxt->in_remark;
}

static bool
use_time(void *arg)
{
	RunContext *cxt = arg;

	return cxt->hashing != NULL && file_hashing_step(cxt->hashing);
}

static const char *
name_of(char **argv)
{
	return last_dir_separator(argv[0]) + 1;
}

/*
 * Run a program with these descriptors (see child_run()).  Returns whether it
 * succeeded; if not, call run_fail() to raise the error.  Raises an error when
 * the program is missing or is stopped.
 */
bool
run_try_program(RunContext *cxt, char **argv, int input, int output,
				ChildResult *result)
{
	ChildWatcher watcher = {want_line, use_time, cxt};
	char	  **environment = cxt->environment;

	if (access(argv[0], X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not find an executable \"%s\": %m", argv[0]),
				 errhint("Install the client programs of this server's version, or set \"snapshot_worker.bin_directory\" to where they are.")));

	cxt->in_remark = false;
	if (cxt->connection.options != NULL)
		environment = shell_environment(environment,
										list_make1(tool_args_options(&cxt->connection)));
	child_run(argv, environment, input, output, cxt->deadline,
			  &watcher, result);
	if (result->timed_out)
		timed_out(name_of(argv), result->output);
	if (result->status == 0 && output != CHILD_KEEP &&
		result->output[0] != '\0')
		ereport(WARNING,
				(errmsg("%s reported warnings for database \"%s\"",
						name_of(argv), cxt->run.request.database),
				 errdetail_internal("%s", result->output)));
	return result->status == 0;
}

/*
 * Wait for a possible crash restart after a program has lost its connection.
 * If the connection was lost because a backend crashed, the server is about to
 * end this process, too.  The run must then end by the crash, not by the
 * program's error (see crash_breaker.c).
 */
static void
wait_for_crash(void)
{
	for (int i = 0; i < CRASH_WAIT_SECONDS * 10; i++)
	{
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100,
						 wait_event(WAIT_CHILD));
		CHECK_FOR_INTERRUPTS();
	}
}

/* Raise the error of a program that run_try_program() reported as failed. */
void
run_fail(RunContext *cxt, char **argv, const ChildResult *result)
{
	run_fail_with_advice(cxt, argv, result, NULL);
}

/* As run_fail(); the hint ends with this advice, unless that is NULL. */
void
run_fail_with_advice(RunContext *cxt, char **argv, const ChildResult *result,
					 const char *advice)
{
	const char *hint = tool_hint(name_of(argv), result->output);

	/* libpq's message, in the locale that we gave the program */
	if (strstr(result->output, "server closed the connection unexpectedly") != NULL)
		wait_for_crash();

	/* pg_dump does not say on which file system */
	if (strstr(result->output, "No space left on device") != NULL)
		hint = psprintf("The disk that holds \"%s\" is full: free some space there.",
						cxt->directory);
	if (advice != NULL)
		hint = hint == NULL ? advice : psprintf("%s %s", hint, advice);
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("%s failed: %s", name_of(argv),
					wait_result_to_str(result->status)),
			 result->output[0] != '\0' ?
			 errdetail_internal("%s", result->output) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Run a program and return its output.  Raises an error unless it succeeds. */
char *
run_program(RunContext *cxt, char **argv, bool want_stdout)
{
	ChildResult result;

	if (!run_try_program(cxt, argv, -1,
						 want_stdout ? CHILD_KEEP : CHILD_DISCARD, &result))
		run_fail(cxt, argv, &result);
	return result.output;
}

/*
 * Run a program that processes so many tables with so many jobs.  Otherwise as
 * run_try_program().
 */
bool
run_try_tables(RunContext *cxt, char **argv, int jobs, int64 total,
			   ChildResult *result)
{
	cxt->tables_begun = 0;
	cxt->tables_finished = 0;
	cxt->jobs = Max(jobs, 1);
	cxt->progress.tables_total = total;
	publish_progress(cxt, 0);
	if (!run_try_program(cxt, argv, -1, CHILD_DISCARD, result))
		return false;

	/* with one job, the end of the last table is not reported */
	cxt->progress.tables_done = cxt->progress.tables_total;
	cxt->progress.current_table[0] = '\0';
	publish_progress(cxt, 1);
	return true;
}

/* Begin a transaction with an active MVCC snapshot. */
void
run_begin_transaction(void)
{
	MemoryContext caller = CurrentMemoryContext;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(caller);
}

/* Commit the transaction that run_begin_transaction() began. */
void
run_commit_transaction(void)
{
	MemoryContext caller = CurrentMemoryContext;

	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}
