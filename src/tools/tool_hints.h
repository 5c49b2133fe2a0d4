/*-------------------------------------------------------------------------
 *
 * tool_hints.h
 *	  Hints for errors of pg_dump and pg_restore: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TOOL_HINTS_H
#define SNAPSHOT_WORKER_TOOL_HINTS_H

extern const char *tool_hint(const char *program, const char *output);

#endif							/* SNAPSHOT_WORKER_TOOL_HINTS_H */
