/*-------------------------------------------------------------------------
 *
 * hold.h
 *	  Keeping a snapshot from being removed while it is used, and the converse.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HOLD_H
#define SNAPSHOT_WORKER_HOLD_H

extern int	hold_if_possible(const char *path);
extern int	hold_for_reading(const char *path);
extern int	hold_for_removal(const char *path);
extern int	hold_for_writing(const char *path);
extern void hold_release(int *fd);

#endif							/* SNAPSHOT_WORKER_HOLD_H */
