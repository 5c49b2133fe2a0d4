/*-------------------------------------------------------------------------
 *
 * prune.h
 *	  Pruning: remove the snapshots of a database that retention does not keep.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PRUNE_H
#define SNAPSHOT_WORKER_PRUNE_H

#include "store/store.h"

extern int *prune_judge(const List *snapshots, const char *newest);
extern int	prune_database(const char *directory, const char *database,
						   const char *newest, int elevel);

#endif							/* SNAPSHOT_WORKER_PRUNE_H */
