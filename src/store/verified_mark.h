/*-------------------------------------------------------------------------
 *
 * verified_mark.h
 *	  The outcome of a verification, beside the snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFIED_MARK_H
#define SNAPSHOT_WORKER_VERIFIED_MARK_H

#include "datatype/timestamp.h"

/* The file in a snapshot's directory that says how it was last verified. */
#define VERIFICATION_FILE	"verified.json"

typedef struct Verification
{
	char	   *name;			/* of the snapshot */
	TimestampTz verified_at;
	char	   *level;			/* as the setting "verify" has it */
	char	   *problem;		/* NULL when it is good */
} Verification;

extern void verified_mark_write(const char *path,
							   const Verification *verification);
extern bool verified_mark_equal(const Verification *a, const Verification *b);
extern bool verified_mark_read(const char *path, const char *name,
							  Verification *verification);

#endif							/* SNAPSHOT_WORKER_VERIFIED_MARK_H */
