/*-------------------------------------------------------------------------
 *
 * file_system.c
 *	  What the file system of the snapshot directory lacks, and what of it.
 *
 * The launcher probes a directory when it first looks at it, and each run that
 * takes a snapshot does before it begins; see file_system_probe.c.  The result is in shared
 * memory, where every process finds it.
 *
 * - Without modes (vfat, SMB), those of the mount are good enough.
 * - Without hard links (vfat, some FUSE), snapshots do not share files.
 * - Where a directory with open files cannot be renamed (SMB), they are closed
 *	 first; see files_rename_is_hindered().
 * - Where an open file that is removed keeps a name (NFS, FUSE), the directory
 *	 goes later; see litter.c.
 * - Where directories cannot be synced (FUSE), the file system has to see to
 *	 it that names survive a loss of power.
 * - Without locks, this server keeps its own; see file_lock.c.
 *
 * Nothing takes the place of files that can be synced, and of names that can be
 * changed: without them a run fails before its dump.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/shared_state.h"
#include "store/file_lock.h"
#include "store/file_system.h"
#include "store/file_system_probe.h"

/* A sweep by another process can take the probe away. */
#define PROBE_TRIES	3

/* The steps that a snapshot cannot do without, and what cannot be done. */
static const struct
{
	FileSystemStep step;
	const char *words;
}			needed[] = {
	{FILE_SYSTEM_SYNC, "could not create and sync a file"},
	{FILE_SYSTEM_SYNC_DIRECTORY, "could not sync a directory"},
	{FILE_SYSTEM_RENAME, "could not rename a directory"},
	{FILE_SYSTEM_REPLACE, "could not replace a file by renaming another one"},
	{FILE_SYSTEM_UNLINK_OPEN, "could not remove a file that is open"},
};

/* Find out what the file system of a directory can do.  Raises no error. */
void
file_system_look(const char *directory)
{
	FileSystem	result;

	for (int try = 0; try < PROBE_TRIES; try++)
	{
		if (probe_try(directory, &result))
		{
			state_set_file_system(directory, &result);
			return;
		}
	}
}

/*
 * Is an error one that matters?  A full disk is not the file system's nature.
 * For directories fsync() fails so where there is nothing to sync.
 */
static bool
matters(FileSystemStep step, int error)
{
	if (error == 0 || error == ENOSPC || error == EDQUOT)
		return false;
	return step != FILE_SYSTEM_SYNC_DIRECTORY ||
		(error != EINVAL && error != EBADF);
}

/* What a snapshot needs and does not get, as palloc'd words, or NULL. */
static const char *
find_lack(const FileSystem *result)
{
	for (size_t i = 0; i < lengthof(needed); i++)
	{
		int			error = result->error[needed[i].step];

		if (matters(needed[i].step, error))
			return psprintf("%s: %s", needed[i].words, strerror(error));
	}
	if (result->error[FILE_SYSTEM_LOCK] != 0 && !file_lock_can_be_local())
		return psprintf("could not lock a file: %s",
						strerror(result->error[FILE_SYSTEM_LOCK]));
	return NULL;
}

/*
 * Raise an error when the file system of a directory was found to lack what a
 * snapshot needs.
 */
void
file_system_check(const char *directory)
{
	FileSystem	result;
	const char *lack;

	if (!state_get_file_system(directory, &result))
		return;
	lack = find_lack(&result);
	if (lack != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the file system of snapshot directory \"%s\" cannot hold snapshots",
						directory),
				 errdetail("A probe failed there: %s.", lack),
				 errhint("See to its mount options, or set \"snapshot_worker.directory\" to a directory on another file system.")));
}

/* What an administrator should know of the file system, or NULL. */
const char *
file_system_problem(const char *directory)
{
	FileSystem	result;
	const char *lack;

	if (!state_get_file_system(directory, &result))
		return NULL;
	lack = find_lack(&result);
	if (lack != NULL)
		return psprintf("the file system of the snapshot directory cannot hold snapshots (%s): see to its mount options, or set snapshot_worker.directory to another one",
						lack);
	if (result.error[FILE_SYSTEM_LOCK] != 0)
		return psprintf("the file system of the snapshot directory has no file locks (flock: %s): let no other server use the directory, or mount it with locks and restart the server",
						strerror(result.error[FILE_SYSTEM_LOCK]));
	return NULL;
}

/* Does the mount, and not chmod(), say what modes directories have? */
bool
file_system_fixes_modes(const char *directory)
{
	FileSystem	result;

	return state_get_file_system(directory, &result) &&
		result.error[FILE_SYSTEM_MODE] != 0;
}

/* Has the file system no hard links? */
bool
file_system_lacks_links(const char *directory)
{
	FileSystem	result;

	/* "too many links" is said of one file */
	return state_get_file_system(directory, &result) &&
		result.error[FILE_SYSTEM_LINK] != 0 &&
		result.error[FILE_SYSTEM_LINK] != EMLINK;
}
