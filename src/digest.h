/*-------------------------------------------------------------------------
 *
 * digest.h
 *	  Size and SHA-256 of a file, slice by slice.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DIGEST_H
#define SNAPSHOT_WORKER_DIGEST_H

#include "manifest.h"

typedef struct Digest Digest;

extern Digest *digest_begin(const char *path);
extern bool digest_step(Digest *digest);
extern int64 digest_end(Digest *digest, char *sha256);
extern void digest_cancel(Digest *digest);
extern int64 digest_file(const char *path, char *sha256);

#endif							/* SNAPSHOT_WORKER_DIGEST_H */
