/*-------------------------------------------------------------------------
 *
 * canceling.h
 *	  The launcher drops what sessions have canceled.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CANCELING_H
#define SNAPSHOT_WORKER_CANCELING_H

#include "agenda.h"
#include "verifying.h"

extern void canceling_serve(Agenda *agenda, Verifying *verifying);

#endif							/* SNAPSHOT_WORKER_CANCELING_H */
