/*-------------------------------------------------------------------------
 *
 * snapshot_name.h
 *	  Names of snapshots: the folder of the database, and the start.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SNAPSHOT_NAME_H
#define SNAPSHOT_WORKER_SNAPSHOT_NAME_H

#include "util/utc_time.h"

/* Each byte of a database's name takes at most three in its folder's name. */
#define NAMES_FOLDER_SIZE	(NAMEDATALEN * 3)
/* folder, slash, time */
#define NAMES_SIZE			(NAMES_FOLDER_SIZE + UTC_TIME_NAME_SIZE)

/* Suffixes of directories that are not, or no longer, snapshots. */
#define NAMES_STAGING_SUFFIX	".tmp"
#define NAMES_REMOVED_SUFFIX		".removed"

/* Names of the databases that we create and drop. */
#define NAMES_SCRATCH_PREFIX	"snapshot_worker_scratch_"

extern void names_encode_database(const char *database, char *folder);
extern bool names_decode_database(const char *folder, char *database);
extern bool names_make(const char *database, TimestampTz instant, char *name);
extern bool names_split(const char *name, char *folder, char *database,
						TimestampTz *instant);
extern bool names_database(const char *name, char *database);
extern bool names_start(const char *name, TimestampTz *start);
extern bool names_is_scratch(const char *database);

#endif							/* SNAPSHOT_WORKER_SNAPSHOT_NAME_H */
