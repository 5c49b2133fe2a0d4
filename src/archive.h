/*-------------------------------------------------------------------------
 *
 * archive.h
 *	  Copies of snapshots elsewhere, by archive_command.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ARCHIVE_H
#define SNAPSHOT_WORKER_ARCHIVE_H

#include "work.h"

extern bool archive_is_on(void);
extern char *archive_lock_path(const char *directory);
extern void archive_snapshots(Work *work);

#endif							/* SNAPSHOT_WORKER_ARCHIVE_H */
