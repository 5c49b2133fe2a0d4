/*-------------------------------------------------------------------------
 *
 * open_snapshot.h
 *	  A snapshot that a session reads: locked, with its dump and encoding.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_OPEN_SNAPSHOT_H
#define SNAPSHOT_WORKER_OPEN_SNAPSHOT_H

#include "store/store.h"

typedef struct OpenSnapshot
{
	const StoredSnapshot *stored;	/* with the manifest's lists */
	char	   *dump;			/* path of the dump */
	HTAB	   *files;			/* of the manifest, by path */
	int			encoding;		/* of the dump: names and rows */
	int			lock;			/* descriptor, or -1 */
	MemoryContextCallback callback;
} OpenSnapshot;

extern OpenSnapshot *open_snapshot(const char *name);
extern void open_snapshot_close(OpenSnapshot *snapshot);
extern const ManifestFile *open_snapshot_data_file(const OpenSnapshot *snapshot,
												   int dump_id);
extern void open_snapshot_check_file(const OpenSnapshot *snapshot,
									 const ManifestFile *file);
extern char *open_snapshot_list(const OpenSnapshot *snapshot,
								const char *schema, const char *table);
extern char *open_snapshot_script(const OpenSnapshot *snapshot,
								  const List *dump_ids);

#endif							/* SNAPSHOT_WORKER_OPEN_SNAPSHOT_H */
