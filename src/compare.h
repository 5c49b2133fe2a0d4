/*-------------------------------------------------------------------------
 *
 * compare.h
 *	  Is a restored database what the manifest says?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COMPARE_H
#define SNAPSHOT_WORKER_COMPARE_H

#include "work.h"

extern void compare_scratch(Work *work);

extern PGDLLEXPORT void snapshot_worker_compare_main(Datum main_arg);

#endif							/* SNAPSHOT_WORKER_COMPARE_H */
