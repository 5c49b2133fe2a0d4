/*-------------------------------------------------------------------------
 *
 * crash_breaker.h
 *	  A circuit breaker: what crashed the server twice is not begun again.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CRASH_BREAKER_H
#define SNAPSHOT_WORKER_CRASH_BREAKER_H

#include "nodes/pg_list.h"

#include "shmem/shared_state.h"

typedef struct Breaker
{
	MemoryContext context;		/* of the entries */
	bool		loaded;
	List	   *entries;		/* of Underway */
} Breaker;

typedef enum Verdict
{
	VERDICT_BEGIN,				/* it may begin */
	VERDICT_GIVE_UP,			/* it may not, and this is the first to know */
	VERDICT_GIVEN_UP			/* it may not, as was said before */
} Verdict;

extern void breaker_load(Breaker *breaker);
extern int	breaker_crashes(Breaker *breaker, const Run *run);
extern Verdict breaker_judge(Breaker *breaker, const Run *run);
extern void breaker_begin(Breaker *breaker, const Run *run);
extern void breaker_end(Breaker *breaker, const Run *run);
extern void breaker_forget(Breaker *breaker, const Run *run);
extern void breaker_forget_all(Breaker *breaker, bool snapshots);
extern void breaker_write_down(Breaker *breaker);
extern const RunError *breaker_error(const Run *run);

#endif							/* SNAPSHOT_WORKER_CRASH_BREAKER_H */
