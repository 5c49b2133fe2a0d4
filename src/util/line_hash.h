/*-------------------------------------------------------------------------
 *
 * line_hash.h
 *	  A hash of lines that does not depend on their order.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LINE_HASH_H
#define SNAPSHOT_WORKER_LINE_HASH_H

#include "common/cryptohash.h"
#include "common/sha2.h"

#define LINEHASH_PARTS		4
#define LINEHASH_HEX_SIZE	(PG_SHA256_DIGEST_LENGTH * 2 + 1)

typedef struct LineHash
{
	pg_cryptohash_ctx *context;
	uint64		sums[LINEHASH_PARTS];
	int64		count;			/* number of lines so far */
} LineHash;

extern void line_hash_begin(LineHash *hash);
extern void line_hash_add(LineHash *hash, const char *line, size_t len);
extern void line_hash_take(LineHash *hash, char *hex);
extern void line_hash_end(LineHash *hash);

#endif							/* SNAPSHOT_WORKER_LINE_HASH_H */
