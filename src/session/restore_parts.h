/*-------------------------------------------------------------------------
 *
 * restore_parts.h
 *	  Leave out what cannot come along when pg_restore restores one table.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_PARTS_H
#define SNAPSHOT_WORKER_RESTORE_PARTS_H

extern void restore_parts_install(void);

#endif							/* SNAPSHOT_WORKER_RESTORE_PARTS_H */
