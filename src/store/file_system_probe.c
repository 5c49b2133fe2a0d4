/*-------------------------------------------------------------------------
 *
 * file_system_probe.c
 *	  The probe of a file system: try all operations that a snapshot uses.
 *
 * The probe creates a directory with a temporary name, tries every operation
 * in it, and removes it.  It makes no judgement: file_system.c decides what
 * follows from a failed step.
 *
 * A crash can leave the directory behind; a sweep by the same cluster removes
 * it.  The sweep cannot tell whether the probe is still running, because there
 * may be no locks.  A probe whose directory disappears has no result.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "storage/fd.h"

#include "store/file_system_probe.h"
#include "store/replace_file.h"
#include "util/test_step.h"

#define PROBE_NAME	".snapshot_worker_probe"

/* Return a new name for a probe in a directory, as a palloc'd path. */
char *
probe_make_name(const char *directory)
{
	return replace_make_name(psprintf("%s/" PROBE_NAME, directory));
}

/* Return the error of a call, or 0 if it succeeded. */
static int
error_of(int rc)
{
	return rc == 0 ? 0 : errno;
}

/* Create a file with a few bytes.  Returns a descriptor or -1. */
static int
create_file(const char *path)
{
	int			fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | O_EXCL |
									   O_NOFOLLOW | PG_BINARY,
									   pg_file_create_mode);

	errno = 0;
	if (fd >= 0 && write(fd, PROBE_NAME, strlen(PROBE_NAME)) !=
		(ssize_t) strlen(PROBE_NAME))
	{
		int			save_errno = errno != 0 ? errno : ENOSPC;

		(void) close(fd);		/* the file is of no use */
		errno = save_errno;
		return -1;
	}
	return fd;
}

/* Does chmod() give a directory this mode, which it does not have yet? */
static int
try_mode(const char *path)
{
	mode_t		mode = S_IRWXU | S_IRGRP | S_IXGRP;
	struct stat st;

	if (chmod(path, mode) != 0 || stat(path, &st) != 0)
		return errno;
	return (st.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)) == mode ? 0 : ENOTSUP;
}

/* Does a lock on an open file conflict with one by another descriptor? */
static int
try_lock(const char *path, int fd)
{
	int			other;
	int			error = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno;
	other = BasicOpenFile(path, O_RDWR | O_NOFOLLOW | PG_BINARY);
	if (other < 0)
		return errno;
	if (flock(other, LOCK_EX | LOCK_NB) == 0)
		error = ENOLCK;			/* a lock that does not exclude others is
								 * useless */
	else if (errno != EWOULDBLOCK)
		error = errno;
	(void) close(other);		/* nothing was written */
	(void) flock(fd, LOCK_UN);
	return error;
}

static int
try_link(const char *path, const char *newpath)
{
	if (link(path, newpath) != 0)
		return errno;
	return error_of(unlink(newpath));
}

/* Can a file be renamed over another one, replacing it? */
static int
try_replace(const char *path, const char *replaced)
{
	int			fd = create_file(replaced);

	if (fd < 0 || close(fd) != 0)
		return errno;
	fd = create_file(path);
	if (fd < 0 || close(fd) != 0)
		return errno;
	return error_of(rename(path, replaced));
}

static int
try_sync_directory(const char *path)
{
	int			fd = BasicOpenFile(path, O_RDONLY | O_DIRECTORY);
	int			error;

	if (fd < 0)
		return errno;
	error = error_of(pg_fsync(fd));
	(void) close(fd);			/* a directory */
	return error;
}

/*
 * Try all steps in a directory that was created for them.  Returns false if
 * the disk is full, which shows nothing about the file system.
 */
static bool
try_all(const char *root, FileSystem *result)
{
	char	   *path = psprintf("%s/a", root);
	char	   *renamed = psprintf("%s/b", root);
	char	   *file = psprintf("%s/file", path);
	int		   *error = result->error;
	int			fd;

	if (MakePGDirectory(path) != 0 || (fd = create_file(file)) < 0)
	{
		error[FILE_SYSTEM_SYNC] = errno;
		return errno != ENOSPC && errno != EDQUOT;
	}
	error[FILE_SYSTEM_SYNC] = error_of(pg_fsync(fd));
	error[FILE_SYSTEM_MODE] = try_mode(path);
	error[FILE_SYSTEM_LOCK] = try_lock(file, fd);
	error[FILE_SYSTEM_LINK] = try_link(file, psprintf("%s/link", path));
	error[FILE_SYSTEM_REPLACE] = try_replace(psprintf("%s/new", path),
											 psprintf("%s/old", path));
	error[FILE_SYSTEM_SYNC_DIRECTORY] = try_sync_directory(path);
	test_step("probing");

	/* with the file open, and if that fails, with it closed */
	error[FILE_SYSTEM_RENAME_OPEN] = error_of(rename(path, renamed));
	if (error[FILE_SYSTEM_RENAME_OPEN] == 0)
		file = psprintf("%s/file", renamed);
	error[FILE_SYSTEM_UNLINK_OPEN] = error_of(unlink(file));
	(void) close(fd);			/* its contents do not matter */
	if (error[FILE_SYSTEM_RENAME_OPEN] != 0)
		error[FILE_SYSTEM_RENAME] = error_of(rename(path, renamed));
	return true;
}

/* Remove the files in a directory, and the directory.  Raises no error. */
static bool
remove_flat(const char *path)
{
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;

	while (dir != NULL &&
		   (entry = ReadDirExtended(dir, path, DEBUG1)) != NULL)
	{
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void) unlink(psprintf("%s/%s", path, entry->d_name));
	}
	if (dir != NULL)
		FreeDir(dir);
	return rmdir(path) == 0;
}

/* Remove what a probe created.  Returns false if some of it is missing. */
static bool
remove_probe(const char *root)
{
	(void) remove_flat(psprintf("%s/a", root));
	(void) remove_flat(psprintf("%s/b", root));
	return remove_flat(root);
}

/*
 * Probe the file system of a directory.  Returns false if the probe has no
 * result: its directory could not be created, the disk is full, or files
 * disappeared.  Raises no error.
 */
bool
probe_try(const char *directory, FileSystem *result)
{
	char	   *root = probe_make_name(directory);
	bool		tried;

	memset(result, 0, sizeof(*result));
	if (MakePGDirectory(root) != 0)
		return false;
	tried = try_all(root, result);
	return (remove_probe(root) || errno != ENOENT) && tried;
}

/*
 * Remove the probes directly in a directory that processes of a cluster left
 * when they crashed.  Raises no error.
 */
void
probe_sweep(const char *directory, uint64 system_identifier)
{
	DIR		   *dir = AllocateDir(directory);
	struct dirent *entry;

	while ((entry = ReadDirExtended(dir, directory, DEBUG1)) != NULL)
	{
		uint64		owner;

		if (replace_parse_name(entry->d_name, &owner) == strlen(PROBE_NAME) &&
			strncmp(entry->d_name, PROBE_NAME, strlen(PROBE_NAME)) == 0 &&
			owner == system_identifier)
			(void) remove_probe(psprintf("%s/%s", directory, entry->d_name));
	}
	if (dir != NULL)
		FreeDir(dir);
}
