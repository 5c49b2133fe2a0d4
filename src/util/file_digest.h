/*-------------------------------------------------------------------------
 *
 * file_digest.h
 *	  Size and SHA-256 of a file, computed slice by slice.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILE_DIGEST_H
#define SNAPSHOT_WORKER_FILE_DIGEST_H

#include "common/sha2.h"

/* Size of a SHA-256 in hexadecimal digits, with the terminating zero. */
#define SHA256_HEX_SIZE		(PG_SHA256_DIGEST_LENGTH * 2 + 1)

typedef struct FileDigest FileDigest;

extern FileDigest *file_digest_begin(const char *path);
extern bool file_digest_step(FileDigest *digest);
extern int64 file_digest_end(FileDigest *digest, char *sha256);
extern void file_digest_cancel(FileDigest *digest);
extern void file_digest_text(const char *text, size_t len, char *sha256);
extern int64 file_digest_file(const char *path, char *sha256);

#endif							/* SNAPSHOT_WORKER_FILE_DIGEST_H */
