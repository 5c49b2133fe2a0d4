/*-------------------------------------------------------------------------
 *
 * locks.h
 *	  Locks on files, also where the file system has none.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LOCKS_H
#define SNAPSHOT_WORKER_LOCKS_H

extern bool locks_can_be_local(void);
extern int	locks_take(int fd, int operation);
extern void locks_drop(int fd);
extern void locks_close(int fd);

#endif							/* SNAPSHOT_WORKER_LOCKS_H */
