/*-------------------------------------------------------------------------
 *
 * database_settings.h
 *	  Save and restore the settings under which values are read and computed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASE_SETTINGS_H
#define SNAPSHOT_WORKER_DATABASE_SETTINGS_H

#include "store/manifest.h"

extern void database_settings_read(Manifest *manifest, MemoryContext context);
extern char *database_settings_dump_options(void);
extern char *database_settings_restore_options(const Manifest *manifest);
extern void database_settings_apply(const Manifest *manifest,
									const char *database, bool of_roles);

#endif							/* SNAPSHOT_WORKER_DATABASE_SETTINGS_H */
