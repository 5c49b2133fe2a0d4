/*-------------------------------------------------------------------------
 *
 * settings_check.h
 *	  Check hooks of the settings.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SETTINGS_CHECK_H
#define SNAPSHOT_WORKER_SETTINGS_CHECK_H

#include "utils/guc.h"

extern bool check_setting_time(char **newval, void **extra,
							   GucSource source);
extern bool check_setting_directory(char **newval, void **extra,
									GucSource source);
extern bool check_setting_bin_directory(char **newval, void **extra,
										GucSource source);
extern bool check_setting_archive_command(char **newval, void **extra,
										  GucSource source);
extern bool check_setting_databases(char **newval, void **extra,
									GucSource source);
extern bool check_setting_user(char **newval, void **extra,
							   GucSource source);
extern bool check_setting_compress(char **newval, void **extra,
								   GucSource source);

#endif							/* SNAPSHOT_WORKER_SETTINGS_CHECK_H */
