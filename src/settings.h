/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The settings, their definitions and their parsed forms.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SETTINGS_H
#define SNAPSHOT_WORKER_SETTINGS_H

#include "nodes/pg_list.h"

#include "util/slot_times.h"

typedef enum SnapshotFormat
{
	FORMAT_AUTO,				/* by the number and size of the tables */
	FORMAT_DIRECTORY,
	FORMAT_CUSTOM
} SnapshotFormat;

/* see settings_define() for the meaning of each value */
typedef enum RunOn
{
	RUN_ON_PRIMARY,
	RUN_ON_STANDBY,
	RUN_ON_ANY
} RunOn;

/*
 * How thoroughly scheduled snapshots are verified; each level includes the
 * previous ones.
 */
typedef enum VerifyLevel
{
	VERIFY_OFF,
	VERIFY_LIST,				/* read the dump's table of contents */
	VERIFY_CHECKSUM,			/* hash all files again */
	VERIFY_ARCHIVE,				/* read the whole dump */
	VERIFY_RESTORE				/* restore it and compare */
} VerifyLevel;

/* each value includes the previous ones */
typedef enum BeforeDrop
{
	BEFORE_DROP_OFF,
	BEFORE_DROP_DATABASE,
	BEFORE_DROP_TABLE
} BeforeDrop;

extern bool setting_enable;
extern int	setting_retention;
extern int	setting_retention_manual;
extern int	setting_retention_days;
extern int	setting_keep_daily;
extern int	setting_keep_weekly;
extern int	setting_keep_monthly;
extern int	setting_keep_yearly;
extern char *setting_directory; /* NULL or "" if not set */
extern int	setting_format;
extern char *setting_compress;
extern int	setting_jobs;
extern bool setting_globals;
extern int	setting_timeout;	/* seconds; 0 means no limit */
extern int	setting_lock_timeout;	/* milliseconds; 0 means no limit */
extern char *setting_user;		/* "" means the bootstrap superuser */
extern int	setting_max_workers;
extern int	setting_min_free_space; /* megabytes; 0 means no minimum */
extern bool setting_catch_up;
extern int	setting_run_on;
extern char *setting_time;
extern int	setting_verify;
extern bool setting_share_files;
extern bool setting_incremental;
extern int	setting_full_interval;	/* minutes; 0 is never */
extern char *setting_session_token; /* "" means no token */
extern char *setting_archive_command;	/* "" means no command */
extern int	setting_archive_max_waiting;
extern char *setting_failure_command;	/* "" means no command */
extern int	setting_before_drop;
extern int	setting_before_drop_size;	/* kilobytes */
extern int	setting_before_drop_max_age;	/* seconds; 0 reuses none */

extern void settings_define(void);
extern void settings_schedule(SlotTimes *times);
extern const char *settings_verify_name(VerifyLevel level);
extern bool settings_every_database(void);
extern List *settings_databases(void);
extern const char *settings_directory(void);
extern bool settings_directory_is_set(void);
extern bool settings_directory_in_data_directory(void);
extern bool settings_archiving(void);
extern const char *settings_bin_directory(void);

#endif							/* SNAPSHOT_WORKER_SETTINGS_H */
