/*-------------------------------------------------------------------------
 *
 * globals_state.h
 *	  Have the catalogs changed that globals.sql is made of?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_GLOBALS_STATE_H
#define SNAPSHOT_WORKER_GLOBALS_STATE_H

#include "shmem/remembered_globals.h"

extern bool globals_state_read(GlobalsState *state);
extern bool globals_state_is_same(const GlobalsState *state);

#endif							/* SNAPSHOT_WORKER_GLOBALS_STATE_H */
