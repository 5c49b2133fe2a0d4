/*-------------------------------------------------------------------------
 *
 * crash_breaker.h
 *	  A circuit breaker: runs that crashed the server twice do not start again.
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
	List	   *entries;		/* list of Underway */
} Breaker;

typedef enum Verdict
{
	VERDICT_BEGIN,				/* the run may start */
	VERDICT_GIVE_UP,			/* the run may not start; first refusal */
	VERDICT_GIVEN_UP			/* the run may not start; refused before */
} Verdict;

extern void breaker_load(Breaker *breaker);
extern int	breaker_crashes(Breaker *breaker, const RunRequest *request);
extern Verdict breaker_judge(Breaker *breaker, const RunRequest *request);
extern void breaker_begin(Breaker *breaker, const RunRequest *request);
extern void breaker_end(Breaker *breaker, const Run *run);
extern void breaker_forget(Breaker *breaker, const RunRequest *request);
extern void breaker_forget_all(Breaker *breaker, bool snapshots);
extern void breaker_write_down(Breaker *breaker);
extern const RunError *breaker_error(const RunRequest *request);

#endif							/* SNAPSHOT_WORKER_CRASH_BREAKER_H */
