/*-------------------------------------------------------------------------
 *
 * other_server.c
 *	  Does another server take the snapshot of a slot?
 *
 * A primary and its standbys can share a directory.  When the schedule passes
 * from one to the other, the old server's run of the last slot may still be in
 * progress.
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

#include "launcher/other_server.h"
#include "store/database_folders.h"
#include "store/staging.h"
#include "store/store.h"

/* Does a process hold a lock on this marker file? */
static bool
is_locked(const char *path)
{
	int			fd = BasicOpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
								   PG_BINARY);
	bool		locked;

	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
	(void) close(fd);			/* opened only to test the lock */
	return locked;
}

/* Does this staging directory belong to a run of the cluster for that slot? */
static bool
is_of_slot(const char *staging, uint64 system_identifier, TimestampTz slot)
{
	static const char *const markers[] = {STAGING_OWNER_FILE, MANIFEST_FILE};

	for (size_t i = 0; i < lengthof(markers); i++)
	{
		char	   *path = psprintf("%s/%s", staging, markers[i]);
		StagingOwner owner;

		if (is_locked(path) && staging_read_owner(path, &owner) &&
			owner.system_identifier == system_identifier &&
			owner.scheduled_for == slot)
			return true;
	}
	return false;
}

/*
 * Is any server of the cluster taking a snapshot of the database for that
 * slot?  Raises no error.
 */
bool
other_server_has_run(const char *directory, const char *database,
					 uint64 system_identifier, TimestampTz slot)
{
	ListCell   *lc;

	foreach(lc, folders_leftovers(directory, database, DEBUG1))
	{
		if (is_of_slot(lfirst(lc), system_identifier, slot))
			return true;
	}
	return false;
}
