/*-------------------------------------------------------------------------
 *
 * hardlink.c
 *	  Hard links to files of an earlier snapshot that have not changed.
 *
 * In directory format each table has its own file, and the file of an
 * unchanged table is the same each time, except for its name.  Such a file
 * becomes a hard link to the one in the newest good snapshot before: each
 * snapshot stays complete by itself, and the bytes are freed when the last
 * snapshot that has them is removed.
 *
 * Only one earlier snapshot is considered, the newest good one of the same
 * database.  It has all files that have not changed, so a run reads one
 * manifest and locks one snapshot, however many there are.
 *
 * A file that was good once may have become corrupt on disk.  So the earlier
 * file is compared byte by byte before it replaces the new one.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "store/file_system.h"
#include "store/hardlink.h"
#include "store/replace_file.h"
#include "store/snapshot_lock.h"
#include "util/files.h"

typedef struct ShareKey
{
	char		sha256[SHA256_HEX_SIZE];
	int64		size;
} ShareKey;

typedef struct ShareEntry
{
	ShareKey	key;
	const char *path;			/* relative to the snapshot */
} ShareEntry;

struct HardLinks
{
	const StoredSnapshot *earlier;
	HTAB	   *files;
	int			held;			/* lock on the earlier snapshot; see
								 * snapshot_lock.c */
	bool		impossible;		/* the file system has no hard links */
};

typedef enum CheckResult
{
	CHECK_UNDECIDED,
	CHECK_SAME,
	CHECK_DIFFERENT,
	CHECK_FAILED				/* the new file cannot be read */
} CheckResult;

struct HardLinkCheck
{
	char	   *earlier;
	int			fd;				/* of the new file; negative when not open */
	int			earlier_fd;
	char	   *slice;			/* the slices read last */
	char	   *earlier_slice;
	CheckResult result;
};

static void
make_key(ShareKey *key, const ManifestFile *file)
{
	memset(key, 0, sizeof(*key));
	strlcpy(key->sha256, file->sha256, sizeof(key->sha256));
	key->size = file->size;
}

/* Is this a file of the dump, rather than one beside it? */
static bool
is_in_archive(const ManifestFile *file)
{
	return strchr(file->path, '/') != NULL;
}

/*
 * Is this a good snapshot of the cluster, in directory format?  A snapshot
 * with a date in the future does not qualify: it would remain the newest until
 * the clock reaches it, while tables change.
 */
static bool
is_candidate(const StoredSnapshot *snapshot, const void *arg)
{
	const uint64 *system_identifier = arg;

	return !store_is_bad(snapshot) &&
		snapshot->manifest.started_at <= GetCurrentTimestamp() &&
		snapshot->manifest.system_identifier == *system_identifier &&
		strcmp(snapshot->manifest.format, "directory") == 0;
}

/* Return the newest candidate of a database, with its files, or NULL. */
static StoredSnapshot *
newest_good(const char *directory, const char *database,
			uint64 system_identifier)
{
	StoredSnapshot *newest = store_newest(directory, database, is_candidate,
										  &system_identifier);

	return newest == NULL ? NULL :
		store_load(directory, newest->name, true, DEBUG1);
}

/*
 * Prepare to share files of a new snapshot with an earlier one of the same
 * database and cluster, which is locked against removal until hardlink_end()
 * or until this process exits.  Returns NULL if there is no such snapshot.
 */
HardLinks *
hardlink_begin(const char *directory, const char *database,
			   uint64 system_identifier)
{
	HASHCTL		info;
	HardLinks  *share;
	ListCell   *lc;
	StoredSnapshot *earlier = newest_good(directory, database,
										  system_identifier);
	int			held;

	if (earlier == NULL)
		return NULL;
	if (file_system_lacks_links(directory))
	{
		ereport(LOG,
				(errmsg("snapshots do not share files: the file system has no hard links")));
		return NULL;
	}
	held = snapshot_lock_try(earlier->path);
	if (held < 0)
		return NULL;
	share = palloc0(sizeof(HardLinks));
	share->earlier = earlier;
	share->held = held;
	info.keysize = sizeof(ShareKey);
	info.entrysize = sizeof(ShareEntry);
	info.hcxt = CurrentMemoryContext;
	share->files = hash_create("files of a snapshot",
							   list_length(earlier->manifest.files), &info,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, earlier->manifest.files)
	{
		const ManifestFile *file = lfirst(lc);
		ShareKey	key;
		ShareEntry *entry;

		if (!is_in_archive(file))
			continue;
		make_key(&key, file);
		entry = hash_search(share->files, &key, HASH_ENTER, NULL);
		entry->path = file->path;
	}
	return share;
}

/*
 * Start to compare a new file, which matches the manifest's entry, with its
 * equal in the earlier snapshot.  Returns NULL if there is no equal.  Needs a
 * transaction, and hardlink_check_end() before it ends.
 */
HardLinkCheck *
hardlink_check_begin(HardLinks *share, const char *path, const ManifestFile *file)
{
	ShareKey	key;
	ShareEntry *entry;
	HardLinkCheck *check;
	struct stat st;

	if (share == NULL || share->impossible || !is_in_archive(file))
		return NULL;
	make_key(&key, file);
	entry = hash_search(share->files, &key, HASH_FIND, NULL);
	if (entry == NULL)
		return NULL;

	check = palloc0(sizeof(HardLinkCheck));
	check->earlier = psprintf("%s/%s", share->earlier->path, entry->path);
	check->slice = palloc(FILES_SLICE_SIZE);
	check->earlier_slice = palloc(FILES_SLICE_SIZE);
	check->fd = OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | PG_BINARY);
	check->earlier_fd = OpenTransientFile(check->earlier, O_RDONLY |
										  O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
	check->result = check->fd < 0 ? CHECK_FAILED :
		check->earlier_fd < 0 || fstat(check->earlier_fd, &st) != 0 ||
		!S_ISREG(st.st_mode) ? CHECK_DIFFERENT : CHECK_UNDECIDED;
	return check;
}

/* Compare one more slice.  Returns false when the comparison is finished. */
bool
hardlink_check_step(HardLinkCheck *check)
{
	ssize_t		n;
	ssize_t		earlier_n;

	if (check->result != CHECK_UNDECIDED)
		return false;
	n = files_read_slice(check->fd, check->slice);
	earlier_n = files_read_slice(check->earlier_fd, check->earlier_slice);
	if (n < 0)
		check->result = CHECK_FAILED;
	else if (n != earlier_n ||
			 memcmp(check->slice, check->earlier_slice, n) != 0)
		check->result = CHECK_DIFFERENT;
	else if (n < FILES_SLICE_SIZE)
		check->result = CHECK_SAME;
	return check->result == CHECK_UNDECIDED;
}

/*
 * Return the path of the earlier file if it is known to be the same, else
 * NULL. Raises a WARNING if the earlier file does not match its own manifest.
 */
const char *
hardlink_check_end(HardLinkCheck *check)
{
	const char *earlier = check->earlier;

	if (check->result == CHECK_DIFFERENT)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" does not match its manifest", earlier),
				 errdetail("The new snapshot has a good copy of its own."),
				 errhint("Verify the snapshots of this database with snapshot_verify().")));
	if (check->fd >= 0)
		(void) CloseTransientFile(check->fd);	/* only read */
	if (check->earlier_fd >= 0)
		(void) CloseTransientFile(check->earlier_fd);
	if (check->result != CHECK_SAME)
		earlier = NULL;
	pfree(check->slice);
	pfree(check->earlier_slice);
	pfree(check);
	return earlier;
}

/*
 * Replace a new file by a link to an earlier file, as returned by
 * hardlink_check_end().  Returns false if the file system cannot link it.
 * Raises an error if the link cannot be renamed into place.
 */
bool
hardlink_link(HardLinks *share, const char *earlier, const char *path)
{
	char	   *newpath = replace_make_name(path);

	if (share->impossible)
		return false;
	if (link(earlier, newpath) != 0)
	{
		/* too many links to this file, or the file is gone */
		if (errno != EMLINK && errno != ENOENT)
		{
			share->impossible = true;
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("snapshots do not share files: could not link \"%s\" to \"%s\": %m",
							newpath, earlier)));
		}
		return false;
	}
	if (rename(newpath, path) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rename file \"%s\" to \"%s\": %m",
						newpath, path)));
	return true;
}

/* Unlock the earlier snapshot and stop sharing. */
void
hardlink_end(HardLinks *share)
{
	if (share != NULL)
		snapshot_unlock(&share->held);
}

/*
 * Return the bytes of a snapshot that other snapshots share.  Raises no error:
 * files that cannot be examined count as not shared.
 */
int64
hardlink_shared_size(const StoredSnapshot *snapshot)
{
	char	   *root;
	DIR		   *dir;
	struct dirent *entry;
	int64		size = 0;

	if (strcmp(snapshot->manifest.format, "directory") != 0)
		return 0;
	root = store_archive_path(snapshot);
	dir = AllocateDir(root);

	/* There may be very many files: do not look up paths from the root. */
	while ((entry = ReadDirExtended(dir, root, DEBUG1)) != NULL)
	{
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode) && st.st_nlink > 1)
			size += st.st_size;
	}
	if (dir != NULL)
		FreeDir(dir);
	pfree(root);
	return size;
}

/* Does the snapshot have a link to this file? */
static bool
has_link(const StoredSnapshot *snapshot, const ManifestFile *file,
		 const struct stat *wanted)
{
	ListCell   *lc;

	foreach(lc, snapshot->manifest.files)
	{
		const ManifestFile *other = lfirst(lc);
		struct stat st;

		if (other->size == file->size &&
			strcmp(other->sha256, file->sha256) == 0 &&
			lstat(psprintf("%s/%s", snapshot->path, other->path), &st) == 0 &&
			st.st_ino == wanted->st_ino && st.st_dev == wanted->st_dev)
			return true;
	}
	return false;
}

/* List the names of the database's other snapshots that share this file. */
List *
hardlink_names(const char *directory, const StoredSnapshot *snapshot,
			   const ManifestFile *file)
{
	List	   *names = NIL;
	ListCell   *lc;
	struct stat st;

	if (lstat(psprintf("%s/%s", snapshot->path, file->path), &st) != 0 ||
		st.st_nlink < 2)
		return NIL;
	foreach(lc, store_list(directory, snapshot->database, DT_NOBEGIN, WARNING,
						   DEBUG1))
	{
		StoredSnapshot *other = lfirst(lc);

		if (strcmp(other->name, snapshot->name) == 0)
			continue;
		other = store_load(directory, other->name, true, DEBUG1);
		if (other != NULL && has_link(other, file, &st))
			names = lappend(names, other->name);
	}
	return names;
}
