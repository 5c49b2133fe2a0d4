/*-------------------------------------------------------------------------
 *
 * file_hashing.c
 *	  Hash, link and sync the files of a snapshot that is being taken.
 *
 * In directory format with several jobs, pg_dump reports when it has finished
 * the file of a table.  That file is hashed at once, while pg_dump continues
 * with others.  It is still in memory then, and little remains to be done at
 * the end.  At the same time we check whether the file could be a link to a
 * file of an earlier snapshot; if not, the kernel is asked to begin to write
 * it to disk.
 *
 * pg_dump's report is only a hint.  At the end each file must have the size
 * and the times that it had before it was hashed, or it is hashed again.  Only
 * then can a link replace it.
 *
 * Each file is synced separately at the end, which is quick for files that the
 * kernel has already written.  A single syncfs() would also write all dirty
 * data of the server itself on the same file system, and sessions of the
 * server would wait for that.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/hsearch.h"

#include "util/file_digest.h"
#include "util/files.h"
#include "util/snapshot_name.h"
#include "worker/file_hashing.h"

/* Maximum length of pg_dump's file names, relative to the snapshot. */
#define KEY_SIZE	(NAMES_FOLDER_SIZE + 64)

/*
 * If a file still changes after so many attempts, another process is writing
 * it.
 */
#define MAX_ROUNDS	5

typedef struct HashedFile
{
	char		path[KEY_SIZE]; /* hash key */
	ManifestFile *file;
	const char *earlier;		/* file to link to, or NULL */
	bool		on_disk;		/* a link to a file that was synced before */
	struct stat st;				/* before the file was read */
} HashedFile;

struct FileHashing
{
	const char *root;
	HardLinks  *share;			/* NULL if no links are made */
	HTAB	   *hashed;			/* HashedFile entries by path */
	List	   *queue;			/* paths of finished files */
	FileDigest *digest;			/* of the first one in queue, or NULL */
	struct stat st;				/* of that file, before it was read */
	HardLinkCheck *check;		/* next step for that file, or NULL */
	HashedFile *checked;		/* entry that "check" is for */
};

/*
 * Prepare to hash the files below root.  share is for links to an earlier
 * snapshot, or NULL.
 */
FileHashing *
file_hashing_begin(const char *root, HardLinks *share)
{
	HASHCTL		info;
	FileHashing *hashing = palloc0(sizeof(FileHashing));

	hashing->root = root;
	hashing->share = share;
	info.keysize = KEY_SIZE;
	info.entrysize = sizeof(HashedFile);
	info.hcxt = CurrentMemoryContext;
	hashing->hashed = hash_create("hashed files", 256, &info,
								  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	return hashing;
}

/*
 * Add a file that pg_dump has reported as finished, by its path below the
 * root.
 */
void
file_hashing_add(FileHashing *hashing, const char *path)
{
	if (strlen(path) < KEY_SIZE)
		hashing->queue = lappend(hashing->queue, pstrdup(path));
}

static char *
full_path(const FileHashing *hashing, const char *path)
{
	return psprintf("%s/%s", hashing->root, path);
}

static void
stat_file(const char *path, struct stat *st)
{
	if (lstat(path, st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
}

/* Is the first file in the queue a link that was adopted since? */
static bool
is_adopted(FileHashing *hashing)
{
	HashedFile *hashed = hash_search(hashing->hashed, linitial(hashing->queue),
									 HASH_FIND, NULL);

	return hashed != NULL && hashed->on_disk;
}

static void
next_in_queue(FileHashing *hashing)
{
	pfree(linitial(hashing->queue));
	hashing->queue = list_delete_first(hashing->queue);
}

/*
 * Save the size and hash of the first file in the queue, and begin to check
 * whether it can be a link.
 */
static void
note_hashed(FileHashing *hashing, const char *path)
{
	char	   *key = linitial(hashing->queue);
	HashedFile *hashed = hash_search(hashing->hashed, key, HASH_ENTER, NULL);
	ManifestFile *file = palloc0(sizeof(ManifestFile));

	file->path = pstrdup(key);
	file->sha256 = palloc(SHA256_HEX_SIZE);
	file->size = file_digest_end(hashing->digest, file->sha256);
	hashing->digest = NULL;
	hashed->file = file;
	hashed->earlier = NULL;
	hashed->on_disk = false;
	hashed->st = hashing->st;

	hashing->checked = hashed;
	hashing->check = hardlink_check_begin(hashing->share, path, file);
	if (hashing->check == NULL)
	{
		files_write_back(path);
		next_in_queue(hashing);
	}
}

/*
 * Do a short unit of work.  Returns false if there is nothing to do for now.
 * Needs a transaction.  Unless this has returned false, call
 * file_hashing_pause() before that transaction ends.  Raises an error when a
 * file cannot be read.
 */
bool
file_hashing_step(FileHashing *hashing)
{
	char	   *path;

	if (hashing->queue == NIL)
		return false;
	if (hashing->check != NULL)
	{
		if (!hardlink_check_step(hashing->check))
		{
			hashing->checked->earlier = hardlink_check_end(hashing->check);
			hashing->check = NULL;
			next_in_queue(hashing);
		}
		return true;
	}
	if (is_adopted(hashing))
	{
		next_in_queue(hashing);
		return true;
	}
	path = full_path(hashing, linitial(hashing->queue));
	if (hashing->digest == NULL)
	{
		stat_file(path, &hashing->st);
		hashing->digest = file_digest_begin(path);
	}
	else if (!file_digest_step(hashing->digest))
		note_hashed(hashing, path);
	pfree(path);
	return true;
}

/*
 * Abandon a partial hash before the transaction ends; it is restarted later.
 */
void
file_hashing_pause(FileHashing *hashing)
{
	if (hashing->digest != NULL)
		file_digest_cancel(hashing->digest);
	hashing->digest = NULL;
	if (hashing->check != NULL)
		(void) hardlink_check_end(hashing->check);
	hashing->check = NULL;
}

/*
 * Is a file as it was before it was read?  The links that others make to an
 * adopted file, or remove, change its ctime.
 */
static bool
is_unchanged(const HashedFile *hashed, const struct stat *st)
{
	return st->st_dev == hashed->st.st_dev &&
		st->st_ino == hashed->st.st_ino &&
		st->st_size == hashed->st.st_size &&
		memcmp(&st->st_mtim, &hashed->st.st_mtim, sizeof(st->st_mtim)) == 0 &&
		(hashed->on_disk ||
		 memcmp(&st->st_ctim, &hashed->st.st_ctim, sizeof(st->st_ctim)) == 0);
}

/* Return the entry of a file if the file has not changed since, else NULL. */
static HashedFile *
find_hashed(FileHashing *hashing, const char *path)
{
	HashedFile *hashed = hash_search(hashing->hashed, path, HASH_FIND, NULL);
	char	   *full;
	struct stat st;

	if (hashed == NULL)
		return NULL;
	full = full_path(hashing, path);
	stat_file(full, &st);
	pfree(full);
	if (st.st_size != hashed->file->size || !is_unchanged(hashed, &st))
	{
		hashed->on_disk = false;
		return NULL;
	}
	return hashed;
}

/*
 * Return size and SHA-256 of a file that no longer changes.  Needs a
 * transaction.  Raises an error when the file cannot be read.
 */
ManifestFile *
file_hashing_get(FileHashing *hashing, const char *path)
{
	HashedFile *hashed;

	if (strlen(path) >= KEY_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("file name \"%s\" is too long", path)));
	for (int round = 0; (hashed = find_hashed(hashing, path)) == NULL; round++)
	{
		if (round == MAX_ROUNDS)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("file \"%s/%s\" kept changing while it was hashed",
							hashing->root, path)));
		file_hashing_add(hashing, path);
		while (file_hashing_step(hashing))
			CHECK_FOR_INTERRUPTS();
	}
	return hashed->file;
}

/*
 * Adopt a file, as a path relative to the root, that is a link to a file of an
 * earlier snapshot: it is neither read nor synced again.
 */
void
file_hashing_adopt(FileHashing *hashing, const char *path, int64 size,
				   const char *sha256)
{
	HashedFile *hashed = hash_search(hashing->hashed, path, HASH_ENTER, NULL);
	ManifestFile *file = palloc0(sizeof(ManifestFile));

	file->path = pstrdup(path);
	file->size = size;
	file->sha256 = pstrdup(sha256);
	hashed->file = file;
	hashed->earlier = NULL;
	hashed->on_disk = true;
	stat_file(full_path(hashing, path), &hashed->st);
}

/*
 * Make a file durable after file_hashing_get(): replace it by a link to an
 * earlier file that is on disk already, or sync it.  Raises an error when it
 * cannot be synced.
 */
void
file_hashing_settle(FileHashing *hashing, const char *path)
{
	HashedFile *hashed = hash_search(hashing->hashed, path, HASH_FIND, NULL);
	char	   *full = full_path(hashing, path);

	if (hashed == NULL)
		elog(ERROR, "file \"%s\" was not hashed", path);
	if (hashed->on_disk)
		return;
	if (hashed->earlier == NULL ||
		!hardlink_link(hashing->share, hashed->earlier, full))
		(void) fsync_fname_ext(full, false, false, ERROR);
	pfree(full);
}
