/*-------------------------------------------------------------------------
 *
 * directory.c
 *	  The snapshot directory itself: creation, access checks and free space.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "fmgr.h"
#include "port.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "store/directory.h"

static int
errdetail_os_user(void)
{
	struct passwd *user = getpwuid(geteuid());

	return errdetail("The server runs as operating system user \"%s\" (uid %u).",
					 user != NULL ? user->pw_name : "?",
					 (unsigned int) geteuid());
}

/*
 * Create the snapshot directory, parents included, if it does not exist.
 * Raises an error on failure.
 */
void
directory_make(const char *directory)
{
	struct stat st;

	if (stat(directory, &st) == 0 || errno != ENOENT)
		return;					/* directory_check() reports it */
	if (pg_mkdir_p(pstrdup(directory), pg_dir_create_mode) == 0)
	{
		char	   *parent = pstrdup(directory);

		get_parent_directory(parent);
		(void) fsync_fname_ext(parent, true, true, ERROR);
	}
	else
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create snapshot directory \"%s\": %m",
						directory),
				 errdetail_os_user(),
				 errhint("Create the directory and give it to that user, or set \"snapshot_worker.directory\" to another one.")));
}

/*
 * Raise an error, naming the operating system user, unless the snapshot
 * directory is a directory that is writable by the server.
 */
void
directory_check(const char *directory)
{
	struct stat st;

	if (stat(directory, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not access snapshot directory \"%s\": %m",
						directory),
				 errdetail_os_user()));
	if (!S_ISDIR(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("snapshot directory \"%s\" is not a directory",
						directory),
				 errdetail_os_user(),
				 errhint("Set \"snapshot_worker.directory\" to a directory.")));
	if (access(directory, R_OK | W_OK | X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to snapshot directory \"%s\": %m",
						directory),
				 errdetail_os_user(),
				 errhint("Give the directory to that user, or set \"snapshot_worker.directory\" to another one.")));
}

/*
 * Return in a few words why the server cannot write to the snapshot directory,
 * or NULL if it can.  A missing directory is no problem if its nearest
 * existing parent is writable, because the server can then create it.
 */
const char *
directory_problem(const char *directory)
{
	char	   *path = pstrdup(directory);
	struct stat st;

	while (stat(path, &st) != 0)
	{
		/* a dangling symbolic link cannot become a directory either */
		if (errno != ENOENT || lstat(path, &st) == 0)
			return "the snapshot directory cannot be accessed";
		get_parent_directory(path);
		if (path[0] == '\0')
			return "the snapshot directory cannot be accessed";
	}
	if (!S_ISDIR(st.st_mode))
		return "the snapshot directory is not a directory";
	if (access(path, W_OK | X_OK) != 0)
		return strcmp(path, directory) == 0 ?
			"the snapshot directory is not writable by the server" :
			"the snapshot directory does not exist, and the server cannot create it";
	return NULL;
}

static char *
pretty_size(int64 bytes)
{
	return TextDatumGetCString(DirectFunctionCall1(pg_size_pretty,
												   Int64GetDatum(bytes)));
}

/*
 * Raise an error, with the numbers, if a snapshot of the expected size would
 * leave less than "spared" bytes free in the file system.
 */
void
directory_check_space(const char *directory, int64 expected, int64 spared)
{
	struct statvfs st;
	int64		available;

	if (statvfs(directory, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not get the free space of snapshot directory \"%s\": %m",
						directory)));
	available = (int64) st.f_bavail * (int64) st.f_frsize;
	if (available - expected < spared)
		ereport(ERROR,
				(errcode(ERRCODE_DISK_FULL),
				 errmsg("not enough free space in snapshot directory \"%s\"",
						directory),
				 errdetail("%s is free, the snapshot is expected to take %s, and \"snapshot_worker.min_free_space\" is %s.",
						   pretty_size(available), pretty_size(expected),
						   pretty_size(spared)),
				 errhint("Free some space, or lower \"snapshot_worker.retention\" or \"snapshot_worker.min_free_space\".")));
}
