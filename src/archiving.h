/*-------------------------------------------------------------------------
 *
 * archiving.h
 *	  When the launcher has snapshots archived.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ARCHIVING_H
#define SNAPSHOT_WORKER_ARCHIVING_H

#include "breaker.h"

typedef struct Archiving
{
	bool		wanted;			/* there may be something to archive */
	uint64		run_id;			/* the run that is on; 0 for none */
	int			failures;		/* runs failed in a row */
	double		busy_logged_at; /* when the log was told of another command
								 * that runs; 0 when there is none */
	double		due;			/* when the next one is, on clock_seconds() */
	double		told_at;		/* when a failure was told of; 0 for never */
} Archiving;

extern void archiving_begin(Archiving *archiving);
extern void archiving_changed(Archiving *archiving, const char *before);
extern void archiving_note_outcome(Archiving *archiving, Breaker *breaker,
								   const Run *run);
extern void archiving_submit(Archiving *archiving, Breaker *breaker);
extern double archiving_seconds_to_next(const Archiving *archiving);

#endif							/* SNAPSHOT_WORKER_ARCHIVING_H */
