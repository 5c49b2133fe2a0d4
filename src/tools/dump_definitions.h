/*-------------------------------------------------------------------------
 *
 * dump_definitions.h
 *	  Hashes of the definitions in a script of pg_restore: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_DEFINITIONS_H
#define SNAPSHOT_WORKER_DUMP_DEFINITIONS_H

#include "lib/stringinfo.h"

#include "util/line_hash.h"

typedef struct Definitions
{
	StringInfoData text;		/* a line for each definition */
	StringInfoData heading;		/* of the current one, or empty */
	LineHash	hash;			/* of the lines of the current one */
} Definitions;

extern void definitions_begin(Definitions *definitions);
extern void definitions_add(Definitions *definitions, const char *line,
							size_t len);
extern char *definitions_end(Definitions *definitions);

#endif							/* SNAPSHOT_WORKER_DUMP_DEFINITIONS_H */
