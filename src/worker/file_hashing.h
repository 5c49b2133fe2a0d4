/*-------------------------------------------------------------------------
 *
 * file_hashing.h
 *	  Hash, link and sync the files of a snapshot that is being taken.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILE_HASHING_H
#define SNAPSHOT_WORKER_FILE_HASHING_H

#include "store/hardlink.h"
#include "store/manifest.h"

typedef struct FileHashing FileHashing;

extern FileHashing *file_hashing_begin(const char *root, HardLinks *share);
extern void file_hashing_add(FileHashing *hashing, const char *path);
extern bool file_hashing_step(FileHashing *hashing);
extern void file_hashing_pause(FileHashing *hashing);
extern ManifestFile *file_hashing_get(FileHashing *hashing, const char *path);
extern void file_hashing_adopt(FileHashing *hashing, const char *path,
							   int64 size, const char *sha256);
extern void file_hashing_settle(FileHashing *hashing, const char *path);

#endif							/* SNAPSHOT_WORKER_FILE_HASHING_H */
