/*-------------------------------------------------------------------------
 *
 * before_drop.h
 *	  Take a snapshot before a statement that destroys data.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_H
#define SNAPSHOT_WORKER_BEFORE_DROP_H

extern void before_drop_install(void);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_H */
