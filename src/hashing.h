/*-------------------------------------------------------------------------
 *
 * hashing.h
 *	  The files of a snapshot that is being taken: hashed, shared, synced.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HASHING_H
#define SNAPSHOT_WORKER_HASHING_H

#include "manifest.h"
#include "share.h"

typedef struct Hashing Hashing;

extern Hashing *hashing_begin(const char *root, Share *share);
extern void hashing_add(Hashing *hashing, const char *path);
extern bool hashing_step(Hashing *hashing);
extern void hashing_pause(Hashing *hashing);
extern ManifestFile *hashing_get(Hashing *hashing, const char *path);
extern void hashing_settle(Hashing *hashing, const char *path);

#endif							/* SNAPSHOT_WORKER_HASHING_H */
