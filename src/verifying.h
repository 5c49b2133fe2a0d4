/*-------------------------------------------------------------------------
 *
 * verifying.h
 *	  When the launcher has a scheduled snapshot verified again.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFYING_H
#define SNAPSHOT_WORKER_VERIFYING_H

#include "breaker.h"

typedef struct Verifying
{
	MemoryContext context;		/* of the list */
	List	   *unproved;
} Verifying;

extern void verifying_resume(Verifying *verifying);
extern bool verifying_note_outcome(Verifying *verifying, Breaker *breaker,
								   const Run *run);
extern void verifying_submit(Verifying *verifying, Breaker *breaker);
extern int	verifying_cancel(Verifying *verifying, const char *database,
							 uint64 last_run_id);
extern double verifying_seconds_to_next(const Verifying *verifying);

#endif							/* SNAPSHOT_WORKER_VERIFYING_H */
