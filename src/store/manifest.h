/*-------------------------------------------------------------------------
 *
 * manifest.h
 *	  The manifest: manifest.json, which describes a snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_MANIFEST_H
#define SNAPSHOT_WORKER_MANIFEST_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "util/file_digest.h"

#define MANIFEST_FILE		"manifest.json"
#define MANIFEST_VERSION	1

/* A manifest takes some 120 bytes per file: room for two million. */
#define MANIFEST_MAX_SIZE	((size_t) 256 * 1024 * 1024)

typedef struct ManifestFile
{
	char	   *path;			/* relative to the snapshot, with slashes */
	int64		size;			/* bytes */
	char	   *sha256;			/* in hexadecimal digits */
} ManifestFile;

/* A role that owns objects of the database or has privileges on them. */
typedef struct ManifestRole
{
	char	   *name;
} ManifestRole;

/* A setting made by ALTER DATABASE or ALTER ROLE ... IN DATABASE. */
typedef struct ManifestSetting
{
	char	   *role;			/* NULL for all roles */
	char	   *name;
	char	   *value;
} ManifestSetting;

/* A setting that affects how values are read, and its value at the dump. */
typedef struct ManifestConvention
{
	char	   *name;
	char	   *value;
	int64		required;		/* 1 if values would be misread without it,
								 * else 0 */
} ManifestConvention;

/* A schema that the owner may use only because he owns the database. */
typedef struct ManifestSchema
{
	char	   *name;
} ManifestSchema;

/* A privilege on the database. */
typedef struct ManifestPrivilege
{
	char	   *role;			/* NULL for PUBLIC */
	char	   *privilege;
	int64		grantable;		/* 1 with grant option, else 0 */
} ManifestPrivilege;

/*
 * The contents of one kind of objects, which the dump's table of contents does
 * not show: their number, and a hash of their definitions.  See
 * column_hashes.c.
 */
typedef struct ManifestContents
{
	char	   *kind;
	int64		count;			/* -1 if unknown */
	char	   *hash;			/* or NULL */
} ManifestContents;

typedef struct ManifestRows
{
	char	   *schema;
	char	   *table;
	int64		count;
} ManifestRows;

/* All strings are in UTF-8 once the manifest has been read. */
typedef struct Manifest
{
	char	   *name;
	char	   *database;		/* for display; the name has the exact bytes */
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
	XLogRecPtr	lsn;			/* for its meaning see dump_transaction.c */
	int64		timeline;
	int64		database_size;	/* bytes */
	int64		tables;
	TimestampTz server_started_at;	/* transaction IDs are comparable since
									 * then */
	int64		next_xid;		/* see unchanged_since.c */
	int64		size;			/* total bytes of all files */

	/* properties set by CREATE DATABASE and ALTER DATABASE */
	char	   *owner;
	char	   *encoding;
	char	   *locale_provider;	/* libc, icu, builtin */
	char	   *lc_collate;
	char	   *lc_ctype;
	char	   *locale;			/* of the provider; NULL for libc */
	char	   *icu_rules;		/* or NULL */
	char	   *tablespace;
	int64		connection_limit;	/* -1 for no limit */
	char	   *comment;		/* or NULL */
	int64		is_template;	/* 1 or 0; -1 if unknown */

	int64		rows;			/* in all tables that were counted, or -1 */

	/* Of dumps whose tables were counted; -1 where they were not. */
	char	   *base;			/* snapshot that unchanged tables were taken
								 * from; NULL if all tables were read */
	int64		tables_same;	/* taken from the base */
	int64		tables_read;
	int64		bytes_read;		/* size in the database of the tables read */

	/* Read only on request. */
	List	   *roles;			/* of ManifestRole */
	List	   *settings;		/* of ManifestSetting */
	List	   *conventions;	/* of ManifestConvention; may be missing */
	List	   *owner_schemas;	/* of ManifestSchema; may be missing */
	List	   *privileges;		/* of ManifestPrivilege */
	List	   *contents;		/* of ManifestContents; NIL for releases that
								 * had others */
	List	   *row_counts;		/* of ManifestRows */
	List	   *files;			/* of ManifestFile */
} Manifest;

extern char *manifest_format(const Manifest *manifest);
extern const ManifestFile *manifest_find_file(const Manifest *manifest,
											  const char *path);
extern HTAB *manifest_files_by_path(const Manifest *manifest);
extern const ManifestFile *manifest_find_path(HTAB *files, const char *path);
extern void manifest_copy_strings(Manifest *manifest);
extern const char *manifest_parse(char *text, size_t len, bool want_lists,
								  Manifest *manifest);

#endif							/* SNAPSHOT_WORKER_MANIFEST_H */
