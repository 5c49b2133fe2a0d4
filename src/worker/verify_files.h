/*-------------------------------------------------------------------------
 *
 * verify_files.h
 *	  Compare the files of a snapshot with its manifest.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_FILES_H
#define SNAPSHOT_WORKER_VERIFY_FILES_H

#include "worker/run_context.h"
#include "worker/verify_problems.h"

/* Cache of the files that several of the verified snapshots share. */
typedef struct SharedFiles
{
	struct HTAB *inodes;
	int64		bytes_read;
} SharedFiles;

extern SharedFiles *verify_files_begin(void);
extern Fault *verify_files(RunContext *cxt, const StoredSnapshot *snapshot,
						   bool exactly, SharedFiles *shared);

#endif							/* SNAPSHOT_WORKER_VERIFY_FILES_H */
