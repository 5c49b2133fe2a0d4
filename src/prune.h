/*-------------------------------------------------------------------------
 *
 * prune.h
 *	  Applying retention, or telling what that would do.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PRUNE_H
#define SNAPSHOT_WORKER_PRUNE_H

extern int	prune_database(const char *directory, const char *database,
						   const char *newest, int elevel);

#endif							/* SNAPSHOT_WORKER_PRUNE_H */
