/*-------------------------------------------------------------------------
 *
 * file_digest.c
 *	  Size and SHA-256 of a file, computed slice by slice.
 *
 * The caller can do other work between two slices.  The server's own
 * cryptohash computes the hash, with OpenSSL if the server is built with it.
 * The resources belong to the transaction in which the digest was begun, and
 * are freed if it is aborted.
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
	int64		size;			/* bytes read so far */
};

static void
report_digest_error(const FileDigest *digest)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute the SHA-256 hash of file \"%s\": %s",
					digest->path, pg_cryptohash_error(digest->hash))));
}

/*
 * Start to read a file.  Needs a transaction, and file_digest_end() or
 * file_digest_cancel() before it ends.  Raises an error if the file cannot be
 * opened.
 */
FileDigest *
file_digest_begin(const char *path)
{
	FileDigest *digest = palloc0(sizeof(FileDigest));

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
		report_digest_error(digest);
	return digest;
}

/*
 * Read the next slice.  Returns false at the end of the file.  Raises an error
 * if the file cannot be read.
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
		report_digest_error(digest);
	digest->size += n;
	return n == FILES_SLICE_SIZE;
}

/* Abandon a digest and free its resources. */
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
 * Finish a digest.  Returns the size in bytes, and writes the SHA-256 in
 * hexadecimal digits, SHA256_HEX_SIZE bytes.
 */
int64
file_digest_end(FileDigest *digest, char *sha256)
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
	int64		size = digest->size;

	if (pg_cryptohash_final(digest->hash, bytes, sizeof(bytes)) < 0)
		report_digest_error(digest);
	sha256[hex_encode((const char *) bytes, sizeof(bytes), sha256)] = '\0';
	file_digest_cancel(digest);
	return size;
}

/* Compute the digest of a whole file at once. */
int64
file_digest_file(const char *path, char *sha256)
{
	FileDigest *digest = file_digest_begin(path);

	while (file_digest_step(digest))
		CHECK_FOR_INTERRUPTS();
	return file_digest_end(digest, sha256);
}

/*
 * Write the SHA-256 of a text, SHA256_HEX_SIZE bytes.  Raises an error when it
 * cannot be computed.
 */
void
file_digest_text(const char *text, size_t len, char *sha256)
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) text, len) < 0 ||
		pg_cryptohash_final(hash, bytes, sizeof(bytes)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a SHA-256 hash")));
	pg_cryptohash_free(hash);
	sha256[hex_encode((const char *) bytes, sizeof(bytes), sha256)] = '\0';
}
