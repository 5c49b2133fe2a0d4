/*-------------------------------------------------------------------------
 *
 * snapshot_worker.c
 *	  Module magic, and what happens when the library is loaded.
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
#include "settings.h"
#include "shmem/shared_state.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/*
	 * A session that loads the library by itself gets functions that say what
	 * is missing, and nothing else.
	 */
	if (!process_shared_preload_libraries_in_progress)
		return;

	settings_define();

	/* Under pg_upgrade nothing of ours is to run. */
	if (IsBinaryUpgrade)
		return;

	state_define();
	launcher_register();
	before_drop_install();
	copy_watch_install();
}
