/*-------------------------------------------------------------------------
 *
 * staging.c
 *	  Staging directories: create a snapshot's, publish it, sweep leftovers.
 *
 * A staging directory has the name of the future snapshot with ".tmp"
 * appended.  Its first file, staging.json, names the owner, and stays locked
 * (flock) as long as the writer lives.  When all files are written, the writer
 * adds the manifest, locked as well, and removes staging.json.  What is left
 * is exactly the snapshot, and one rename gives it its name.  At each moment
 * before that, one locked file in the directory names its cluster.
 *
 * A sweep removes staging directories and half-removed snapshots that name
 * this cluster (a primary and its standbys are one cluster here) and that no
 * process holds locked.  The kernel releases the lock when the writer exits,
 * for whatever reason; a child of the writer does not inherit it.
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

#include "common/string.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "store/database_folders.h"
#include "store/file_lock.h"
#include "store/file_system_probe.h"
#include "store/manifest.h"
#include "store/replace_file.h"
#include "store/staging.h"
#include "store/store.h"
#include "util/file_tree.h"
#include "util/files.h"
#include "util/json_record.h"
#include "util/litter.h"
#include "util/test_step.h"

/* How often to retry after losing a race for a staging directory. */
#define CREATE_TRIES	10

static const RecordMember members[] = {
	{"system_identifier", RECORD_IDENTIFIER, offsetof(StagingOwner, system_identifier)},
	{"name", RECORD_STRING, offsetof(StagingOwner, name)},
	{"reason", RECORD_STRING, offsetof(StagingOwner, reason)},
	{"attempt", RECORD_NUMBER, offsetof(StagingOwner, attempt)},
	{"scheduled_for", RECORD_TIME_OR_NULL, offsetof(StagingOwner, scheduled_for)},
	{"started_at", RECORD_TIME, offsetof(StagingOwner, started_at)},
};

/* Create a directory that may exist already.  Returns whether it is new. */
static bool
make_directory(const char *path)
{
	if (MakePGDirectory(path) == 0)
		return true;
	if (errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path)));
	return false;
}

static void
sync_directory(const char *path)
{
	(void) fsync_fname_ext(path, true, false, ERROR);
}

/* Create a marker file and lock it. */
static int
create_locked(const char *path)
{
	return file_lock_open(path, O_RDWR | O_CREAT | O_EXCL, LOCK_EX);
}

static void
close_marker(int *fd)
{
	/* it was synced after the last write, so close() cannot lose anything */
	if (*fd >= 0)
		file_lock_close(*fd);
	*fd = -1;
}

/*
 * Create the staging directory for a snapshot that starts at an instant, or
 * some seconds later if other clusters that share the directory have taken
 * that name.  The final name is in *staging, and in the owner that is written.
 * Raises an error on failure, with *staging ready for staging_discard().
 */
void
staging_create(Staging *staging, const char *directory, const char *database,
			   TimestampTz instant, const StagingOwner *owner)
{
	char		folder[NAMES_FOLDER_SIZE];
	struct stat st;

	memset(staging, 0, sizeof(*staging));
	staging->owner_fd = -1;
	staging->manifest_fd = -1;

	names_encode_database(database, folder);
	staging->folder = psprintf("%s/%s", directory, folder);
	(void) make_directory(staging->folder);
	if (lstat(staging->folder, &st) != 0 || !S_ISDIR(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a directory", staging->folder),
				 errdetail("Snapshots of database \"%s\" are stored there; symbolic links are not followed.",
						   database)));
	sync_directory(directory);

	for (int try = 0; try < CREATE_TRIES; try++)
	{
		StagingOwner mine = *owner;
		char	   *path;
		char	   *marker;

		CHECK_FOR_INTERRUPTS();
		instant = folders_free_instant(directory, database, instant);
		if (!names_make(database, instant, staging->name))
			elog(ERROR, "snapshot name out of range");
		staging->final_path = psprintf("%s/%s", directory, staging->name);
		path = psprintf("%s%s", staging->final_path, NAMES_STAGING_SUFFIX);
		if (!make_directory(path))
			continue;			/* name taken: try the next second */

		marker = psprintf("%s/%s", path, STAGING_OWNER_FILE);
		staging->owner_fd = create_locked(marker);
		if (staging->owner_fd < 0)
		{
			/*
			 * a sweep of another server may have removed the empty directory
			 */
			if (errno == ENOENT || errno == EWOULDBLOCK)
				continue;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not create and lock file \"%s\": %m", marker)));
		}
		staging->path = path;
		staging->marker = STAGING_OWNER_FILE;

		mine.name = staging->name;
		files_write(staging->owner_fd, marker,
					record_format(members, lengthof(members), &mine));
		if (fstat(staging->owner_fd, &st) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not stat file \"%s\": %m", marker)));
		if (st.st_nlink == 0)
		{
			/* swept between creation and lock */
			close_marker(&staging->owner_fd);
			staging->path = NULL;
			continue;
		}
		sync_directory(path);
		sync_directory(staging->folder);
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("could not reserve a name for a snapshot in \"%s\"",
					staging->folder),
			 errdetail("Other clusters that share the directory took the name %d times.",
					   CREATE_TRIES)));
}

/*
 * Rename the staging directory.  If the file system cannot rename a directory
 * with open files, the lock is released for a moment.  A sweep that comes just
 * then must open a file, and the rename fails: it never publishes half a
 * snapshot.
 */
static bool
rename_to_final(Staging *staging)
{
	if (rename(staging->path, staging->final_path) == 0)
		return true;
	if (!files_rename_is_hindered(errno))
		return false;
	close_marker(&staging->owner_fd);
	close_marker(&staging->manifest_fd);
	return rename(staging->path, staging->final_path) == 0;
}

/*
 * Publish a staging directory under its final name, with this manifest.  Its
 * other files are synced already; its directories are synced here.  Raises an
 * error on failure.  On return the snapshot is published, durably.
 */
void
staging_publish(Staging *staging, const char *manifest)
{
	char	   *marker = psprintf("%s/%s", staging->path, STAGING_OWNER_FILE);
	char	   *path = psprintf("%s/%s", staging->path, MANIFEST_FILE);
	FileTree	tree;
	ListCell   *lc;
	struct stat st;

	staging->manifest_fd = create_locked(path);
	if (staging->manifest_fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create and lock file \"%s\": %m", path)));
	files_write(staging->manifest_fd, path, manifest);

	if (unlink(marker) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", marker)));
	staging->marker = MANIFEST_FILE;
	(void) file_tree_list(staging->path, ERROR, &tree);
	foreach(lc, tree.directories)
		sync_directory(psprintf("%s/%s", staging->path, (char *) lfirst(lc)));
	sync_directory(staging->path);

	test_step("before rename");

	/* rename() would replace an empty directory, which is not ours. */
	if (lstat(staging->final_path, &st) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_FILE),
				 errmsg("\"%s\" already exists", staging->final_path)));
	if (!rename_to_final(staging))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rename directory \"%s\" to \"%s\": %m",
						staging->path, staging->final_path)));
	staging->path = NULL;

	/* From here on it is a snapshot, which no failure revokes. */
	(void) fsync_fname_ext(staging->folder, true, false, WARNING);
	close_marker(&staging->owner_fd);
	close_marker(&staging->manifest_fd);
}

/*
 * Remove the staging directory of a failed run.  Raises no error: if something
 * cannot be removed, raises a WARNING and leaves it to a sweep.
 */
void
staging_discard(Staging *staging)
{
	char	   *path = staging->path;

	if (path != NULL)
		(void) file_tree_remove(path, staging->marker, WARNING);
	staging->path = NULL;
	close_marker(&staging->owner_fd);
	close_marker(&staging->manifest_fd);
	if (path != NULL)
		file_tree_finish_removal(path);
}

/*
 * Remove the contents of an interrupted run's staging directory, except for
 * the file that names its owner: a sweep that finds this file adds the run to
 * the history.  Raises no error.
 */
void
staging_abandon(Staging *staging)
{
	if (staging->path != NULL)
		(void) file_tree_remove_all_but(staging->path, staging->marker, WARNING);
	staging->path = NULL;
	close_marker(&staging->owner_fd);
	close_marker(&staging->manifest_fd);
}

/*
 * Read the owner of a directory from its marker file, either a staging.json or
 * a manifest.  Returns false if it names no cluster.
 */
bool
staging_read_owner(const char *path, StagingOwner *owner)
{
	Manifest	manifest;
	const char *problem;
	size_t		len;
	char	   *text = files_read(path, MANIFEST_MAX_SIZE, &len, &problem);

	if (text == NULL)
		return false;
	memset(owner, 0, sizeof(*owner));
	if (record_parse(text, len, members, lengthof(members), owner) == NULL)
		return true;
	if (manifest_parse(text, len, false, &manifest) != NULL)
		return false;
	owner->system_identifier = manifest.system_identifier;
	owner->name = manifest.name;
	owner->reason = manifest.reason;
	owner->attempt = manifest.attempt;
	owner->scheduled_for = manifest.scheduled_for;
	owner->started_at = manifest.started_at;
	return true;
}

/* Does a directory hold exactly one file, apart from litter? */
static bool
holds_one_file(const char *path)
{
	FileTree	tree;
	ListCell   *lc;
	int			count = 0;

	if (!file_tree_list(path, WARNING, &tree) || tree.others != NIL)
		return false;
	foreach(lc, tree.files)
		count += litter_is_file(lfirst(lc)) ? 0 : 1;
	foreach(lc, tree.directories)
		count += litter_is_directory(lfirst(lc)) ? 0 : 2;
	return count == 1;
}

/*
 * Remove a leftover directory if it is ours.  The caller has its marker file
 * open and locked.
 */
static void
sweep_marked(const char *path, const char *marker, int fd,
			 uint64 system_identifier, staging_swept_callback swept)
{
	StagingOwner owner = {0};
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_nlink == 0)
		return;

	/* An empty marker alone: its writer was interrupted before it wrote. */
	if (!(st.st_size == 0 && holds_one_file(path)) &&
		!(staging_read_owner(psprintf("%s/%s", path, marker), &owner) &&
		  owner.system_identifier == system_identifier))
		return;

	ereport(LOG,
			(errmsg("removing leftover snapshot directory \"%s\"", path)));
	if (file_tree_remove(path, marker, WARNING) && owner.name != NULL &&
		swept != NULL && pg_str_endswith(path, NAMES_STAGING_SUFFIX))
		swept(&owner);
}

/* Remove a leftover directory if it is ours and not in use. */
static void
sweep_one(const char *path, uint64 system_identifier,
		  staging_swept_callback swept)
{
	static const char *const markers[] = {STAGING_OWNER_FILE, MANIFEST_FILE};

	for (size_t i = 0; i < lengthof(markers); i++)
	{
		int			fd = file_lock_open(psprintf("%s/%s", path, markers[i]),
										O_RDWR, LOCK_EX);

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd >= 0)
		{
			sweep_marked(path, markers[i], fd, system_identifier, swept);
			file_lock_close(fd);
			file_tree_finish_removal(path);
		}
		return;
	}

	/* Without a marker it can be ours only if nothing but litter is left. */
	file_tree_finish_removal(path);
}

/*
 * Remove leftovers of interrupted runs and removals of this cluster, in one
 * database's folder or in all (NULL).  Calls "swept" for each interrupted run.
 * Raises no error: raises a WARNING for what it cannot read or remove.
 */
void
staging_sweep(const char *directory, const char *database,
			  uint64 system_identifier, staging_swept_callback swept)
{
	List	   *leftovers = folders_leftovers(directory, database, WARNING);
	ListCell   *lc;

	foreach(lc, leftovers)
	{
		CHECK_FOR_INTERRUPTS();
		sweep_one(lfirst(lc), system_identifier, swept);
	}
	foreach(lc, folders_places(directory, database, WARNING))
	{
		CHECK_FOR_INTERRUPTS();
		replace_sweep(lfirst(lc), system_identifier);
		probe_sweep(lfirst(lc), system_identifier);
	}
}
