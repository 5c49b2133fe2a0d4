/*-------------------------------------------------------------------------
 *
 * names.h
 *	  What a snapshot is called: database folders and instants, as text.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_NAMES_H
#define SNAPSHOT_WORKER_NAMES_H

#include "datatype/timestamp.h"

/* Every byte of a database's name may take three in its folder's name. */
#define NAMES_FOLDER_SIZE	(NAMEDATALEN * 3)
/* "2026-03-19T03-00-00Z" */
#define NAMES_TIME_SIZE		(20 + 1)
/* folder, slash, time */
#define NAMES_SIZE			(NAMES_FOLDER_SIZE + NAMES_TIME_SIZE)
/* "2026-03-19T03:00:00.123456Z" */
#define NAMES_ISO_SIZE		(27 + 1)

/* Endings of directories that are not (or no longer) snapshots. */
#define NAMES_STAGING_SUFFIX	".tmp"
#define NAMES_DOOMED_SUFFIX		".removed"

/* Names of databases that are ours to make and drop. */
#define NAMES_SCRATCH_PREFIX	"snapshot_worker_scratch_"

extern void names_encode_database(const char *database, char *folder);
extern bool names_decode_database(const char *folder, char *database);
extern bool names_format_time(TimestampTz instant, char *text);
extern bool names_parse_time(const char *text, TimestampTz *instant);
extern bool names_make(const char *database, TimestampTz instant, char *name);
extern bool names_split(const char *name, char *folder, char *database,
						TimestampTz *instant);
extern void names_format_iso(TimestampTz instant, char *text);
extern bool names_parse_iso(const char *text, TimestampTz *instant);

#endif							/* SNAPSHOT_WORKER_NAMES_H */
