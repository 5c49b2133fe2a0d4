/*
 * A library to preload: below the directory that FS_ROOT names, files behave as
 * on the file system that FS_KIND names.
 *
 *		vfat		chmod() fails, and there are no hard links
 *		vfat_quiet	chmod() succeeds without an effect, no hard links
 *		smb			a directory in which a file is open cannot be renamed
 *		nfs			there are no locks, and an open file that is removed gets
 *					a name .nfs... until it is closed
 *		fuse		directories cannot be synced, there are no hard links, and an
 *					open file that is removed gets a name .fuse_hidden...
 *		fake_locks	locks succeed, and lock nothing
 *		no_sync		files cannot be synced
 *		slow		each unlink() takes a fifth of a second
 *
 * Which files are open is read from /proc, of all processes of the user.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
is_kind(const char *kind)
{
	const char *set = getenv("FS_KIND");

	return set != NULL && strcmp(set, kind) == 0;
}

static int
is_below(const char *path, const char *root)
{
	size_t		len = root == NULL ? 0 : strlen(root);

	return len > 0 && strncmp(path, root, len) == 0 &&
		(path[len] == '/' || path[len] == '\0');
}

static int
is_ours(const char *path)
{
	return is_below(path, getenv("FS_ROOT"));
}

/* The path of an open file, or "". */
static const char *
path_of(const char *process, const char *fd, char *path)
{
	char		link[PATH_MAX];
	ssize_t		len;

	snprintf(link, sizeof(link), "/proc/%s/fd/%s", process, fd);
	len = readlink(link, path, PATH_MAX - 1);
	path[len < 0 ? 0 : len] = '\0';
	return path;
}

/* Has a process that we may look at something open at or below a path? */
static int
is_open(const char *wanted, int below)
{
	DIR		   *processes = opendir("/proc");
	struct dirent *process;
	int			found = 0;

	while (processes != NULL && !found &&
		   (process = readdir(processes)) != NULL)
	{
		char		name[PATH_MAX];
		DIR		   *fds;
		struct dirent *fd;

		if (process->d_name[0] < '1' || process->d_name[0] > '9')
			continue;
		snprintf(name, sizeof(name), "/proc/%s/fd", process->d_name);
		fds = opendir(name);
		while (fds != NULL && !found && (fd = readdir(fds)) != NULL)
		{
			char		path[PATH_MAX];

			path_of(process->d_name, fd->d_name, path);
			found = strcmp(path, wanted) == 0 ? !below :
				below && is_below(path, wanted);
		}
		if (fds != NULL)
			closedir(fds);
	}
	if (processes != NULL)
		closedir(processes);
	return found;
}

static const char *
hidden_prefix(void)
{
	return is_kind("nfs") ? ".nfs" : is_kind("fuse") ? ".fuse_hidden" : NULL;
}

static int
is_hidden(const char *path)
{
	const char *slash = strrchr(path, '/');

	return hidden_prefix() != NULL && slash != NULL && is_ours(path) &&
		strncmp(slash + 1, hidden_prefix(), strlen(hidden_prefix())) == 0;
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

int
chmod(const char *path, mode_t mode)
{
	if (is_ours(path) && is_kind("vfat"))
		return fail(EPERM);
	if (is_ours(path) && is_kind("vfat_quiet"))
		return 0;
	return syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

int
link(const char *from, const char *to)
{
	if (is_ours(to) &&
		(is_kind("vfat") || is_kind("vfat_quiet") || is_kind("fuse")))
		return fail(EPERM);
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
rename(const char *from, const char *to)
{
	struct stat st;

	if (is_ours(from) && is_kind("smb") && lstat(from, &st) == 0 &&
		S_ISDIR(st.st_mode) && is_open(from, 1))
		return fail(EACCES);
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int
flock(int fd, int operation)
{
	char		number[16];
	char		path[PATH_MAX];

	snprintf(number, sizeof(number), "%d", fd);
	if (is_ours(path_of("self", number, path)))
	{
		if (is_kind("nfs"))
			return fail(ENOLCK);
		if (is_kind("fake_locks"))
			return 0;
	}
	return syscall(SYS_flock, fd, operation);
}

int
fsync(int fd)
{
	char		number[16];
	char		path[PATH_MAX];
	struct stat st;

	snprintf(number, sizeof(number), "%d", fd);
	if (is_ours(path_of("self", number, path)))
	{
		if (is_kind("fuse") && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return fail(EINVAL);
		if (is_kind("no_sync"))
			return fail(EIO);
	}
	return syscall(SYS_fsync, fd);
}

int
unlink(const char *path)
{
	static unsigned int count = 0;
	const char *slash = strrchr(path, '/');

	if (is_ours(path) && is_kind("slow"))
		usleep(200000);
	if (is_ours(path) && hidden_prefix() != NULL && slash != NULL &&
		is_open(path, 0))
	{
		char		hidden[PATH_MAX + 64];

		if (is_hidden(path))
			return fail(EBUSY);
		snprintf(hidden, sizeof(hidden), "%.*s/%s%08x%08x",
				 (int) (slash - path), path, hidden_prefix(),
				 (unsigned int) getpid(), ++count);
		return renameat(AT_FDCWD, path, AT_FDCWD, hidden);
	}
	return unlinkat(AT_FDCWD, path, 0);
}

int
close(int fd)
{
	char		number[16];
	char		path[PATH_MAX];
	int			hidden;
	int			rc;

	if (hidden_prefix() == NULL)
		return syscall(SYS_close, fd);
	snprintf(number, sizeof(number), "%d", fd);
	hidden = is_hidden(path_of("self", number, path));
	rc = syscall(SYS_close, fd);
	if (hidden)
	{
		int			save_errno = errno;

		if (!is_open(path, 0))
			(void) unlinkat(AT_FDCWD, path, 0);
		errno = save_errno;
	}
	return rc;
}
