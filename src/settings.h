/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  Settings, and their parsed forms.
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
	FORMAT_AUTO,				/* as the database's tables are */
	FORMAT_DIRECTORY,
	FORMAT_CUSTOM
} SnapshotFormat;

/* see settings_define() for what each one means */
typedef enum RunOn
{
	RUN_ON_PRIMARY,
	RUN_ON_STANDBY,
	RUN_ON_ANY
} RunOn;

/* How far snapshots of the schedule are verified; each includes those before. */
typedef enum VerifyLevel
{
	VERIFY_OFF,
	VERIFY_LIST,				/* the archive's table of contents is read */
	VERIFY_CHECKSUM,			/* files are hashed once more */
	VERIFY_ARCHIVE,				/* the whole archive is read */
	VERIFY_RESTORE				/* it is restored, and compared */
} VerifyLevel;

/* each one includes what those before it do */
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
extern char *setting_directory; /* NULL or "" when not set */
extern int	setting_format;
extern char *setting_compress;
extern int	setting_jobs;
extern bool setting_globals;
extern int	setting_timeout;	/* seconds; 0 is none */
extern int	setting_lock_timeout;	/* milliseconds; 0 is none */
extern char *setting_user;		/* "" is the bootstrap superuser */
extern int	setting_max_workers;
extern int	setting_min_free_space; /* megabytes; 0 is none */
extern bool setting_catch_up;
extern int	setting_run_on;
extern char *setting_time;
extern int	setting_verify;
extern bool setting_share_files;
extern char *setting_session_token; /* "" is none */
extern char *setting_archive_command;	/* "" is none */
extern int	setting_archive_max_waiting;
extern char *setting_failure_command;	/* "" is none */
extern int	setting_before_drop;
extern int	setting_before_drop_size;	/* kilobytes */
extern int	setting_before_drop_max_age;	/* seconds; 0 is none will do */

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
extern bool settings_directory_format(int64 files, int64 database_size);

#endif							/* SNAPSHOT_WORKER_SETTINGS_H */
