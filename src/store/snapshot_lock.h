/*-------------------------------------------------------------------------
 *
 * snapshot_lock.h
 *	  Locks that keep a snapshot in use from being removed, and vice versa.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SNAPSHOT_LOCK_H
#define SNAPSHOT_WORKER_SNAPSHOT_LOCK_H

extern int	snapshot_lock_try(const char *path);
extern int	snapshot_lock_shared(const char *path);
extern int	snapshot_lock_for_removal(const char *path);
extern int	snapshot_lock_for_marking(const char *path);
extern void snapshot_unlock(int *fd);

#endif							/* SNAPSHOT_WORKER_SNAPSHOT_LOCK_H */
