/*-------------------------------------------------------------------------
 *
 * unchanged_since.h
 *	  Check whether anything has been written since a snapshot was taken.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_UNCHANGED_SINCE_H
#define SNAPSHOT_WORKER_UNCHANGED_SINCE_H

#include "utils/snapshot.h"

#include "store/manifest.h"

extern void unchanged_since_note(Snapshot snapshot, Manifest *manifest);
extern bool is_unchanged_since(const Manifest *manifest);

#endif							/* SNAPSHOT_WORKER_UNCHANGED_SINCE_H */
