/*-------------------------------------------------------------------------
 *
 * manifest.h
 *	  What a snapshot is, as its manifest.json says.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_MANIFEST_H
#define SNAPSHOT_WORKER_MANIFEST_H

#include "access/xlogdefs.h"
#include "common/sha2.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#define MANIFEST_FILE		"manifest.json"
#define MANIFEST_VERSION	1

/* A manifest has some 120 bytes for each file: room for two million. */
#define MANIFEST_MAX_SIZE	((size_t) 256 * 1024 * 1024)

#define SHA256_HEX_SIZE		(PG_SHA256_DIGEST_LENGTH * 2 + 1)

typedef struct ManifestFile
{
	char	   *path;			/* relative to the snapshot, with slashes */
	int64		size;			/* bytes */
	char		sha256[SHA256_HEX_SIZE];
} ManifestFile;

typedef struct Manifest
{
	char	   *name;
	char	   *database;		/* for people; the name has the exact bytes */
	uint64		system_identifier;
	char	   *reason;
	TimestampTz scheduled_for;	/* the slot of a scheduled run, else 0 */
	int64		attempt;
	TimestampTz started_at;
	TimestampTz finished_at;
	char	   *server_version;
	char	   *pg_dump_version;
	char	   *format;
	char	   *compression;
	int64		jobs;			/* 0 in custom format */
	XLogRecPtr	lsn;			/* see facts.c for its meaning */
	int64		timeline;
	int64		database_size;	/* bytes */
	int64		tables;
	TimestampTz server_started_at;	/* since then IDs can be compared */
	int64		next_xid;		/* full transaction ID; see horizon.c */
	int64		size;			/* bytes in all files */
	List	   *files;			/* of ManifestFile */
} Manifest;

extern char *manifest_format(const Manifest *manifest);
extern void manifest_copy_strings(Manifest *manifest);
extern const char *manifest_parse(char *text, size_t len, bool want_files,
								  Manifest *manifest);

#endif							/* SNAPSHOT_WORKER_MANIFEST_H */
