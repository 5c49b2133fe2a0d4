/*-------------------------------------------------------------------------
 *
 * remembered_globals.h
 *	  The last globals.sql, and the state of the catalogs that it is made of.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_REMEMBERED_GLOBALS_H
#define SNAPSHOT_WORKER_REMEMBERED_GLOBALS_H

#include <sys/stat.h>

#include "access/xlogdefs.h"
#include "storage/block.h"

#include "util/file_digest.h"

#define GLOBALS_CATALOGS		8
#define GLOBALS_SEEN_SIZE		1024
#define GLOBALS_OPTIONS_SIZE	1024

/* The catalogs as pg_dumpall found them; see globals_state.c. */
typedef struct GlobalsState
{
	XLogRecPtr	lsn;
	char		seen[GLOBALS_SEEN_SIZE];	/* text of seen_transactions.c */
	Oid			filenodes[GLOBALS_CATALOGS];
	BlockNumber blocks[GLOBALS_CATALOGS];
} GlobalsState;

typedef struct RememberedGlobals
{
	char		path[MAXPGPATH];	/* of a globals.sql; "" for none */
	struct stat file;
	char		sha256[SHA256_HEX_SIZE];
	struct stat program;		/* pg_dumpall, which wrote it */
	char		options[GLOBALS_OPTIONS_SIZE];	/* what that was told */
	GlobalsState state;
} RememberedGlobals;

extern void state_set_globals(const RememberedGlobals *globals);
extern void state_get_globals(RememberedGlobals *globals);

#endif							/* SNAPSHOT_WORKER_REMEMBERED_GLOBALS_H */
