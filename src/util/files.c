/*-------------------------------------------------------------------------
 *
 * files.c
 *	  Open, write and read files.
 *
 * Symbolic links are never followed.  Nothing here syncs with the functions
 * for the server's own data, for which a failure is a PANIC: a broken disk
 * under the snapshots must not take the server down.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "storage/fd.h"

#include "util/files.h"

/*
 * Open or create a file for longer than a transaction.  fd.c counts the
 * descriptor, but does not close it.  Returns a descriptor for
 * files_close_long(), or -1 with errno.  Raises no error.
 */
int
files_open_long(const char *path, int flags)
{
	int			fd;

	if (!AcquireExternalFD())
		return -1;
	fd = BasicOpenFilePerm(path, flags | O_NOFOLLOW | O_NONBLOCK | PG_BINARY,
						   pg_file_create_mode);
	if (fd < 0)
		ReleaseExternalFD();	/* leaves errno alone */
	return fd;
}

/* Close it.  Leaves errno alone.  All writes are synced already. */
void
files_close_long(int fd)
{
	int			save_errno = errno;

	(void) close(fd);
	ReleaseExternalFD();
	errno = save_errno;
}

/*
 * Write text to the end of an open file and sync it.  Raises an error that
 * names path; the caller still owns the descriptor.
 */
void
files_write(int fd, const char *path, const char *text)
{
	size_t		len = strlen(text);
	size_t		done = 0;

	while (done < len)
	{
		ssize_t		n;

		errno = 0;
		n = write(fd, text + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			/* a short write without errno means a full disk */
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to file \"%s\": %m", path)));
		}
		done += n;
	}
	if (pg_fsync(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not fsync file \"%s\": %m", path)));
}

/*
 * Read a regular file.  If it is longer than limit, read its end, or fail.
 */
static char *
read_regular(const char *path, bool from_end, size_t limit, size_t *len,
			 const char **problem)
{
	int			fd;
	struct stat st;
	char	   *text;
	off_t		start;
	size_t		wanted;
	size_t		done = 0;

	/* O_NONBLOCK, so that a FIFO of that name does not block us. */
	fd = OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
	{
		int			save_errno = errno;

		*problem = psprintf("it could not be opened: %s", strerror(errno));
		errno = save_errno;
		return NULL;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		(st.st_size > (off_t) limit && !from_end))
	{
		(void) CloseTransientFile(fd);
		*problem = psprintf("it is not a regular file of at most %zu bytes",
							limit);
		errno = 0;
		return NULL;
	}

	start = Max(st.st_size - (off_t) limit, 0);
	wanted = st.st_size - start;
	text = palloc_extended(wanted + 1, MCXT_ALLOC_HUGE);
	while (done < wanted)
	{
		ssize_t		n = pread(fd, text + done, wanted - done, start + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
		{
			int			save_errno = errno;

			(void) CloseTransientFile(fd);
			pfree(text);
			*problem = psprintf("it could not be read: %s",
								strerror(save_errno));
			errno = save_errno;
			return NULL;
		}
		if (n == 0)
			break;				/* truncated meanwhile */
		done += n;
	}
	(void) CloseTransientFile(fd);	/* only read */
	text[done] = '\0';
	*len = done;
	return text;
}

/*
 * Read a regular file of at most limit bytes.  Returns its contents, palloc'd,
 * with a terminating zero byte.  On failure returns NULL, with the reason in
 * *problem, and errno from the failed call or 0.  Raises no error.
 */
char *
files_read(const char *path, size_t limit, size_t *len, const char **problem)
{
	return read_regular(path, false, limit, len, problem);
}

/* As files_read(), but reads the last limit bytes of a longer file. */
char *
files_read_end(const char *path, size_t limit, size_t *len,
			   const char **problem)
{
	return read_regular(path, true, limit, len, problem);
}

/*
 * Read from a file until a slice of FILES_SLICE_SIZE bytes is full, or the
 * file ends.  Returns the number of bytes read, or -1 with errno.
 */
ssize_t
files_read_slice(int fd, char *slice)
{
	ssize_t		done = 0;

	while (done < FILES_SLICE_SIZE)
	{
		ssize_t		n = read(fd, slice + done, FILES_SLICE_SIZE - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += n;
	}
	return done;
}

/*
 * Is a program a script, or unreadable?  Raises no error.
 */
bool
files_is_script(const char *path)
{
	char		start[2];
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	bool		script;

	if (fd < 0)
		return true;
	script = read(fd, start, sizeof(start)) != sizeof(start) ||
		memcmp(start, "#!", sizeof(start)) == 0;
	(void) CloseTransientFile(fd);	/* only read */
	return script;
}

/*
 * Ask the kernel to start writing a file to disk, to shorten the sync later.
 * This is only a hint, so errors are ignored; the sync reports them.  We do
 * not use pg_flush_data(), because that may PANIC.
 */
void
files_write_back(const char *path)
{
#ifdef HAVE_SYNC_FILE_RANGE
	int			fd = OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | PG_BINARY);

	if (fd < 0)
		return;
	(void) sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	(void) CloseTransientFile(fd);
#endif
}

/*
 * Can this error mean that a directory cannot be renamed because files in it
 * are open, as on SMB?
 */
bool
files_rename_is_hindered(int error)
{
	return error == EACCES || error == EPERM || error == EBUSY ||
		error == ETXTBSY;
}
