/*-------------------------------------------------------------------------
 *
 * programs.h
 *	  The sessions of pg_dump and pg_restore, as their worker sees them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PROGRAMS_H
#define SNAPSHOT_WORKER_PROGRAMS_H

#include "work.h"

extern void programs_admit(Work *work);
extern List *programs_row_counts(Work *work, const char *encoding);

#endif							/* SNAPSHOT_WORKER_PROGRAMS_H */
