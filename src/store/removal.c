/*-------------------------------------------------------------------------
 *
 * removal.c
 *	  Removal of a snapshot, and of nothing else with it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "port.h"
#include "storage/fd.h"

#include "store/removal.h"
#include "store/snapshot_lock.h"
#include "util/file_tree.h"
#include "util/files.h"
#include "util/snapshot_name.h"
#include "util/test_step.h"

/*
 * Rename a snapshot so that it is no longer listed.  If the file system cannot
 * rename a directory with open files, the lock is released for a moment; the
 * rename then fails if another process opens a file just then.
 */
static bool
rename_doomed(const char *path, const char *doomed, volatile int *fd)
{
	int			held = *fd;

	if (rename(path, doomed) == 0)
		return true;
	if (!files_rename_is_hindered(errno))
		return false;
	snapshot_unlock(&held);
	*fd = -1;
	if (rename(path, doomed) != 0)
		return false;
	*fd = snapshot_lock_for_removal(doomed);	/* a sweep may, too */
	return true;
}

/*
 * Undo the renaming if the snapshot was pinned while it was not locked.
 * Returns whether it was.
 */
static bool
undo_if_pinned(const char *doomed, const char *path, int elevel)
{
	if (!pinned_mark_exists(doomed))
		return false;
	if (rename(doomed, path) != 0)
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not rename directory \"%s\" to \"%s\": %m",
						doomed, path)));
	else
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("snapshot \"%s\" was pinned while it was being removed",
						path)));
	return true;
}

/* Remove a snapshot that is locked by *fd for removal. */
static bool
remove_held(const char *directory, const char *name, bool even_pinned,
			int elevel, volatile int *fd)
{
	StoredSnapshot *whole = store_load(directory, name, true, elevel);
	FileTree	tree;
	const char *foreign;
	char	   *doomed;
	char	   *folder;

	if (whole == NULL || !file_tree_list(whole->path, elevel, &tree))
		return false;
	if (whole->pinned && !even_pinned)
	{
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("snapshot \"%s\" is pinned", name),
				 errhint("Use snapshot_unpin() first.")));
		return false;
	}
	foreign = store_foreign_file(whole, &tree);
	if (foreign != NULL)
	{
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("could not remove snapshot \"%s\"", name),
				 errdetail("It contains \"%s/%s\", which is not part of the snapshot.",
						   whole->path, foreign),
				 errhint("Move that file elsewhere. The snapshot is then removed together with the next one that is due.")));
		return false;
	}

	doomed = psprintf("%s%s", whole->path, NAMES_REMOVED_SUFFIX);
	folder = pnstrdup(whole->path, strrchr(whole->path, '/') - whole->path);
	if (!rename_doomed(whole->path, doomed, fd))
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not rename directory \"%s\" to \"%s\": %m",
						whole->path, doomed)));
		return false;
	}
	if (!even_pinned && undo_if_pinned(doomed, whole->path, elevel))
		return false;
	if (fsync_fname_ext(folder, true, false, elevel) != 0)
		return false;
	test_step("removing");
	return file_tree_remove(doomed, MANIFEST_FILE, elevel);
}

/*
 * Remove a snapshot for good.  It is renamed first, so that a listing never
 * shows half of one.  A sweep completes a removal that was interrupted.
 * Nothing is removed if the directory contains files that are not ours, if the
 * snapshot is pinned (unless even_pinned), or if a process reads it.  Returns
 * false if the snapshot was not removed: after a report at elevel, or without
 * one if another process removed it first.
 */
bool
removal_remove(const StoredSnapshot *snapshot, bool even_pinned, int elevel)
{
	char	   *directory = pnstrdup(snapshot->path, strlen(snapshot->path) -
									 strlen(snapshot->name) - 1);
	volatile bool removed = false;
	volatile int fd = snapshot_lock_for_removal(snapshot->path);

	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0 && errno == EWOULDBLOCK)
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("snapshot \"%s\" is in use", snapshot->name),
				 errdetail("It is being read, verified, restored, archived, pinned or removed.")));
	else if (fd < 0)
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not lock snapshot \"%s\": %m",
						snapshot->name)));
	if (fd < 0)
		return false;
	PG_TRY();
	{
		removed = remove_held(directory, snapshot->name, even_pinned, elevel,
							  &fd);
	}
	PG_FINALLY();
	{
		int			held = fd;

		snapshot_unlock(&held);
	}
	PG_END_TRY();
	/* on NFS the manifest keeps a name until its descriptor is closed */
	if (removed)
		file_tree_finish_removal(psprintf("%s%s", snapshot->path,
										  NAMES_REMOVED_SUFFIX));
	return removed;
}
