/*-------------------------------------------------------------------------
 *
 * child_stream.c
 *	  Read the standard output of a child process as it comes.
 *
 * A backend that reads rows through a program reads it over many calls of a
 * function, and can stop at any of them: by LIMIT, by an error, by the end of
 * its session.  The stream therefore belongs to a memory context.  When that
 * is reset or deleted, the child is killed and reaped.  It only reads files,
 * so that it needs no grace.
 *
 * The child's standard error comes through a second pipe.  A wait for the
 * output drains it, so that a full pipe cannot block the child.
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

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "tools/child_output.h"
#include "tools/child_spawn.h"
#include "tools/child_stream.h"
#include "util/compat.h"
#include "util/wait_events.h"

/* Between two looks at a child that has closed its output but still runs. */
#define EXIT_WAIT_MS	10

struct ChildStream
{
	pid_t		pid;			/* 0 once reaped */
	int			output;			/* read ends of pipes, or -1 */
	int			errors;
	int			output_end;		/* write ends, until the child has them */
	int			errors_end;
	WaitEventSet *events;		/* of the open pipes, or NULL */
	ChildOutput text;			/* from the standard error */
	MemoryContextCallback callback;
};

/* Close a descriptor that create_pipe() has made. */
static void
close_end(int *fd)
{
	if (*fd < 0)
		return;
	(void) close(*fd);
	ReleaseExternalFD();
	*fd = -1;
}

static void
forget_events(ChildStream *stream)
{
	if (stream->events != NULL)
		FreeWaitEventSet(stream->events);
	stream->events = NULL;
}

/* Reap the child.  Returns false, with errno, if that fails. */
static bool
reap(ChildStream *stream, int *status)
{
	pid_t		pid;

	do
	{
		pid = waitpid(stream->pid, status, 0);
	} while (pid < 0 && errno == EINTR);
	stream->pid = 0;
	return pid > 0;
}

/* Stop the child, if it still runs, and release all resources. */
static void
stop_stream(void *arg)
{
	ChildStream *stream = arg;
	int			status;

	if (stream->pid != 0)
	{
		(void) kill(-stream->pid, SIGKILL);
		(void) reap(stream, &status);
	}
	forget_events(stream);
	close_end(&stream->output);
	close_end(&stream->errors);
	close_end(&stream->output_end);
	close_end(&stream->errors_end);
}

static void
create_pipe(int *read_end, int *write_end)
{
	int			fds[2];

	for (int i = 0; i < 2; i++)
	{
		if (!AcquireExternalFD())
		{
			if (i > 0)
				ReleaseExternalFD();
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not create pipe: %m")));
		}
	}
	if (pipe(fds) != 0)
	{
		ReleaseExternalFD();
		ReleaseExternalFD();
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create pipe: %m")));
	}
	*read_end = fds[0];
	*write_end = fds[1];
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0 ||
		fcntl(fds[0], F_SETFD, FD_CLOEXEC) != 0 ||
		fcntl(fds[1], F_SETFD, FD_CLOEXEC) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set up pipe: %m")));
}

/*
 * Start a program (argv[0] is its absolute path) in exactly this environment.
 * "input" becomes its standard input (/dev/null if negative).  The stream
 * lives in the current memory context, whose reset stops the program.  Raises
 * an error if the program cannot be started.
 */
ChildStream *
child_stream_begin(char **argv, char **envp, int input)
{
	ChildStream *stream = palloc0(sizeof(ChildStream));

	stream->output = stream->errors = -1;
	stream->output_end = stream->errors_end = -1;
	child_output_init(&stream->text, NULL, NULL);
	stream->callback.func = stop_stream;
	stream->callback.arg = stream;
	MemoryContextRegisterResetCallback(CurrentMemoryContext,
									   &stream->callback);
	create_pipe(&stream->output, &stream->output_end);
	create_pipe(&stream->errors, &stream->errors_end);
	stream->pid = child_spawn(argv, envp, input, stream->output_end,
							  stream->errors_end);
	close_end(&stream->output_end);
	close_end(&stream->errors_end);
	return stream;
}

/* The events to wait for: the latch, and the pipes that are open. */
static void
collect_events(ChildStream *stream)
{
	stream->events = compat_create_wait_event_set(4);
	AddWaitEventToSet(stream->events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch,
					  NULL);
	AddWaitEventToSet(stream->events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET,
					  NULL, NULL);
	if (stream->output >= 0)
		AddWaitEventToSet(stream->events, WL_SOCKET_READABLE, stream->output,
						  NULL, NULL);
	if (stream->errors >= 0)
		AddWaitEventToSet(stream->events, WL_SOCKET_READABLE, stream->errors,
						  NULL, NULL);
}

/* Wait for output or an interrupt, and drain the standard error. */
static void
wait_for_event(ChildStream *stream)
{
	WaitEvent	events[4];
	int			count;

	if (stream->events == NULL)
		collect_events(stream);
	count = WaitEventSetWait(stream->events, -1, events, lengthof(events),
							 wait_event(WAIT_CHILD));
	for (int i = 0; i < count; i++)
	{
		if ((events[i].events & WL_LATCH_SET) != 0)
			ResetLatch(MyLatch);
		else if (events[i].fd == stream->errors &&
				 !child_output_drain(&stream->text, stream->errors))
		{
			forget_events(stream);
			close_end(&stream->errors);
		}
	}
	CHECK_FOR_INTERRUPTS();
}

/*
 * Read up to "size" bytes of the output, after a wait if there are none yet.
 * Returns 0 at its end.  Raises an error if it cannot be read, and whatever
 * interrupts raise.
 */
size_t
child_stream_read(ChildStream *stream, char *buffer, size_t size)
{
	CHECK_FOR_INTERRUPTS();
	while (stream->output >= 0)
	{
		ssize_t		n = read(stream->output, buffer, size);

		if (n > 0)
			return n;
		if (n == 0)
		{
			forget_events(stream);
			close_end(&stream->output);
		}
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			wait_for_event(stream);
		else if (errno != EINTR)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read output of child process: %m")));
	}
	return 0;
}

/* Has the child exited?  Leaves it unreaped. */
static bool
has_exited(const ChildStream *stream)
{
	siginfo_t	info;

	memset(&info, 0, sizeof(info));
	if (waitid(P_PID, stream->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return errno != EINTR;
	return info.si_pid == stream->pid;
}

/*
 * After the end of the output, wait until the program exits.  Sets *status as
 * waitpid() does, and returns the last lines of its standard error, palloc'd.
 */
char *
child_stream_end(ChildStream *stream, int *status)
{
	while (stream->errors >= 0)
		wait_for_event(stream);
	while (!has_exited(stream))
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 EXIT_WAIT_MS, wait_event(WAIT_CHILD));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (!reap(stream, status))
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not wait for child process: %m")));
	return child_output_finish(&stream->text);
}
