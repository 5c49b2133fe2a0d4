/*-------------------------------------------------------------------------
 *
 * child_process.c
 *	  Start, drain, time out, stop and reap one child process.
 *
 * A process has at most one such child at a time.  Its standard error comes
 * back through a pipe that we drain while it runs, keeping the last lines.
 *
 * The exit of a child and the end of its output are two events that come in
 * either order, because a grandchild may hold the pipe open.  The child is
 * left unreaped until both have come, so that the number of its process group,
 * which it leads, cannot be reused before we have signaled it for the last
 * time.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/procsignal.h"

#include "tools/child_output.h"
#include "tools/child_process.h"
#include "tools/child_spawn.h"
#include "util/clock.h"
#include "util/wait_events.h"

/* From SIGTERM to SIGKILL, and from a child's exit to that of its group. */
#define GRACE_SECONDS		5

/* Cap on each wait, should a signal go missing. */
#define WAIT_MS				1000

/* The child to stop when this process exits, or 0. */
static pid_t child_pid = 0;

static void
handle_child_exit(SIGNAL_ARGS)
{
	int			save_errno = errno;

	SetLatch(MyLatch);
	errno = save_errno;
}

/* Set this process's latch when a child exits.  Call before running one. */
void
child_init(void)
{
	pqsignal(SIGCHLD, handle_child_exit);
}

/* Has the child exited?  Leaves it unreaped. */
static bool
has_exited(void)
{
	siginfo_t	info;

	memset(&info, 0, sizeof(info));
	if (waitid(P_PID, child_pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return errno != EINTR;
	return info.si_pid == child_pid;
}

/* Reap the child.  Returns false, with errno, if there was no child. */
static bool
reap_child(int *status)
{
	pid_t		pid;

	do
	{
		pid = waitpid(child_pid, status, 0);
	} while (pid < 0 && errno == EINTR);
	child_pid = 0;
	return pid > 0;
}

static void
signal_group(int signo)
{
	/* Fails if the group is empty, which does not matter. */
	(void) kill(-child_pid, signo);
}

/*
 * Stop the child and its whole process group, if any, and reap it: SIGTERM,
 * some seconds of grace, SIGKILL.  Needs no latch and handles no interrupts,
 * so that it can be called while this process exits.
 */
void
child_stop(void)
{
	int			status;

	if (child_pid == 0)
		return;

	/* a child that outlives the postmaster blocks the start of another one */
	signal_group(PostmasterIsAlive() ? SIGTERM : SIGKILL);
	for (int i = 0; i < GRACE_SECONDS * 100 && !has_exited(); i++)
	{
		/* the process that emitted a barrier waits for all processes */
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
		pg_usleep(10000L);
	}
	signal_group(SIGKILL);
	(void) reap_child(&status);
}

/* Wait for output, our latch, or the timeout. */
static void
wait_for_event(int fd, long timeout)
{
	int			events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;

	if (fd >= 0)
		events |= WL_SOCKET_READABLE;
	(void) WaitLatchOrSocket(MyLatch, events, fd < 0 ? PGINVALID_SOCKET : fd,
							 timeout, wait_event(WAIT_CHILD));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Wait until the child has exited and its output has ended, or stop it. */
static void
supervise_child(int fd, double deadline, const ChildWatcher *watcher,
				ChildOutput *output, ChildResult *result)
{
	bool		open = true;
	bool		exited = false;
	bool		busy = false;
	double		group_deadline = 0;

	while (!exited || open)
	{
		wait_for_event(open ? fd : -1, busy ? 0 : WAIT_MS);

		/*
		 * In this order: output written before the exit is then in the pipe.
		 */
		if (!exited && has_exited())
		{
			exited = true;
			group_deadline = clock_seconds() + GRACE_SECONDS;
		}
		if (open)
			open = child_output_drain(output, fd);

		if (exited && open && clock_seconds() >= group_deadline)
			break;				/* it left processes in its group behind */
		if (!exited && deadline > 0 && clock_seconds() >= deadline)
		{
			result->timed_out = true;
			child_stop();
			break;
		}
		busy = !exited && watcher != NULL && watcher->use_time(watcher->arg);
	}
	if (result->timed_out)
		return;
	signal_group(SIGKILL);
	if (!reap_child(&result->status))
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not wait for child process: %m")));
}

/*
 * Run a program (argv[0] is its absolute path) in exactly this environment,
 * and wait until it exits.  Stop it at the deadline (on clock_seconds(); 0
 * means none).  "input" becomes its standard input (/dev/null if negative);
 * its standard output goes to output_fd, or as CHILD_DISCARD and CHILD_KEEP
 * say.  The result has the last lines of its standard error and kept output.
 * The watcher, which may be NULL, sees the beginning of each line as it comes,
 * and can use the time in between.
 *
 * The program's failure is a result, not an error.  Raises an error if the
 * program cannot be started, and whatever interrupts raise; the program has
 * been stopped then.
 */
void
child_run(char **argv, char **envp, int input, int output_fd,
		  double deadline, const ChildWatcher *watcher, ChildResult *result)
{
	ChildOutput output;
	int			fds[2];
	volatile bool write_end_open = true;

	Assert(child_pid == 0);
	memset(result, 0, sizeof(*result));
	if (watcher != NULL)
		child_output_init(&output, watcher->want_line, watcher->arg);
	else
		child_output_init(&output, NULL, NULL);

	/* both ends of the pipe */
	ReserveExternalFD();
	ReserveExternalFD();
	if (pipe(fds) != 0)
	{
		ReleaseExternalFD();
		ReleaseExternalFD();
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create pipe: %m")));
	}
	PG_TRY();
	{
		if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not set up pipe: %m")));
		child_pid = child_spawn(argv, envp, input,
								output_fd == CHILD_KEEP ? fds[1] : output_fd,
								fds[1]);
		(void) close(fds[1]);
		write_end_open = false;
		supervise_child(fds[0], deadline, watcher, &output, result);
	}
	PG_FINALLY();
	{
		child_stop();
		(void) close(fds[0]);
		if (write_end_open)
			(void) close(fds[1]);
		ReleaseExternalFD();
		ReleaseExternalFD();
	}
	PG_END_TRY();

	result->output = child_output_finish(&output);
}
