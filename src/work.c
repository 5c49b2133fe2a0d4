/*-------------------------------------------------------------------------
 *
 * work.c
 *	  What all runs of a worker have in common: programs, phases, transactions.
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
#include "clock.h"
#include "hints.h"
#include "messages.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port.h"
#include "settings.h"
#include "shell.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "waits.h"
#include "work.h"

/* From the deadline of a run to the interrupt of what it is at. */
#define TIMEOUT_GRACE_SECONDS	2

/* How soon after a backend the server ends all its other processes. */
#define CRASH_WAIT_SECONDS	5

#define TIMEOUT_HINT \
	"Raise \"snapshot_worker.timeout\" if the database needs more time."

/* The PATH of administrators' commands, where the server has none. */
#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

static volatile sig_atomic_t timeout_passed = false;

/* Find out what every step needs to know. */
void
work_prepare(Work *work)
{
	struct passwd *os_user = getpwuid(geteuid());

	work->directory = settings_directory();
	work->bin_directory = settings_bin_directory();
	work->home = getenv("HOME");
	if (work->home == NULL || !is_absolute_path(work->home))
		work->home = os_user != NULL ? pstrdup(os_user->pw_dir) : "/";
	work->environment = commands_environment(work->bin_directory, work->home,
											 getenv("PGPASSFILE"));
}

/*
 * Return the environment of an administrator's command: the server's own, with
 * a PATH and a HOME where the server has none, and these variables
 * ("NAME=value", a list that is added to).  The result is palloc'd.
 *
 * Debian's pg_ctlcluster starts the server without either.  The shell then has
 * a PATH of its own, but does not export it, so that restic would find no ssh.
 */
char **
work_shell_environment(const Work *work, List *variables)
{
	const char *path = getenv("PATH");

	if (path == NULL || path[0] == '\0')
		variables = lappend(variables, pstrdup("PATH=" DEFAULT_PATH));
	variables = lappend(variables, psprintf("HOME=%s", work->home));
	return shell_environment(environ, variables);
}

static void
publish_progress(Work *work, double fraction)
{
	work->progress.percent = work->phase_from +
		(int) ((work->phase_to - work->phase_from) * Min(fraction, 1.0));
	state_set_progress(work->run.id, &work->progress);
}

/* A phase begins, which takes the run from one percentage to another. */
void
work_enter_phase(Work *work, const char *phase, int from, int to)
{
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("snapshot %s: %s", work->run.name, phase));
	memset(&work->progress, 0, sizeof(work->progress));
	strlcpy(work->progress.phase, phase, sizeof(work->progress.phase));
	work->phase_from = from;
	work->phase_to = to;
	publish_progress(work, 0);
}

/* So many bytes have been read in this phase, which is a fraction of it. */
void
work_note_bytes(Work *work, int64 bytes, double fraction)
{
	work->progress.bytes = bytes;
	publish_progress(work, fraction);
}

/* Interrupt this process, as a cancel does. */
static void
handle_timeout(void)
{
	timeout_passed = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/*
 * Stop the run unless this is called again within so many seconds; 0 is no
 * limit.  A program is stopped at the deadline, with what it said last.  All else
 * that takes time, such as waiting for a lock, reading files, or the server's own
 * CREATE DATABASE, is interrupted soon after that.
 */
void
work_limit_time(Work *work, int seconds)
{
	static TimeoutId timeout = MAX_TIMEOUTS;

	if (timeout == MAX_TIMEOUTS)
		timeout = RegisterTimeout(USER_TIMEOUT, handle_timeout);
	timeout_passed = false;
	disable_timeout(timeout, false);
	work->deadline = 0;
	if (seconds == 0)
		return;
	work->deadline = clock_seconds() + seconds;
	seconds = Min(seconds, INT_MAX / 1000 - TIMEOUT_GRACE_SECONDS);
	enable_timeout_after(timeout, (seconds + TIMEOUT_GRACE_SECONDS) * 1000);
}

/* Where an error is the interrupt of a run that took too long, let it say so. */
void
work_explain_timeout(ErrorData *edata)
{
	if (!timeout_passed || edata->sqlerrcode != ERRCODE_QUERY_CANCELED)
		return;
	edata->sqlerrcode = ERRCODE_OPERATOR_INTERVENTION;
	edata->message = psprintf("the run was stopped, since it took longer than %d s",
							  setting_timeout);
	edata->hint = pstrdup(TIMEOUT_HINT);
}

static void
timed_out(const char *what, const char *output)
{
	ereport(ERROR,
			(errcode(ERRCODE_OPERATOR_INTERVENTION),
			 errmsg("%s was stopped, since the run took longer than %d s",
					what, setting_timeout),
			 output[0] != '\0' ? errdetail_internal("%s", output) : 0,
			 errhint(TIMEOUT_HINT)));
}

/* Have the file of an item of the archive hashed, under whatever name it is. */
static void
note_file(Work *work, int item)
{
	static const char *const suffixes[] = {"", ".gz", ".lz4", ".zst"};

	for (size_t i = 0; i < lengthof(suffixes); i++)
	{
		char	   *path = psprintf("%s/%d.dat%s", work->archive, item,
									suffixes[i]);
		char	   *full = psprintf("%s/%s", work->staging.path, path);
		struct stat st;

		if (lstat(full, &st) == 0)
			hashing_add(work->hashing, path);
		pfree(full);
		pfree(path);
	}
}

/* Make known which table a program has come to. */
static void
note_table(Work *work, const char *line)
{
	char	   *table = messages_table_begun(line);
	Progress   *progress = &work->progress;
	int			item;

	if (table != NULL)
	{
		work->tables_begun++;
		strlcpy(progress->current_table, table,
				sizeof(progress->current_table));
		pfree(table);
	}
	else if (messages_is_table_finished(line, &item))
	{
		work->tables_finished++;
		if (work->hashing != NULL)
			note_file(work, item);
	}
	else
		return;

	progress->tables_done = Max(work->tables_finished,
								work->tables_begun - work->jobs);
	progress->tables_done = Max(progress->tables_done, 0);
	progress->tables_total = Max(progress->tables_total,
								 progress->tables_done);
	publish_progress(work, (double) progress->tables_done /
					 Max(progress->tables_total, 1));
}

static bool
want_line(void *arg, const char *line)
{
	Work	   *work = arg;

	work->in_remark = messages_is_remark(line, work->in_remark);
	if (work->in_remark)
		note_table(work, line);
	return !work->in_remark;
}

static bool
use_time(void *arg)
{
	Work	   *work = arg;

	return work->hashing != NULL && hashing_step(work->hashing);
}

static const char *
name_of(char **argv)
{
	return last_dir_separator(argv[0]) + 1;
}

/*
 * Run a program with these descriptors (see child_run()).  Returns whether it
 * ended well; if not, work_fail() raises that.  Raises an error when the
 * program is missing, or is stopped.
 */
bool
work_try_program(Work *work, char **argv, int input, int output,
				 ChildResult *result)
{
	ChildWatcher watcher = {want_line, use_time, work};
	char	  **environment = work->environment;

	if (access(argv[0], X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not find an executable \"%s\": %m", argv[0]),
				 errhint("Install the client programs of this server's version, or set \"snapshot_worker.bin_directory\" to where they are.")));

	work->in_remark = false;
	if (work->connection.options != NULL)
		environment = shell_environment(environment,
										list_make1(commands_options(&work->connection)));
	child_run(argv, environment, input, output, work->deadline,
			  &watcher, result);
	if (result->timed_out)
		timed_out(name_of(argv), result->output);
	if (result->status == 0 && output != CHILD_KEEP &&
		result->output[0] != '\0')
		ereport(WARNING,
				(errmsg("%s has something to say about database \"%s\"",
						name_of(argv), work->run.database),
				 errdetail_internal("%s", result->output)));
	return result->status == 0;
}

/*
 * A program has lost its connection.  Where that is since a backend has crashed,
 * the server is about to end this process, too.  Wait for that: the crash, and
 * not the program, is to be seen as the end of the run (see breaker.c).
 */
static void
wait_for_crash(void)
{
	for (int i = 0; i < CRASH_WAIT_SECONDS * 10; i++)
	{
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100,
						 waits_event(WAIT_CHILD));
		CHECK_FOR_INTERRUPTS();
	}
}

/* Raise the error of a program that work_try_program() has seen fail. */
void
work_fail(Work *work, char **argv, const ChildResult *result)
{
	const char *hint = hints_find(name_of(argv), result->output);

	/* libpq says so, in the locale that the program was given */
	if (strstr(result->output, "server closed the connection unexpectedly") != NULL)
		wait_for_crash();

	/* pg_dump does not say where */
	if (strstr(result->output, "No space left on device") != NULL)
		hint = psprintf("The disk under \"%s\" is full: make room there.",
						work->directory);
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("%s failed: %s", name_of(argv),
					wait_result_to_str(result->status)),
			 result->output[0] != '\0' ?
			 errdetail_internal("%s", result->output) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

/*
 * Run a program to its good end, and return its output; anything else is an
 * error.
 */
char *
work_run_program(Work *work, char **argv, bool want_stdout)
{
	ChildResult result;

	if (!work_try_program(work, argv, -1,
						  want_stdout ? CHILD_KEEP : CHILD_DISCARD, &result))
		work_fail(work, argv, &result);
	return result.output;
}

/*
 * Run a program that goes through so many tables, with so many jobs.  Otherwise
 * as work_try_program().
 */
bool
work_try_tables(Work *work, char **argv, int jobs, int64 total,
				ChildResult *result)
{
	work->tables_begun = 0;
	work->tables_finished = 0;
	work->jobs = Max(jobs, 1);
	work->progress.tables_total = total;
	publish_progress(work, 0);
	if (!work_try_program(work, argv, -1, CHILD_DISCARD, result))
		return false;

	/* with one job there is no word of the end of the last one */
	work->progress.tables_done = work->progress.tables_total;
	work->progress.current_table[0] = '\0';
	publish_progress(work, 1);
	return true;
}

/* Begin a transaction with an active MVCC snapshot. */
void
work_begin(void)
{
	MemoryContext caller = CurrentMemoryContext;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(caller);
}

/* Commit what work_begin() began. */
void
work_commit(void)
{
	MemoryContext caller = CurrentMemoryContext;

	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}
