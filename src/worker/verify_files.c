/*-------------------------------------------------------------------------
 *
 * verify_files.c
 *	  Compare the files of a snapshot with its manifest.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "store/hardlink.h"
#include "util/file_digest.h"
#include "util/file_tree.h"
#include "util/test_step.h"
#include "worker/verify_files.h"

typedef struct InodeKey
{
	dev_t		device;
	ino_t		inode;
} InodeKey;

/* A file with several names, and its hash. */
typedef struct InodeEntry
{
	InodeKey	key;
	char		sha256[SHA256_HEX_SIZE];
} InodeEntry;

static Fault *
make_fault(const StoredSnapshot *snapshot, Problems *problems)
{
	Fault	   *fault = palloc0(sizeof(Fault));

	fault->level = VERIFY_CHECKSUM;
	fault->message = psprintf("snapshot \"%s\" does not match its manifest",
							  snapshot->name);
	fault->detail = problems_text(problems);
	fault->hint = "Use another snapshot. pg_restore can still restore the readable parts of this one.";
	return fault;
}

/* Add the snapshots that share the file and so have the same problem. */
static void
add_sharers(const char *directory, const StoredSnapshot *snapshot,
			const ManifestFile *file, Problems *problems)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	ListCell   *lc;

	/* not needed if the text omits them: each one reads all manifests */
	if (!problems_are_told(problems))
		return;
	context = AllocSetContextCreate(caller, "names of snapshots",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	foreach(lc, hardlink_names(directory, snapshot, file))
		problems_add(problems, "Snapshot \"%s\" shares that file.",
					 (char *) lfirst(lc));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/*
 * Create the cache in which verify_files() remembers shared files, palloc'd.
 */
SharedFiles *
verify_files_begin(void)
{
	HASHCTL		info;
	SharedFiles *shared = palloc0(sizeof(SharedFiles));

	info.keysize = sizeof(InodeKey);
	info.entrysize = sizeof(InodeEntry);
	info.hcxt = CurrentMemoryContext;
	shared->inodes = hash_create("shared files", 256, &info,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return shared;
}

/*
 * Does a file have the expected SHA-256?  With a cache, a file that has
 * several names is read only once.
 */
static bool
has_sha256(const char *path, const struct stat *st, const char *expected,
		   SharedFiles *shared)
{
	char		sha256[SHA256_HEX_SIZE];
	InodeKey	key;
	InodeEntry *entry;

	if (shared == NULL || st->st_nlink < 2)
	{
		int64		size = file_digest_file(path, sha256);

		if (shared != NULL)
			shared->bytes_read += size;
		return strcmp(sha256, expected) == 0;
	}
	memset(&key, 0, sizeof(key));
	key.device = st->st_dev;
	key.inode = st->st_ino;
	entry = hash_search(shared->inodes, &key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		shared->bytes_read += file_digest_file(path, sha256);
		entry = hash_search(shared->inodes, &key, HASH_ENTER, NULL);
		strlcpy(entry->sha256, sha256, sizeof(entry->sha256));
	}
	return strcmp(entry->sha256, expected) == 0;
}

/* Does the file have the size and the SHA-256 of the manifest? */
static void
check_file(const char *directory, const StoredSnapshot *snapshot,
		   const ManifestFile *file, SharedFiles *shared,
		   Problems *problems)
{
	char	   *path = psprintf("%s/%s", snapshot->path, file->path);
	struct stat st;

	if (lstat(path, &st) != 0)
	{
		if (errno != ENOENT && errno != ENOTDIR)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not stat file \"%s\": %m", path)));
		problems_add(problems, "File \"%s\" is missing.", path);
	}
	else if (!S_ISREG(st.st_mode))
		problems_add(problems, "\"%s\" is not a regular file.", path);
	else if (st.st_size != file->size)
		problems_add(problems, "File \"%s\" has " INT64_FORMAT
					 " bytes instead of " INT64_FORMAT ".",
					 path, (int64) st.st_size, file->size);
	else if (!has_sha256(path, &st, file->sha256, shared))
	{
		problems_add(problems, "The contents of file \"%s\" have changed: their SHA-256 differs from that in the manifest.",
					 path);
		add_sharers(directory, snapshot, file, problems);
	}
	pfree(path);
}

/*
 * Return the problem with the files of a snapshot, palloc'd, or NULL if all of
 * them match the manifest and, if exactly, there are no others.  shared caches
 * files that other snapshots share, and may be NULL.  Raises an error when a
 * file cannot be read.
 */
Fault *
verify_files(RunContext *cxt, const StoredSnapshot *snapshot,
			 bool exactly, SharedFiles *shared)
{
	MemoryContext context = CurrentMemoryContext;
	Problems	problems;
	FileTree	tree;
	const char *foreign;
	int64		bytes = 0;
	ListCell   *lc;

	problems_begin(&problems);
	(void) file_tree_list(snapshot->path, ERROR, &tree);
	foreign = exactly ? store_foreign_file(snapshot, &tree) : NULL;
	if (foreign != NULL)
		problems_add(&problems, "\"%s/%s\" is not part of the snapshot.",
					 snapshot->path, foreign);

	/*
	 * hashing needs a transaction; without an MVCC snapshot, it does not hold
	 * back vacuum
	 */
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	foreach(lc, snapshot->manifest.files)
	{
		ManifestFile *file = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		test_step("verifying");
		check_file(cxt->directory, snapshot, file, shared, &problems);
		bytes += file->size;
		run_report_bytes(cxt, bytes, (double) bytes /
						 Max(snapshot->manifest.size, 1));
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return problems.count > 0 ? make_fault(snapshot, &problems) : NULL;
}
