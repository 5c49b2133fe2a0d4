/*-------------------------------------------------------------------------
 *
 * removal.c
 *	  Taking a snapshot out of the directory, and nothing else with it.
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
#include "util/files.h"
#include "util/snapshot_name.h"
#include "util/test_step.h"

/*
 * Take a snapshot's name away.  Where no file in a directory may be open when it
 * is renamed, it is not held for a moment: who opens a file just then keeps the
 * name from being taken.
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
	*fd = snapshot_lock_for_removal(doomed); /* a sweep may do the same work */
	return true;
}

/*
 * Give a snapshot its name back where somebody has pinned it while it was not
 * held.  Returns whether that is so.
 */
static bool
undo_if_pinned(const char *doomed, const char *path, int elevel)
{
	struct stat st;

	if (lstat(psprintf("%s/%s", doomed, STORE_PIN_FILE), &st) != 0)
		return false;
	if (rename(doomed, path) != 0)
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not rename directory \"%s\" to \"%s\": %m",
						doomed, path)));
	else
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("snapshot \"%s\" was pinned while it was to be removed",
						path)));
	return true;
}

/* Remove a snapshot that is held, by *fd, for that. */
static bool
remove_held(const char *directory, const char *name, bool even_pinned,
			int elevel, volatile int *fd)
{
	StoredSnapshot *whole = store_load(directory, name, true, elevel);
	FileTree	tree;
	const char *foreign;
	char	   *doomed;
	char	   *folder;

	if (whole == NULL || !files_list(whole->path, elevel, &tree))
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
				 errmsg("snapshot \"%s\" is not removed", name),
				 errdetail("It holds \"%s/%s\", which is not a part of it.",
						   whole->path, foreign),
				 errhint("Move that away; the snapshot is then removed with the next one that is due.")));
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
	return files_remove(doomed, MANIFEST_FILE, elevel);
}

/*
 * Remove a snapshot, for good.  It is renamed first, so that a listing never
 * sees half of one; a sweep ends what is cut short, by an interrupt, too.  Where
 * its directory holds anything that we did not put there, where it is pinned
 * (unless even_pinned), or where somebody reads it, all of it stays.  Returns false, after a report
 * at elevel, when it could not be removed; and without one, when somebody else
 * was faster.
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
				 errdetail("It is being verified, restored, archived, pinned or removed.")));
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
	/* NFS keeps the manifest, under another name, as long as it is held */
	if (removed)
		files_finish_removal(psprintf("%s%s", snapshot->path,
									  NAMES_REMOVED_SUFFIX));
	return removed;
}
