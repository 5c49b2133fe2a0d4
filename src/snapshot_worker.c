/*-------------------------------------------------------------------------
 *
 * snapshot_worker.c
 *	  Module magic and _PG_init().
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "launcher/launcher.h"
#include "session/before_drop.h"
#include "session/copy_watch.h"
#include "session/restore_parts.h"
#include "session/restore_watch.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "util/compat.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/*
	 * If a session loads the library later, its functions only report that it
	 * must be in shared_preload_libraries.
	 */
	if (!process_shared_preload_libraries_in_progress)
		return;

	settings_define();

	/* Do nothing during pg_upgrade. */
	if (IsBinaryUpgrade)
		return;

	state_define();
	launcher_register();
	before_drop_install();
	copy_watch_install();
	restore_watch_install();
	restore_parts_install();
}
