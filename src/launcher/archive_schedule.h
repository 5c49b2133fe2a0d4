/*-------------------------------------------------------------------------
 *
 * archive_schedule.h
 *	  The schedule of archiving: when the launcher queues an archive run.
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
	bool		wanted;			/* a run is wanted once it is due */
	uint64		run_id;			/* the run in progress; 0 for none */
	int			failures;		/* consecutive failed runs */
	double		busy_logged_at; /* when we last logged that another command is
								 * running, or 0 */
	double		due;			/* when the next run is due, on
								 * clock_seconds() */
	double		told_at;		/* time of the last alert; 0 for never */
} ArchiveSchedule;

extern void archive_schedule_begin(ArchiveSchedule *archiving);
extern void archive_schedule_changed(ArchiveSchedule *archiving, const char *before);
extern void archive_schedule_note_outcome(ArchiveSchedule *archiving, Breaker *breaker,
										  const Run *run);
extern void archive_schedule_submit(ArchiveSchedule *archiving, Breaker *breaker);
extern double archive_schedule_seconds_to_next(const ArchiveSchedule *archiving);

#endif							/* SNAPSHOT_WORKER_ARCHIVE_SCHEDULE_H */
