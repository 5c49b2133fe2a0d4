/*-------------------------------------------------------------------------
 *
 * verified_mark.h
 *	  The mark of a verified snapshot, verified.json in its directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFIED_MARK_H
#define SNAPSHOT_WORKER_VERIFIED_MARK_H

#include "datatype/timestamp.h"

/* The file in a snapshot's directory with its last verification. */
#define VERIFICATION_FILE	"verified.json"

typedef struct Verification
{
	char	   *name;			/* of the snapshot */
	TimestampTz verified_at;
	char	   *level;			/* a value of the setting "verify" */
	char	   *problem;		/* NULL if the snapshot is good */
} Verification;

extern void verified_mark_write(const char *path,
							   const Verification *verification);
extern bool verified_mark_equal(const Verification *a, const Verification *b);
extern bool verified_mark_read(const char *path, const char *name,
							  Verification *verification);

#endif							/* SNAPSHOT_WORKER_VERIFIED_MARK_H */
