/*-------------------------------------------------------------------------
 *
 * retention.h
 *	  Which snapshots to remove: pure, given a list.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RETENTION_H
#define SNAPSHOT_WORKER_RETENTION_H

#include "store.h"

extern List *retention_expired(List *snapshots, uint64 system_identifier,
							   const char *newest, int keep);

#endif							/* SNAPSHOT_WORKER_RETENTION_H */
