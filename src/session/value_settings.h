/*-------------------------------------------------------------------------
 *
 * value_settings.h
 *	  The settings under which the values of a dump are read.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VALUE_SETTINGS_H
#define SNAPSHOT_WORKER_VALUE_SETTINGS_H

#include "store/manifest.h"

extern List *value_settings(const Manifest *manifest);
extern int	value_settings_apply(const List *settings);
extern void value_settings_undo(int level);

#endif							/* SNAPSHOT_WORKER_VALUE_SETTINGS_H */
