/*-------------------------------------------------------------------------
 *
 * sweeping.h
 *	  When the launcher has leftovers removed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SWEEPING_H
#define SNAPSHOT_WORKER_SWEEPING_H

#include "breaker.h"

typedef struct Sweeping
{
	MemoryContext context;		/* of the directory's name */
	char	   *swept;			/* the directory that was swept, or NULL */
	bool		scratch_swept;	/* no scratch database should be left */
} Sweeping;

extern bool sweeping_is_done(const Sweeping *sweeping);
extern void sweeping_sweep(Sweeping *sweeping);
extern void sweeping_note_scratch(Sweeping *sweeping);
extern void sweeping_submit(Sweeping *sweeping, Breaker *breaker);

#endif							/* SNAPSHOT_WORKER_SWEEPING_H */
