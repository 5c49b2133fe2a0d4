/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The scheduling loop.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LAUNCHER_H
#define SNAPSHOT_WORKER_LAUNCHER_H

#include "util/compat.h"

extern void launcher_register(void);

extern PGDLLEXPORT void snapshot_worker_launcher_main(Datum main_arg);

#endif							/* SNAPSHOT_WORKER_LAUNCHER_H */
