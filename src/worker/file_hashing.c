/*-------------------------------------------------------------------------
 *
 * file_hashing.c
 *	  The files of a snapshot that is being taken: hashed, shared, synced.
 *
 * In directory format with several jobs, pg_dump tells when it is done with the
 * file of a table.  That is hashed at once, while pg_dump goes on with others;
 * so it is in memory still, and little is left to do at the end.  Whether it
 * could be a link to a file of an earlier snapshot is found out, too; if not,
 * the kernel is asked to begin to write it to disk.
 *
 * What pg_dump says is a hint: at the end each file has to have the size and
 * the times that it had before it was hashed, or it is hashed once more.  Only
 * then is one replaced by a link.
 *
 * Each file is synced by itself at the end, which is quick for what the kernel
 * has written already.  One syncfs() in the place of all that would also
 * write all that the server has not written yet of its own data, if that
 * is on the same file system, and have its sessions wait for that.
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

/* Of the paths that pg_dump gives to its files, relative to the snapshot. */
#define KEY_SIZE	(NAMES_FOLDER_SIZE + 64)

/* A file that changes again and again is not ours alone. */
#define MAX_ROUNDS	5

typedef struct HashedFile
{
	char		path[KEY_SIZE]; /* the hash key */
	ManifestFile *file;
	const char *earlier;		/* to be a link to this one, or NULL */
	bool		on_disk;		/* a link to a file that was synced before */
	struct stat st;				/* before it was read */
} HashedFile;

struct FileHashing
{
	const char *root;
	HardLinks	   *share;			/* or NULL */
	HTAB	   *hashed;			/* of HashedFile, by path */
	List	   *queue;			/* paths of files that are done */
	FileDigest	   *digest;			/* of the first of them, or NULL */
	struct stat st;				/* of that one, before it was read */
	HardLinkCheck *check;			/* then, of the same one, or NULL */
	HashedFile *checked;		/* whose check that is */
};

/* Prepare for the files below root, some of them to be shared, perhaps. */
FileHashing *
file_hashing_begin(const char *root, HardLinks *share)
{
	HASHCTL		info;
	FileHashing    *hashing = palloc0(sizeof(FileHashing));

	hashing->root = root;
	hashing->share = share;
	info.keysize = KEY_SIZE;
	info.entrysize = sizeof(HashedFile);
	info.hcxt = CurrentMemoryContext;
	hashing->hashed = hash_create("hashed files", 256, &info,
								  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	return hashing;
}

/* A file, as a path relative to the root, is said to be done. */
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

static void
next_in_queue(FileHashing *hashing)
{
	pfree(linitial(hashing->queue));
	hashing->queue = list_delete_first(hashing->queue);
}

/* The first file of the queue has been read: keep what it is. */
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
 * Do a slice of what there is to do.  Returns false when that is nothing, for
 * now.  Needs a transaction, before whose end there has to be a file_hashing_pause(),
 * unless this has returned false.  Raises an error when a file cannot be read.
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

/* The transaction ends: what is half done will be done anew. */
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

/* What is known of a file that has not changed since, or NULL. */
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
	if (st.st_ino != hashed->st.st_ino ||
		st.st_size != hashed->st.st_size ||
		st.st_size != hashed->file->size ||
		memcmp(&st.st_mtim, &hashed->st.st_mtim, sizeof(st.st_mtim)) != 0 ||
		memcmp(&st.st_ctim, &hashed->st.st_ctim, sizeof(st.st_ctim)) != 0)
		return NULL;
	return hashed;
}

/*
 * Size and SHA-256 of a file that will not change any more.  Needs a
 * transaction.  Raises an error when it cannot be read.
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
					 errmsg("file \"%s/%s\" is being changed by someone",
							hashing->root, path)));
		file_hashing_add(hashing, path);
		while (file_hashing_step(hashing))
			CHECK_FOR_INTERRUPTS();
	}
	return hashed->file;
}

/*
 * Take a file, as a path relative to the root, that is a link to one of an
 * earlier snapshot, for what it is there: it is neither read nor synced.
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
 * Have a file on disk, after file_hashing_get(): by a link to an earlier one that is
 * there already, or by a sync.  Raises an error when it cannot be synced.
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
