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
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "util/file_digest.h"

#define MANIFEST_FILE		"manifest.json"
#define MANIFEST_VERSION	1

/* A manifest has some 120 bytes for each file: room for two million. */
#define MANIFEST_MAX_SIZE	((size_t) 256 * 1024 * 1024)

typedef struct ManifestFile
{
	char	   *path;			/* relative to the snapshot, with slashes */
	int64		size;			/* bytes */
	char	   *sha256;			/* in hexadecimal digits */
} ManifestFile;

/* A role that the database's objects need, to be owned or granted. */
typedef struct ManifestRole
{
	char	   *name;
} ManifestRole;

/* What ALTER DATABASE or ALTER ROLE IN DATABASE has set. */
typedef struct ManifestSetting
{
	char	   *role;			/* NULL for all */
	char	   *name;
	char	   *value;
} ManifestSetting;

/* The value that was in force of a setting by which values are read. */
typedef struct ManifestConvention
{
	char	   *name;
	char	   *value;
	int64		required;		/* 1 where values would be read as others
								 * without it, else 0 */
} ManifestConvention;

/* A schema that the owner may use for no other reason than that he owns the
 * database. */
typedef struct ManifestSchema
{
	char	   *name;
} ManifestSchema;

/* A privilege on the database. */
typedef struct ManifestPrivilege
{
	char	   *role;			/* NULL for PUBLIC */
	char	   *privilege;
	int64		grantable;		/* 1 with the option to grant it, else 0 */
} ManifestPrivilege;

/*
 * What the archive's table of contents does not show of a kind of objects: how
 * many there are, and a hash of what they are.  See column_hashes.c.
 */
typedef struct ManifestContents
{
	char	   *kind;
	int64		count;			/* -1 if it is not known */
	char	   *hash;			/* or NULL */
} ManifestContents;

typedef struct ManifestRows
{
	char	   *schema;
	char	   *table;
	int64		count;
} ManifestRows;

/* Strings are in UTF-8 once they have been read. */
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
	XLogRecPtr	lsn;			/* see dump_transaction.c for its meaning */
	int64		timeline;
	int64		database_size;	/* bytes */
	int64		tables;
	TimestampTz server_started_at;	/* since then IDs can be compared */
	int64		next_xid;		/* full transaction ID; see unchanged_since.c */
	int64		size;			/* bytes in all files */

	/* as CREATE DATABASE and ALTER DATABASE have them */
	char	   *owner;
	char	   *encoding;
	char	   *locale_provider;	/* libc, icu, builtin */
	char	   *lc_collate;
	char	   *lc_ctype;
	char	   *locale;			/* of the provider; NULL for libc */
	char	   *icu_rules;		/* or NULL */
	char	   *tablespace;
	int64		connection_limit;	/* -1 for none */
	char	   *comment;		/* or NULL */

	int64		rows;			/* in all tables that were counted, or -1 */

	char	   *base;			/* snapshot that it builds on; NULL when it
								 * has read everything */
	int64		tables_same;	/* that were not read, since they are the same */
	int64		tables_read;

	/* Read only if they are wanted. */
	List	   *roles;			/* of ManifestRole */
	List	   *settings;		/* of ManifestSetting */
	List	   *conventions;	/* of ManifestConvention; not in old ones */
	List	   *owner_schemas;	/* of ManifestSchema; not in old ones */
	List	   *privileges;		/* of ManifestPrivilege */
	List	   *contents;		/* of ManifestContents; NIL up to releases
								 * that had other ones */
	List	   *row_counts;		/* of ManifestRows */
	List	   *files;			/* of ManifestFile */
} Manifest;

extern char *manifest_format(const Manifest *manifest);
extern void manifest_copy_strings(Manifest *manifest);
extern const char *manifest_parse(char *text, size_t len, bool want_lists,
								  Manifest *manifest);

#endif							/* SNAPSHOT_WORKER_MANIFEST_H */
