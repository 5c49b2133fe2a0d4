/*-------------------------------------------------------------------------
 *
 * snapshot_lock.c
 *	  Locks that keep a snapshot in use from being removed, and vice versa.
 *
 * A process that reads or pins a snapshot holds a shared lock (flock) on its
 * manifest; a process that removes it holds an exclusive one.  These locks are
 * never waited for.  The kernel releases them when their holder exits.
 *
 * A process that reads and rewrites a mark of a snapshot holds a lock on the
 * snapshot's directory, so that servers that share it do so one after the
 * other.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>

#include "store/file_lock.h"
#include "store/manifest.h"
#include "store/snapshot_lock.h"

/* Wait for a lock for marking for up to two seconds. */
#define LOCK_TRIES			40
#define LOCK_SLEEP_MS		50

/* Open and lock a manifest.  Returns -1, with errno, on failure. */
static int
lock_manifest(const char *path, int flags, int operation)
{
	return file_lock_open(psprintf("%s/%s", path, MANIFEST_FILE), flags,
						  operation);
}

/*
 * Lock the snapshot at path against removal, until snapshot_unlock().  Returns
 * a descriptor, or -1 on failure.  Raises no error.
 */
int
snapshot_lock_try(const char *path)
{
	return lock_manifest(path, O_RDONLY, LOCK_SH);
}

/*
 * As snapshot_lock_try(), but raises an error if the snapshot is being removed
 * or does not exist.  Returns -1 if there are no locks, as on some read-only
 * file systems, where no process can remove a snapshot either.
 */
int
snapshot_lock_shared(const char *path)
{
	int			fd = snapshot_lock_try(path);

	if (fd >= 0 || errno == ENOLCK || errno == EOPNOTSUPP ||
		errno == EINVAL || errno == ENOSYS)
		return fd;
	if (errno == EWOULDBLOCK)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the snapshot in \"%s\" is being removed", path)));
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not open and lock file \"%s/%s\": %m", path,
					MANIFEST_FILE)));
	return -1;
}

/*
 * Lock the snapshot at path against being read or pinned, until
 * snapshot_unlock().  Returns a descriptor, or -1 with errno, which is
 * EWOULDBLOCK if the snapshot is in use.  Raises no error.
 */
int
snapshot_lock_for_removal(const char *path)
{
	/* on NFS an exclusive lock needs a writable descriptor */
	return lock_manifest(path, O_RDWR, LOCK_EX);
}

/*
 * Wait until no other process marks the snapshot at path, and keep others from
 * marking it until snapshot_unlock().  Returns a descriptor, or -1 if there
 * are no locks or the other process takes too long.  Raises no error.
 */
int
snapshot_lock_for_marking(const char *path)
{
	int			fd;

	for (int i = 0;
		 (fd = file_lock_open(path, O_RDONLY | O_DIRECTORY, LOCK_EX)) < 0; i++)
	{
		if (errno != EWOULDBLOCK || i >= LOCK_TRIES)
			break;
		pg_usleep(LOCK_SLEEP_MS * 1000L);
	}
	return fd;
}

/* Release a lock, if fd is not negative. */
void
snapshot_unlock(int *fd)
{
	if (*fd >= 0)
		file_lock_close(*fd);
	*fd = -1;
}
