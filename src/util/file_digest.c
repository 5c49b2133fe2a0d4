/*-------------------------------------------------------------------------
 *
 * file_digest.c
 *	  Size and SHA-256 of a file, slice by slice.
 *
 * Whoever has other things to look at meanwhile does so between two slices.
 * The server's own cryptohash does the work, by OpenSSL where it is built with
 * that.  What is open here belongs to the transaction in which it was begun,
 * and goes with that, should it be aborted.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>

#include "common/cryptohash.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"

#include "util/file_digest.h"
#include "util/files.h"

struct FileDigest
{
	char	   *path;
	int			fd;
	pg_cryptohash_ctx *hash;
	char	   *slice;
	int64		size;			/* of what was read so far */
};

static void
failed(const FileDigest *digest)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute the SHA-256 hash of file \"%s\": %s",
					digest->path, pg_cryptohash_error(digest->hash))));
}

/*
 * Begin to read a file.  Needs a transaction, before whose end there has to be
 * a file_digest_end() or file_digest_cancel().  Raises an error when it cannot be opened.
 */
FileDigest *
file_digest_begin(const char *path)
{
	FileDigest	   *digest = palloc0(sizeof(FileDigest));

	digest->path = pstrdup(path);
	digest->slice = palloc(FILES_SLICE_SIZE);
	digest->fd = OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | PG_BINARY);
	if (digest->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	digest->hash = pg_cryptohash_create(PG_SHA256);
	if (digest->hash == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (pg_cryptohash_init(digest->hash) < 0)
		failed(digest);
	return digest;
}

/*
 * Read on by a slice.  Returns false at the end of the file.  Raises an error
 * when it cannot be read.
 */
bool
file_digest_step(FileDigest *digest)
{
	ssize_t		n = files_read_slice(digest->fd, digest->slice);

	if (n < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", digest->path)));
	if (pg_cryptohash_update(digest->hash, (uint8 *) digest->slice, n) < 0)
		failed(digest);
	digest->size += n;
	return n == FILES_SLICE_SIZE;
}

/* Give up, and free all that there was. */
void
file_digest_cancel(FileDigest *digest)
{
	pg_cryptohash_free(digest->hash);
	(void) CloseTransientFile(digest->fd);	/* only read */
	pfree(digest->slice);
	pfree(digest->path);
	pfree(digest);
}

/*
 * The size in bytes of what was read, and its SHA-256 in hexadecimal digits,
 * SHA256_HEX_SIZE bytes.
 */
int64
file_digest_end(FileDigest *digest, char *sha256)
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
	int64		size = digest->size;

	if (pg_cryptohash_final(digest->hash, bytes, sizeof(bytes)) < 0)
		failed(digest);
	sha256[hex_encode((const char *) bytes, sizeof(bytes), sha256)] = '\0';
	file_digest_cancel(digest);
	return size;
}

/* All of it at once, for a whole file. */
int64
file_digest_file(const char *path, char *sha256)
{
	FileDigest	   *digest = file_digest_begin(path);

	while (file_digest_step(digest))
		CHECK_FOR_INTERRUPTS();
	return file_digest_end(digest, sha256);
}
