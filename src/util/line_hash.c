/*-------------------------------------------------------------------------
 *
 * line_hash.c
 *	  A hash of lines that does not depend on their order.
 *
 * It adds up the SHA-256 of each line, as four numbers of 64 bits.  This takes
 * constant memory for any number of lines, and needs no sorting.  A line
 * counts as often as it occurs.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "util/line_hash.h"

static void
report_line_hash_error(const LineHash *hash)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute a SHA-256 hash: %s",
					pg_cryptohash_error(hash->context))));
}

/* Start.  Needs a transaction, and line_hash_end() before it ends. */
void
line_hash_begin(LineHash *hash)
{
	memset(hash, 0, sizeof(*hash));
	hash->context = pg_cryptohash_create(PG_SHA256);
	if (hash->context == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
}

/* Add a line of this length. */
void
line_hash_add(LineHash *hash, const char *line, size_t len)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (pg_cryptohash_init(hash->context) < 0 ||
		pg_cryptohash_update(hash->context, (const uint8 *) line, len) < 0 ||
		pg_cryptohash_final(hash->context, digest, sizeof(digest)) < 0)
		report_line_hash_error(hash);
	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
		hash->sums[i / 8] += (uint64) digest[i] << (8 * (i % 8));
	hash->count++;
}

/*
 * Write the hash of the lines so far into hex, LINEHASH_HEX_SIZE bytes, and
 * start a new one.
 */
void
line_hash_take(LineHash *hash, char *hex)
{
	for (size_t i = 0; i < LINEHASH_PARTS; i++)
		snprintf(hex + 16 * i, 17, "%016llx",
				 (unsigned long long) hash->sums[i]);
	memset(hash->sums, 0, sizeof(hash->sums));
	hash->count = 0;
}

void
line_hash_end(LineHash *hash)
{
	pg_cryptohash_free(hash->context);
	hash->context = NULL;
}
