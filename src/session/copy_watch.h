/*-------------------------------------------------------------------------
 *
 * copy_watch.h
 *	  Watch COPY in the sessions of our own pg_dump and pg_restore.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COPY_WATCH_H
#define SNAPSHOT_WORKER_COPY_WATCH_H

extern void copy_watch_install(void);

#endif							/* SNAPSHOT_WORKER_COPY_WATCH_H */
