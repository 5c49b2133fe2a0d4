/*-------------------------------------------------------------------------
 *
 * horizon.h
 *	  Has anything been written since a snapshot was taken?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HORIZON_H
#define SNAPSHOT_WORKER_HORIZON_H

#include "manifest.h"
#include "utils/snapshot.h"

extern void horizon_note(Snapshot snapshot, Manifest *manifest);
extern bool horizon_is_unchanged(const Manifest *manifest);

#endif							/* SNAPSHOT_WORKER_HORIZON_H */
