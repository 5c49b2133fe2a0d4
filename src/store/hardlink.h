/*-------------------------------------------------------------------------
 *
 * hardlink.h
 *	  Hard links to files of an earlier snapshot that have not changed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HARDLINK_H
#define SNAPSHOT_WORKER_HARDLINK_H

#include "store/manifest.h"
#include "store/store.h"

typedef struct HardLinks HardLinks;
typedef struct HardLinkCheck HardLinkCheck;

extern HardLinks *hardlink_begin(const char *directory, const char *database,
								 uint64 system_identifier);
extern HardLinkCheck *hardlink_check_begin(HardLinks *share, const char *path,
										   const ManifestFile *file);
extern bool hardlink_check_step(HardLinkCheck *check);
extern const char *hardlink_check_end(HardLinkCheck *check);
extern bool hardlink_link(HardLinks *share, const char *earlier, const char *path);
extern void hardlink_end(HardLinks *share);
extern int64 hardlink_shared_size(const StoredSnapshot *snapshot);
extern List *hardlink_names(const char *directory, const StoredSnapshot *snapshot,
							const ManifestFile *file);

#endif							/* SNAPSHOT_WORKER_HARDLINK_H */
