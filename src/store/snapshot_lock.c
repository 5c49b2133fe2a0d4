/*-------------------------------------------------------------------------
 *
 * snapshot_lock.c
 *	  Keeping a snapshot from being removed while it is used, and the converse.
 *
 * Whoever reads a snapshot, or pins it, has a shared lock (flock) on its
 * manifest meanwhile; whoever removes it, an exclusive one.  Nobody waits for
 * such a lock.  The kernel drops it with its holder.
 *
 * Whoever reads what is beside a snapshot, and writes it again, has the
 * snapshot's directory locked meanwhile, so that servers that share it do that
 * one after the other.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/fd.h"

#include "store/file_lock.h"
#include "store/manifest.h"
#include "store/snapshot_lock.h"

/* A lock for writing is waited for up to two seconds. */
#define LOCK_TRIES			40
#define LOCK_SLEEP_MS		50

static int
open_manifest(const char *path, int flags)
{
	return BasicOpenFile(psprintf("%s/%s", path, MANIFEST_FILE),
						 flags | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
}

/* Open and lock a manifest; -1 with errno when that fails. */
static int
lock_manifest(const char *path, int flags, int operation)
{
	int			fd = open_manifest(path, flags);

	if (fd >= 0 && file_lock_take(fd, operation) != 0)
	{
		int			save_errno = errno;

		(void) close(fd);		/* nothing was written */
		errno = save_errno;
		return -1;
	}
	return fd;
}

/*
 * Keep the snapshot at path from being removed, until snapshot_unlock().  Returns
 * a descriptor, or -1 where that cannot be.  Raises no error.
 */
int
snapshot_lock_try(const char *path)
{
	return lock_manifest(path, O_RDONLY, LOCK_SH);
}

/*
 * As snapshot_lock_try, but raises an error when the snapshot is being removed,
 * or is not there.  Where there are no locks, as on some read-only file systems,
 * nobody removes anything, either.
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
 * Keep the snapshot at path from being read or pinned, until snapshot_unlock().
 * Returns a descriptor, or -1 with errno, which is EWOULDBLOCK when somebody
 * does.  Raises no error.
 */
int
snapshot_lock_for_removal(const char *path)
{
	/* on NFS an exclusive lock needs a descriptor to write with */
	return lock_manifest(path, O_RDWR, LOCK_EX);
}

/*
 * Wait until no other process has the snapshot at path for writing, and keep it
 * so until snapshot_unlock().  Returns a descriptor, or -1 where there are no locks
 * or the other process does not end.  Raises no error.
 */
int
snapshot_lock_for_marking(const char *path)
{
	int			fd = BasicOpenFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	for (int i = 0; file_lock_take(fd, LOCK_EX) != 0; i++)
	{
		if (errno != EWOULDBLOCK || i >= LOCK_TRIES)
		{
			(void) close(fd);	/* a directory */
			return -1;
		}
		pg_usleep(LOCK_SLEEP_MS * 1000L);
	}
	return fd;
}

/* Give up a hold, if there is one. */
void
snapshot_unlock(int *fd)
{
	if (*fd >= 0)
		file_lock_close(*fd);
	*fd = -1;
}
