/*
 * A library to preload: writes down, in the order in which they happen, what is
 * opened for writing, written, synced, linked, renamed, made and removed below
 * the directory that SPY_ROOT names, as lines of the file that SPY_LOG names:
 *
 *		pid  operation  path  other path  inode  mtime in ns  size
 *
 * with tabs in between.  Inode, time and size are those of the file after the
 * operation; for what moves or goes away, before it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int
is_spied(const char *path)
{
	const char *root = getenv("SPY_ROOT");

	return root != NULL && path != NULL &&
		strncmp(path, root, strlen(root)) == 0;
}

static void
note(const char *operation, const char *path, const char *other,
	 const struct stat *st)
{
	const char *log = getenv("SPY_LOG");
	int			save_errno = errno;
	char		line[4096];
	int			len;
	int			fd;

	if (log == NULL)
		return;
	len = snprintf(line, sizeof(line), "%d\t%s\t%s\t%s\t%ld\t%ld%09ld\t%ld\n",
				   (int) getpid(), operation, path, other, (long) st->st_ino,
				   (long) st->st_mtim.tv_sec, (long) st->st_mtim.tv_nsec,
				   (long) st->st_size);
	fd = syscall(SYS_openat, AT_FDCWD, log,
				 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || syscall(SYS_write, fd, line, len) != len)
		abort();
	syscall(SYS_close, fd);
	errno = save_errno;
}

static void
note_path(const char *operation, const char *path, const char *other)
{
	struct stat st = {0};
	int			save_errno = errno;

	if (is_spied(path) || is_spied(other))
	{
		(void) lstat(path, &st);
		note(operation, path, other, &st);
	}
	errno = save_errno;
}

static void
note_fd(const char *operation, int fd)
{
	char		link[64];
	char		path[2048];
	struct stat st = {0};
	ssize_t		len;
	int			save_errno = errno;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len > 0)
	{
		path[len] = '\0';
		if (is_spied(path))
		{
			(void) fstat(fd, &st);
			note(operation, path, "", &st);
		}
	}
	errno = save_errno;
}

static int
do_open(int dir, const char *path, int flags, mode_t mode)
{
	int			fd = syscall(SYS_openat, dir, path, flags, mode);

	if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		note_fd(flags & O_CREAT ? "create" : "open", fd);
	return fd;
}

static mode_t
mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(name) \
int \
name(const char *path, int flags, ...) \
{ \
	va_list		args; \
	mode_t		mode; \
	\
	va_start(args, flags); \
	mode = mode_of(flags, args); \
	va_end(args); \
	return do_open(AT_FDCWD, path, flags, mode); \
}

OPEN(open)
OPEN(open64)

int
__open_2(const char *path, int flags)
{
	return do_open(AT_FDCWD, path, flags, 0);
}

int
__open64_2(const char *path, int flags)
{
	return do_open(AT_FDCWD, path, flags, 0);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	ssize_t		rc = syscall(SYS_write, fd, data, len);

	if (rc > 0)
		note_fd("write", fd);
	return rc;
}

static ssize_t
do_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t		rc = syscall(SYS_pwrite64, fd, data, len, offset);

	if (rc > 0)
		note_fd("write", fd);
	return rc;
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return do_pwrite(fd, data, len, offset);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	return do_pwrite(fd, data, len, offset);
}

int
fsync(int fd)
{
	int			rc = syscall(SYS_fsync, fd);

	if (rc == 0)
		note_fd("sync", fd);
	return rc;
}

int
fdatasync(int fd)
{
	int			rc = syscall(SYS_fdatasync, fd);

	if (rc == 0)
		note_fd("sync", fd);
	return rc;
}

int
link(const char *from, const char *to)
{
	int			rc = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);

	if (rc == 0)
		note_path("link", to, from);
	return rc;
}

int
rename(const char *from, const char *to)
{
	note_path("rename", from, to);
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlink(const char *path)
{
	note_path("unlink", path, "");
	return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int
mkdir(const char *path, mode_t mode)
{
	int			rc = syscall(SYS_mkdirat, AT_FDCWD, path, mode);

	if (rc == 0)
		note_path("mkdir", path, "");
	return rc;
}
