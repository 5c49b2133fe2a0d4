/*-------------------------------------------------------------------------
 *
 * replace_file.c
 *	  Atomic replacement of files, safe for several servers.
 *
 * A file that readers must never see half-written is written under a temporary
 * name first, synced, and renamed.  Servers that share the snapshot directory
 * can write the same file at the same time.  So that no two of them ever write
 * to one temporary file, its name consists of the final name, the cluster's
 * system identifier and a random number:
 *
 *		pinned.7711945170624933145-0f3c9b52d1a4e867.tmp
 *
 * The last rename wins, and each writer's file is complete.
 *
 * The writer keeps the temporary file locked (flock).  A sweep removes those
 * of its own cluster that it can lock, because their writers have exited.
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

#include "access/xlog.h"
#include "common/string.h"
#include "storage/fd.h"

#include "store/file_lock.h"
#include "store/replace_file.h"
#include "util/files.h"
#include "util/test_step.h"

#define SUFFIX			".tmp"
#define RANDOM_DIGITS	16

/* How often to retry if a sweep removes the new file before it is locked. */
#define CREATE_TRIES	10

/* Return a new temporary name, in its directory, for the file at path. */
char *
replace_make_name(const char *path)
{
	uint32		random[2];

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	return psprintf("%s." UINT64_FORMAT "-%08x%08x" SUFFIX, path,
					GetSystemIdentifier(), random[0], random[1]);
}

/*
 * Return the length of the final name within a temporary one, and set
 * *system_identifier to its cluster.  Returns 0 if replace_make_name() makes
 * no such name.
 */
int
replace_parse_name(const char *name, uint64 *system_identifier)
{
	int			end = strlen(name) - strlen(SUFFIX) - RANDOM_DIGITS - 1;
	int			start = end;

	if (end < 1 || !pg_str_endswith(name, SUFFIX) || name[end] != '-' ||
		strspn(name + end + 1, "0123456789abcdef") != RANDOM_DIGITS)
		return 0;
	while (start > 0 && name[start - 1] >= '0' && name[start - 1] <= '9')
		start--;
	if (start < 2 || start == end || name[start - 1] != '.')
		return 0;
	errno = 0;
	*system_identifier = strtou64(name + start, NULL, 10);
	return errno == 0 ? start - 1 : 0;
}

/*
 * Lock a file that was just created.  Returns false if a sweep removed it
 * first.  If the file system has no locks, sweeps do not remove such files.
 */
static bool
lock_created(int fd)
{
	struct stat st;

	if (file_lock_take(fd, LOCK_EX) != 0 && errno == EWOULDBLOCK)
		return false;
	return fstat(fd, &st) != 0 || st.st_nlink > 0;
}

static void
create_temporary(Replacement *replacement, const char *path)
{
	for (int try = 0; try < CREATE_TRIES; try++)
	{
		replacement->path = replace_make_name(path);
		replacement->fd = files_open_long(replacement->path,
										  O_WRONLY | O_CREAT | O_EXCL);
		if (replacement->fd < 0)
			break;
		if (lock_created(replacement->fd))
			return;
		replace_cancel(replacement);
	}
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not create file \"%s\": %m",
					replacement->path != NULL ? replacement->path : path)));
}

/*
 * Write text to a temporary file beside path and sync it, for
 * replace_finish().  Raises an error on failure, after removing the file.
 */
void
replace_prepare(Replacement *replacement, const char *path, const char *text)
{
	create_temporary(replacement, path);
	PG_TRY();
	{
		files_write(replacement->fd, replacement->path, text);
	}
	PG_CATCH();
	{
		replace_cancel(replacement);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Rename a prepared file to its final name, durably.  The path may be in
 * another directory than the prepared file, in the same file system.  Raises
 * an error on failure, after removing the temporary file.
 */
void
replace_finish(Replacement *replacement, const char *path)
{
	PG_TRY();
	{
		test_step("replacing");
		(void) durable_rename(replacement->path, path, ERROR);
	}
	PG_CATCH();
	{
		replace_cancel(replacement);
		PG_RE_THROW();
	}
	PG_END_TRY();
	file_lock_close(replacement->fd);
	replacement->fd = -1;
	replacement->path = NULL;
}

/*
 * Remove a prepared file, if any.  Raises no error: if that fails, a sweep
 * removes the file later.
 */
void
replace_cancel(Replacement *replacement)
{
	if (replacement->path != NULL && replacement->fd >= 0)
	{
		if (unlink(replacement->path) != 0 && errno != ENOENT)
			ereport(WARNING,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m",
							replacement->path)));
		file_lock_close(replacement->fd);
	}
	replacement->fd = -1;
	replacement->path = NULL;
}

/*
 * Create or replace the file at path with this text, durably and atomically.
 * Raises an error on failure.
 */
void
replace_file(const char *path, const char *text)
{
	Replacement replacement;

	replace_prepare(&replacement, path, text);
	replace_finish(&replacement, path);
}

/* Remove a temporary file unless its writer still holds the lock. */
static void
sweep_one(const char *path)
{
	int			fd = file_lock_open(path, O_RDWR, LOCK_EX);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
	{
		if (unlink(path) == 0)
			ereport(LOG,
					(errmsg("removed leftover file \"%s\"", path)));
		else if (errno != ENOENT)
			ereport(WARNING,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m", path)));
	}
	file_lock_close(fd);
}

/*
 * Remove the temporary files directly in a directory that writers of a cluster
 * left when they crashed.  Raises no error.
 */
void
replace_sweep(const char *directory, uint64 system_identifier)
{
	DIR		   *dir = AllocateDir(directory);
	struct dirent *entry;

	while ((entry = ReadDirExtended(dir, directory, DEBUG1)) != NULL)
	{
		uint64		owner;

		if (replace_parse_name(entry->d_name, &owner) > 0 &&
			owner == system_identifier)
			sweep_one(psprintf("%s/%s", directory, entry->d_name));
	}
	if (dir != NULL)
		FreeDir(dir);
}
