/*-------------------------------------------------------------------------
 *
 * hints.h
 *	  What to do about an error of pg_dump or pg_restore: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HINTS_H
#define SNAPSHOT_WORKER_HINTS_H

extern const char *hints_find(const char *program, const char *output);

#endif							/* SNAPSHOT_WORKER_HINTS_H */
