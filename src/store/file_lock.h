/*-------------------------------------------------------------------------
 *
 * file_lock.h
 *	  Locks on files, with a substitute for file systems that have no locks.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILE_LOCK_H
#define SNAPSHOT_WORKER_FILE_LOCK_H

extern bool file_lock_can_be_local(void);
extern int	file_lock_take(int fd, int operation);
extern int	file_lock_open(const char *path, int flags, int operation);
extern void file_lock_close(int fd);

#endif							/* SNAPSHOT_WORKER_FILE_LOCK_H */
