/*-------------------------------------------------------------------------
 *
 * hold.c
 *	  Keeping a snapshot from being removed while it is used, and the converse.
 *
 * Whoever reads a snapshot, or pins it, has a shared lock (flock) on its
 * manifest meanwhile; whoever removes it, an exclusive one.  Nobody waits for
 * such a lock.  The kernel drops it with its holder.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "hold.h"
#include "manifest.h"
#include "storage/fd.h"

static int
open_manifest(const char *path, int flags)
{
	return BasicOpenFile(psprintf("%s/%s", path, MANIFEST_FILE),
						 flags | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
}

/*
 * Keep the snapshot at path from being removed, until hold_release().  Returns
 * a descriptor, or -1 where there can be no lock, as on some read-only file
 * systems: then nobody removes anything there.  Raises an error when the
 * snapshot is being removed.
 */
int
hold_for_reading(const char *path)
{
	int			fd = open_manifest(path, O_RDONLY);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s/%s\": %m", path,
						MANIFEST_FILE)));
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
	{
		int			save_errno = errno;

		(void) close(fd);		/* only read */
		if (save_errno == EWOULDBLOCK)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("the snapshot in \"%s\" is being removed", path)));
		return -1;
	}
	return fd;
}

/*
 * Keep the snapshot at path from being read or pinned, until hold_release().
 * Returns a descriptor, or -1 with errno, which is EWOULDBLOCK when somebody
 * does.  Raises no error.
 */
int
hold_for_removal(const char *path)
{
	/* on NFS an exclusive lock needs a descriptor to write with */
	int			fd = open_manifest(path, O_RDWR);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		int			save_errno = errno;

		(void) close(fd);		/* nothing was written */
		errno = save_errno;
		return -1;
	}
	return fd;
}

/* Give up a hold, if there is one. */
void
hold_release(int *fd)
{
	if (*fd >= 0)
		(void) close(*fd);		/* nothing was written */
	*fd = -1;
}
