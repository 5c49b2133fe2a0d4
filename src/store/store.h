/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The catalog of snapshots, read from the snapshot directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STORE_H
#define SNAPSHOT_WORKER_STORE_H

#include "datatype/timestamp.h"

#include "store/manifest.h"
#include "store/marks.h"
#include "util/file_tree.h"

#define STORE_GLOBALS_FILE	"globals.sql"

/* A snapshot in the directory. */
typedef struct StoredSnapshot
{
	char	   *name;
	char	   *path;
	char		database[NAMEDATALEN];
	TimestampTz start;			/* the instant in its name */
	bool		pinned;
	char	   *note;			/* of the pin, in UTF-8, or NULL */
	TimestampTz archived_at;	/* 0 if it has not been archived */
	Verification verification;	/* the last one with a result; zeroed if none
								 * had one */
	Manifest	manifest;		/* without its lists in lists of snapshots */
} StoredSnapshot;

extern StoredSnapshot *store_load(const char *directory, const char *name,
								  bool want_lists, int elevel);
extern StoredSnapshot *store_get(const char *directory, const char *name,
								 bool want_lists);
extern bool store_is_verified(const StoredSnapshot *snapshot);
extern bool store_is_bad(const StoredSnapshot *snapshot);
extern char *store_archive_path(const StoredSnapshot *snapshot);
extern const char *store_foreign_file(const StoredSnapshot *snapshot,
									  const FileTree *tree);
extern List *store_list(const char *directory, const char *database,
						TimestampTz since, int elevel, int damage_elevel);
extern StoredSnapshot *store_newest(const char *directory, const char *database,
									bool (*want) (const StoredSnapshot *snapshot,
												  const void *arg),
									const void *arg);
extern bool store_has_slot(const char *directory, const char *database,
						   TimestampTz slot, uint64 system_identifier);

#endif							/* SNAPSHOT_WORKER_STORE_H */
