/*-------------------------------------------------------------------------
 *
 * dump_script.h
 *	  Parse a script of pg_restore with definitions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_SCRIPT_H
#define SNAPSHOT_WORKER_DUMP_SCRIPT_H

#include "nodes/parsenodes.h"

extern List *dump_script_parse(char *script);
extern const CopyStmt *dump_script_copy(const char *text);

#endif							/* SNAPSHOT_WORKER_DUMP_SCRIPT_H */
