/*-------------------------------------------------------------------------
 *
 * telling.h
 *	  When the administrator is told of a failure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TELLING_H
#define SNAPSHOT_WORKER_TELLING_H

#include "breaker.h"

extern void telling_submit(Breaker *breaker, const Run *failed,
						   double *told_at);

#endif							/* SNAPSHOT_WORKER_TELLING_H */
