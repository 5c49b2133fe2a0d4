/*-------------------------------------------------------------------------
 *
 * snapshot_lock.h
 *	  Keeping a snapshot from being removed while it is used, and the converse.
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
