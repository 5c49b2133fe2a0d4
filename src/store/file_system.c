/*-------------------------------------------------------------------------
 *
 * file_system.c
 *	  The abilities that the snapshot directory's file system lacks.
 *
 * The launcher probes a directory when it first uses it, and each run that
 * takes a snapshot probes it before it starts; see file_system_probe.c.  The
 * result is kept in shared memory, where every process finds it.
 *
 * - Without modes (vfat, SMB), we accept those of the mount.
 * - Without hard links (vfat, some FUSE), snapshots do not share files.
 * - If a directory with open files cannot be renamed (SMB), we close them
 *   first; see files_rename_is_hindered().
 * - If an open file keeps a name after its removal (NFS, FUSE), we remove the
 *   directory later; see litter.c.
 * - If directories cannot be synced (FUSE), only the file system can ensure
 *   that names survive a loss of power.
 * - Without locks, this server keeps its own; see file_lock.c.
 *
 * A snapshot cannot do without syncing files and renaming: if the file system
 * lacks one of these, a run fails before its dump.
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

/* A sweep by another process may remove the probe's directory. */
#define PROBE_TRIES	3

/* The steps that a snapshot requires, and what a failure means. */
static const struct
{
	FileSystemStep step;
	const char *words;
}			needed[] = {
	{FILE_SYSTEM_SYNC, "could not create and sync a file"},
	{FILE_SYSTEM_SYNC_DIRECTORY, "could not sync a directory"},
	{FILE_SYSTEM_RENAME, "could not rename a directory"},
	{FILE_SYSTEM_REPLACE, "could not rename a file over another one"},
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
 * Does an error show that the file system lacks an ability?  A full disk does
 * not, nor do the errors of fsync() on a directory that needs no sync.
 */
static bool
shows_lack(FileSystemStep step, int error)
{
	if (error == 0 || error == ENOSPC || error == EDQUOT)
		return false;
	return step != FILE_SYSTEM_SYNC_DIRECTORY ||
		(error != EINVAL && error != EBADF);
}

/* Return which ability a snapshot requires and lacks, palloc'd, or NULL. */
static const char *
find_lack(const FileSystem *result)
{
	for (size_t i = 0; i < lengthof(needed); i++)
	{
		int			error = result->error[needed[i].step];

		if (shows_lack(needed[i].step, error))
			return psprintf("%s: %s", needed[i].words, strerror(error));
	}
	if (result->error[FILE_SYSTEM_LOCK] != 0 && !file_lock_can_be_local())
		return psprintf("could not lock a file: %s",
						strerror(result->error[FILE_SYSTEM_LOCK]));
	return NULL;
}

/*
 * Raise an error if the file system of a directory lacks an ability that a
 * snapshot requires.
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
				 errhint("Check its mount options, or set \"snapshot_worker.directory\" to a directory on another file system.")));
}

/* Return a warning about the file system for the administrator, or NULL. */
const char *
file_system_problem(const char *directory)
{
	FileSystem	result;
	const char *lack;

	if (!state_get_file_system(directory, &result))
		return NULL;
	lack = find_lack(&result);
	if (lack != NULL)
		return psprintf("the file system of the snapshot directory cannot hold snapshots (%s): check its mount options, or set snapshot_worker.directory to another one",
						lack);
	if (result.error[FILE_SYSTEM_LOCK] != 0)
		return psprintf("the file system of the snapshot directory has no file locks (flock: %s): let no other server use the directory, or mount it with locks and restart the server",
						strerror(result.error[FILE_SYSTEM_LOCK]));
	return NULL;
}

/* Does the mount, rather than chmod(), determine the modes of directories? */
bool
file_system_fixes_modes(const char *directory)
{
	FileSystem	result;

	return state_get_file_system(directory, &result) &&
		result.error[FILE_SYSTEM_MODE] != 0;
}

/* Does the file system lack hard links? */
bool
file_system_lacks_links(const char *directory)
{
	FileSystem	result;

	/* EMLINK concerns a single file, not the file system */
	return state_get_file_system(directory, &result) &&
		result.error[FILE_SYSTEM_LINK] != 0 &&
		result.error[FILE_SYSTEM_LINK] != EMLINK;
}
