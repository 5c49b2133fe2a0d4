/*-------------------------------------------------------------------------
 *
 * archive_schedule.h
 *	  When the launcher has snapshots archived.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ARCHIVE_SCHEDULE_H
#define SNAPSHOT_WORKER_ARCHIVE_SCHEDULE_H

#include "launcher/crash_breaker.h"

typedef struct ArchiveSchedule
{
	bool		wanted;			/* there may be something to archive */
	uint64		run_id;			/* the run that is on; 0 for none */
	int			failures;		/* runs failed in a row */
	double		busy_logged_at; /* when the log was told of another command
								 * that runs; 0 when there is none */
	double		due;			/* when the next one is, on clock_seconds() */
	double		told_at;		/* when a failure was told of; 0 for never */
} ArchiveSchedule;

extern void archive_schedule_begin(ArchiveSchedule *archiving);
extern void archive_schedule_changed(ArchiveSchedule *archiving, const char *before);
extern void archive_schedule_note_outcome(ArchiveSchedule *archiving, Breaker *breaker,
								   const Run *run);
extern void archive_schedule_submit(ArchiveSchedule *archiving, Breaker *breaker);
extern double archive_schedule_seconds_to_next(const ArchiveSchedule *archiving);

#endif							/* SNAPSHOT_WORKER_ARCHIVE_SCHEDULE_H */
