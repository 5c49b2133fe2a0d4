/*-------------------------------------------------------------------------
 *
 * child_spawn.c
 *	  Start a child process that inherits nothing but three descriptors.
 *
 * We start it with posix_spawn(), which does not copy the address space,
 * however large the server's shared memory is, and runs no code of the server
 * between fork and exec.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "tools/child_spawn.h"

/* glibc has this since 2.34; other C libraries have no such macro. */
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
#define HAVE_ADDCLOSEFROM
#endif
#endif

/*
 * Set close-on-exec on all descriptors that the child must not inherit.
 * Returns 0 or an error number.
 */
static int
hide_descriptors(posix_spawn_file_actions_t *actions)
{
#ifdef HAVE_ADDCLOSEFROM
	return posix_spawn_file_actions_addclosefrom_np(actions, 3);
#else
	long		max = sysconf(_SC_OPEN_MAX);

	for (int fd = 3; fd < max; fd++)
	{
		int			flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0)
			return errno;
	}
	return 0;
#endif
}

/*
 * Start a program (argv[0] is its absolute path) in exactly this environment,
 * as the leader of a process group of its own.  A negative descriptor connects
 * standard input or output to /dev/null.  Returns its process ID, which the
 * caller reaps.  Raises an error if the program cannot be started.
 */
pid_t
child_spawn(char **argv, char **envp, int input, int output, int error)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t	all;
	sigset_t	none;
	pid_t		pid = 0;
	int			rc;

	memset(&actions, 0, sizeof(actions));
	memset(&attr, 0, sizeof(attr));
	sigfillset(&all);
	sigemptyset(&none);

	rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0)
		rc = posix_spawnattr_init(&attr);
	if (rc == 0 && input < 0)
		rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
											  "/dev/null", O_RDONLY, 0);
	if (rc == 0 && input >= 0)
		rc = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (rc == 0 && output < 0)
		rc = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO,
											  "/dev/null", O_WRONLY, 0);
	if (rc == 0 && output >= 0)
		rc = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(&attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
									  POSIX_SPAWN_SETSIGMASK |
									  POSIX_SPAWN_SETPGROUP);
	if (rc == 0)
		rc = hide_descriptors(&actions);
	if (rc == 0)
		rc = posix_spawn(&pid, argv[0], &actions, &attr, argv, envp);
	/* harmless after a failure of an init function */
	(void) posix_spawn_file_actions_destroy(&actions);
	(void) posix_spawnattr_destroy(&attr);
	if (rc != 0)
	{
		errno = rc;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not start \"%s\": %m", argv[0])));
	}
	return pid;
}
