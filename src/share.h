/*-------------------------------------------------------------------------
 *
 * share.h
 *	  Files of a snapshot that are the same as in an earlier one.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SHARE_H
#define SNAPSHOT_WORKER_SHARE_H

#include "manifest.h"
#include "store.h"

typedef struct Share Share;
typedef struct ShareCheck ShareCheck;

extern Share *share_begin(const char *directory, const char *database,
						  uint64 system_identifier);
extern ShareCheck *share_check_begin(Share *share, const char *path,
									 const ManifestFile *file);
extern bool share_check_step(ShareCheck *check);
extern const char *share_check_end(ShareCheck *check);
extern bool share_link(Share *share, const char *earlier, const char *path);
extern void share_end(Share *share);
extern int64 share_shared_size(const StoredSnapshot *snapshot);
extern List *share_names(const char *directory, const StoredSnapshot *snapshot,
						 const ManifestFile *file);

#endif							/* SNAPSHOT_WORKER_SHARE_H */
