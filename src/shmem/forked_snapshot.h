/*-------------------------------------------------------------------------
 *
 * forked_snapshot.h
 *	  A snapshot of a server that has our system identifier and another past.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FORKED_SNAPSHOT_H
#define SNAPSHOT_WORKER_FORKED_SNAPSHOT_H

#include "util/snapshot_name.h"

extern void state_set_forked_snapshot(const char *name);
extern void state_get_forked_snapshot(char *name);

#endif							/* SNAPSHOT_WORKER_FORKED_SNAPSHOT_H */
