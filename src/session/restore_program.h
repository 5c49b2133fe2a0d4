/*-------------------------------------------------------------------------
 *
 * restore_program.h
 *	  Run pg_restore in a session, to read a dump.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_PROGRAM_H
#define SNAPSHOT_WORKER_RESTORE_PROGRAM_H

#include "nodes/pg_list.h"

#include "tools/child_stream.h"

extern ChildStream *restore_program_begin(char **argv, const List *dump_ids);
extern void restore_program_end(ChildStream *stream);
extern char *restore_program_text(char **argv, const List *dump_ids);

#endif							/* SNAPSHOT_WORKER_RESTORE_PROGRAM_H */
