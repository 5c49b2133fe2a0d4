/*-------------------------------------------------------------------------
 *
 * share.c
 *	  Files of a snapshot that are the same as in an earlier one.
 *
 * In directory format each table has a file of its own, and that of a table
 * that has not changed is the same each time, but for its name.  It becomes a
 * hard link to the one in the newest good snapshot before: both snapshots stay
 * complete by themselves, and the bytes go when the last of them is removed.
 *
 * A file that was good once can have gone bad on disk.  So the earlier one is
 * hashed once more before the new one is given up for it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "hold.h"
#include "share.h"
#include "utils/hsearch.h"

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

struct Share
{
	const StoredSnapshot *earlier;
	HTAB	   *files;
	int			held;			/* the earlier snapshot; see hold.c */
	bool		impossible;		/* the file system has no hard links */
};

static void
make_key(ShareKey *key, const ManifestFile *file)
{
	memset(key, 0, sizeof(*key));
	strlcpy(key->sha256, file->sha256, sizeof(key->sha256));
	key->size = file->size;
}

/* Is this a file of the archive, and not beside it? */
static bool
is_in_archive(const ManifestFile *file)
{
	return strchr(file->path, '/') != NULL;
}

/* The newest good snapshot in directory format, with its files, or NULL. */
static StoredSnapshot *
newest_good(const char *directory, const char *database,
			uint64 system_identifier)
{
	ListCell   *lc;

	foreach(lc, store_list(directory, database, DT_NOBEGIN, WARNING, DEBUG1))
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (!snapshot->failed &&
			snapshot->manifest.system_identifier == system_identifier &&
			strcmp(snapshot->manifest.format, "directory") == 0)
			return store_load(directory, snapshot->name, true, DEBUG1);
	}
	return NULL;
}

/*
 * Prepare to share files of a new snapshot of a database with an earlier one of
 * the same cluster, which is kept from being removed until share_end(), or until
 * this process ends.  Returns NULL where there is none.
 */
Share *
share_begin(const char *directory, const char *database,
			uint64 system_identifier)
{
	HASHCTL		info;
	Share	   *share;
	ListCell   *lc;
	StoredSnapshot *earlier = newest_good(directory, database,
										  system_identifier);
	int			held = earlier != NULL ? hold_if_possible(earlier->path) : -1;

	if (held < 0)
		return NULL;
	share = palloc0(sizeof(Share));
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

/* Is the earlier file still what its manifest says? */
static bool
is_still_good(const char *path, const ManifestFile *file)
{
	char		sha256[SHA256_HEX_SIZE];
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size == file->size &&
		files_hash(path, sha256) == file->size &&
		strcmp(sha256, file->sha256) == 0)
		return true;
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("file \"%s\" is not what its manifest says", path),
			 errdetail("The new snapshot has a good copy of its own."),
			 errhint("Verify the snapshots of this database by snapshot_verify().")));
	return false;
}

/* Put a link to the earlier file in the place of the new one. */
static bool
link_in_place(Share *share, const char *earlier, const char *path)
{
	char	   *newpath = psprintf("%s%s", path, FILES_NEW_SUFFIX);

	if (link(earlier, newpath) != 0)
	{
		/* as many as the file system has for one file, or none at all */
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

/*
 * Have the file at path, of a new snapshot, which is as the manifest's entry
 * says, be that of the earlier snapshot.  Returns false where there is no such
 * file, or it cannot be linked.  Needs a transaction.
 */
bool
share_file(Share *share, const char *path, const ManifestFile *file)
{
	ShareKey	key;
	ShareEntry *entry;
	char	   *earlier;

	if (share == NULL || share->impossible || !is_in_archive(file))
		return false;
	make_key(&key, file);
	entry = hash_search(share->files, &key, HASH_FIND, NULL);
	if (entry == NULL)
		return false;
	earlier = psprintf("%s/%s", share->earlier->path, entry->path);
	return is_still_good(earlier, file) && link_in_place(share, earlier, path);
}

/* No more files are shared. */
void
share_end(Share *share)
{
	if (share != NULL)
		hold_release(&share->held);
}

/*
 * The bytes of a snapshot that other ones hold as well.  Raises no error: what
 * cannot be looked at is not shared.
 */
int64
share_shared_size(const StoredSnapshot *snapshot)
{
	char	   *root = store_archive_path(snapshot);
	FileTree	tree;
	ListCell   *lc;
	int64		size = 0;

	if (strcmp(snapshot->manifest.format, "directory") != 0)
		return 0;
	(void) files_list(root, DEBUG1, &tree);
	foreach(lc, tree.files)
	{
		char	   *path = psprintf("%s/%s", root, (char *) lfirst(lc));
		struct stat st;

		if (lstat(path, &st) == 0 && st.st_nlink > 1)
			size += st.st_size;
		pfree(path);
	}
	list_free_deep(tree.files);
	pfree(root);
	return size;
}

/* Has the snapshot a link to this very file? */
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

/* The names of the other snapshots of the database that have this file, too. */
List *
share_names(const char *directory, const StoredSnapshot *snapshot,
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
