/*-------------------------------------------------------------------------
 *
 * base_file.h
 *	  What a snapshot has for later ones to build on: base.json.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BASE_FILE_H
#define SNAPSHOT_WORKER_BASE_FILE_H

#include "access/xlogdefs.h"
#include "nodes/pg_list.h"

#include "store/manifest.h"

#define BASE_FILE	"base.json"

/* The cluster, the database and the programs as the snapshot found them. */
typedef struct BaseHeader
{
	int64		version;		/* BASE_VERSION; see base_file.c */
	char	   *nonce;			/* random; the data directory has it, too */
	uint64		system_identifier;
	int64		database_oid;
	int64		database_xmin;	/* raw, of its row in pg_database */
	int64		timeline;		/* of end_lsn */
	XLogRecPtr	end_lsn;		/* what it saw was flushed up to here */
	char	   *seen;			/* by the MVCC snapshot; seen_transactions.c */
	char	   *server_version;
	char	   *pg_dump_version;
	char	   *options;		/* all that pg_dump was told */
} BaseHeader;

/* A table and the file that pg_dump has written for it. */
typedef struct BaseTable
{
	int64		oid;
	int64		tablespace;
	int64		filenode;
	char	   *definition;
	XLogRecPtr	lsn;
	int64		blocks;
	int64		settled;		/* 1 or 0; see TableState */
	int64		rows;
	char	   *path;			/* relative to the snapshot */
	int64		size;			/* bytes */
	char	   *sha256;
	uint64		inode;
	int64		changed_at;		/* mtime in nanoseconds since 1970 */
} BaseTable;

typedef struct Base
{
	BaseHeader	header;
	List	   *tables;			/* of BaseTable */
} Base;

extern char *base_file_format(const Base *base);
extern Base *base_file_read(const char *snapshot_path,
							const ManifestFile *file);

#endif							/* SNAPSHOT_WORKER_BASE_FILE_H */
