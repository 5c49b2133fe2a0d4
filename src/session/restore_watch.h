/*-------------------------------------------------------------------------
 *
 * restore_watch.h
 *	  Adapt statements of our own pg_restore to what this server lacks.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_WATCH_H
#define SNAPSHOT_WORKER_RESTORE_WATCH_H

#include "shmem/restore_notes.h"

extern char *restore_watch_no_role(const char *role);
extern bool restore_watch_is_trouble(const ErrorData *edata);
extern void restore_watch_note(RestoreNotes *notes, const char *object,
							   const char *message, const char *detail);
extern void restore_watch_install(void);

#endif							/* SNAPSHOT_WORKER_RESTORE_WATCH_H */
