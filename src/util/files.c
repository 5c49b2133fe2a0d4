/*-------------------------------------------------------------------------
 *
 * files.c
 *	  Write, read, list and remove files and directories.
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
#include "miscadmin.h"
#include "storage/fd.h"

#include "util/files.h"
#include "util/litter.h"

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

static bool
list_below(const char *root, const char *inner, int elevel, FileTree *tree)
{
	const char *path = inner[0] == '\0' ? root : psprintf("%s/%s", root, inner);
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;

	check_stack_depth();

	if (dir == NULL)
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not open directory \"%s\": %m", path)));
		return false;
	}

	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		char	   *name;
		struct stat st;

		CHECK_FOR_INTERRUPTS();
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		name = inner[0] == '\0' ? pstrdup(entry->d_name) :
			psprintf("%s/%s", inner, entry->d_name);
		if (lstat(psprintf("%s/%s", root, name), &st) != 0)
		{
			if (errno == ENOENT)
				continue;
			ereport(elevel,
					(errcode_for_file_access(),
					 errmsg("could not stat file \"%s/%s\": %m", root, name)));
			FreeDir(dir);
			return false;
		}
		if (S_ISDIR(st.st_mode))
		{
			tree->directories = lappend(tree->directories, name);
			if (!list_below(root, name, elevel, tree))
			{
				FreeDir(dir);
				return false;
			}
		}
		else if (S_ISREG(st.st_mode))
			tree->files = lappend(tree->files, name);
		else
			tree->others = lappend(tree->others, name);
	}
	if (errno != 0)
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not read directory \"%s\": %m", path)));
		FreeDir(dir);
		return false;
	}
	FreeDir(dir);
	return true;
}

/*
 * List everything below a directory.  Returns false, after a report at elevel,
 * if some of it cannot be read.
 */
bool
files_list(const char *root, int elevel, FileTree *tree)
{
	memset(tree, 0, sizeof(*tree));
	return list_below(root, "", elevel, tree);
}

/*
 * Return the total size of the files below a directory that is being written
 * to, or 0 if it does not exist.  Raises no error.
 */
int64
files_size(const char *root)
{
	FileTree	tree;
	ListCell   *lc;
	int64		size = 0;

	(void) files_list(root, DEBUG1, &tree);
	foreach(lc, tree.files)
	{
		struct stat st;

		if (lstat(psprintf("%s/%s", root, (char *) lfirst(lc)), &st) == 0)
			size += st.st_size;
	}
	return size;
}

/*
 * Does a directory contain only files that were removed while open?  Preserves
 * errno.
 */
static bool
holds_open_files_only(const char *path)
{
	int			save_errno = errno;
	FileTree	tree;
	ListCell   *lc;
	bool		only = files_list(path, DEBUG1, &tree) &&
	tree.others == NIL && tree.files != NIL;

	foreach(lc, tree.files)
		only = only && litter_is_open_file(lfirst(lc));
	errno = save_errno;
	return only;
}

static bool
remove_one(const char *path, bool is_directory, int elevel)
{
	int			rc = is_directory ? rmdir(path) : unlink(path);

	if (rc == 0 || errno == ENOENT)
		return true;
	if (is_directory ? holds_open_files_only(path) :
		errno == EBUSY && litter_is_open_file(path))
		return true;
	ereport(elevel,
			(errcode_for_file_access(),
			 is_directory ?
			 errmsg("could not remove directory \"%s\": %m", path) :
			 errmsg("could not remove file \"%s\": %m", path)));
	return false;
}

/*
 * Remove the contents of a directory, except for one file (relative to it).
 * Returns false, after a report at elevel, if anything else is left.  Ignores
 * open files that NFS or FUSE has renamed.  Handles interrupts, because file
 * systems can be slow.
 */
bool
files_remove_all_but(const char *root, const char *kept, int elevel)
{
	FileTree	tree;
	ListCell   *lc;
	bool		good = true;

	if (!files_list(root, elevel, &tree))
		return false;

	foreach(lc, list_concat(tree.files, tree.others))
	{
		CHECK_FOR_INTERRUPTS();
		if (strcmp(lfirst(lc), kept) != 0)
			good &= remove_one(psprintf("%s/%s", root, (char *) lfirst(lc)),
							   false, elevel);
	}
	for (int i = list_length(tree.directories) - 1; i >= 0; i--)
		good &= remove_one(psprintf("%s/%s", root,
									(char *) list_nth(tree.directories, i)),
						   true, elevel);
	return good;
}

/*
 * Remove a directory and its contents.  One file (relative to it) goes last:
 * it names the owner of the directory, in case we are interrupted.  Returns
 * false, after a report at elevel, if anything is left; see
 * files_remove_all_but().
 */
bool
files_remove(const char *root, const char *last, int elevel)
{
	return files_remove_all_but(root, last, elevel) &&
		remove_one(psprintf("%s/%s", root, last), false, elevel) &&
		remove_one(root, true, elevel);
}

/*
 * Finish the removal of a directory that contained open files, perhaps the
 * caller's own.  Does nothing if it contains anything but litter and
 * directories.  Raises no error.
 */
void
files_finish_removal(const char *root)
{
	FileTree	tree;
	ListCell   *lc;
	struct stat st;

	if (rmdir(root) == 0 || lstat(root, &st) != 0 ||
		!files_list(root, DEBUG1, &tree) || tree.others != NIL)
		return;
	foreach(lc, tree.files)
	{
		if (!litter_is_file(lfirst(lc)))
			return;
	}
	foreach(lc, tree.files)
		(void) unlink(psprintf("%s/%s", root, (char *) lfirst(lc)));
	for (int i = list_length(tree.directories) - 1; i >= 0; i--)
		(void) rmdir(psprintf("%s/%s", root,
							  (char *) list_nth(tree.directories, i)));
	(void) rmdir(root);
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
