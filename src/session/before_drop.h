/*-------------------------------------------------------------------------
 *
 * before_drop.h
 *	  Statements that wait for a snapshot of what they destroy.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_H
#define SNAPSHOT_WORKER_BEFORE_DROP_H

extern void before_drop_install(void);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_H */
