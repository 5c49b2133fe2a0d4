/*-------------------------------------------------------------------------
 *
 * choose_base.h
 *	  Choose the base of a run, an earlier snapshot of the same database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CHOOSE_BASE_H
#define SNAPSHOT_WORKER_CHOOSE_BASE_H

#include "worker/base_files.h"

extern Incremental *choose_base_begin(void);
extern void choose_base(RunContext *cxt, const char *options);
extern bool choose_base_is_in_past(const Incremental *incremental,
								   const BaseHeader *header);

#endif							/* SNAPSHOT_WORKER_CHOOSE_BASE_H */
