/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The settings, their definitions and their parsed forms.
 *
 * A parsed form is built from the text on each call; callers need one only
 * rarely.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "settings.h"
#include "settings_check.h"
#include "util/compat.h"

bool		setting_enable = false;
int			setting_retention = 7;
int			setting_retention_manual = 7;
int			setting_retention_days = 0;
int			setting_keep_daily = 0;
int			setting_keep_weekly = 0;
int			setting_keep_monthly = 0;
int			setting_keep_yearly = 0;
char	   *setting_directory = NULL;
int			setting_format = FORMAT_AUTO;
char	   *setting_compress = NULL;
int			setting_jobs = 2;
bool		setting_globals = true;
int			setting_timeout = 12 * SECS_PER_HOUR;
int			setting_lock_timeout = 5 * SECS_PER_MINUTE * 1000;
char	   *setting_user = NULL;
int			setting_max_workers = 2;
int			setting_min_free_space = 0;
bool		setting_catch_up = true;
int			setting_run_on = RUN_ON_PRIMARY;
char	   *setting_time = NULL;
int			setting_verify = VERIFY_LIST;
bool		setting_share_files = true;
bool		setting_incremental = true;
int			setting_full_interval = 7 * 24 * 60;
char	   *setting_session_token = NULL;
char	   *setting_archive_command = NULL;
int			setting_archive_max_waiting = 7;
char	   *setting_failure_command = NULL;
int			setting_before_drop = BEFORE_DROP_OFF;
int			setting_before_drop_size = 1024;
int			setting_before_drop_max_age = 0;

static char *setting_databases = NULL;
static bool setting_row_counts = true;
static char *setting_bin_directory = NULL;

static const struct config_enum_entry format_options[] = {
	{"auto", FORMAT_AUTO, false},
	{"directory", FORMAT_DIRECTORY, false},
	{"custom", FORMAT_CUSTOM, false},
	{NULL, 0, false}
};

static const struct config_enum_entry run_on_options[] = {
	{"primary", RUN_ON_PRIMARY, false},
	{"standby", RUN_ON_STANDBY, false},
	{"any", RUN_ON_ANY, false},
	{NULL, 0, false}
};

static const struct config_enum_entry verify_options[] = {
	{"off", VERIFY_OFF, false},
	{"list", VERIFY_LIST, false},
	{"checksum", VERIFY_CHECKSUM, false},
	{"archive", VERIFY_ARCHIVE, false},
	{"restore", VERIFY_RESTORE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry before_drop_options[] = {
	{"off", BEFORE_DROP_OFF, false},
	{"database", BEFORE_DROP_DATABASE, false},
	{"table", BEFORE_DROP_TABLE, false},
	{NULL, 0, false}
};

/*
 * Define the settings.  Called by _PG_init at server start, which also checks
 * the values already read from the configuration file.
 */
void
settings_define(void)
{
	DefineCustomBoolVariable("snapshot_worker.enable",
							 "Enables scheduled snapshots.",
							 "snapshot_now() works regardless of this setting.",
							 &setting_enable, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.time",
							   "Sets the UTC times of day of scheduled snapshots, as HH:MM, separated by commas.",
							   NULL,
							   &setting_time, "03:00",
							   PGC_SIGHUP, 0, check_setting_time, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.retention",
							"Sets how many of the newest scheduled snapshots of each database are kept.",
							NULL,
							&setting_retention, 7, 1, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.retention_manual",
							"Sets how many of the newest requested snapshots of each database are kept.",
							"These are snapshots taken by snapshot_now() or before a DROP.",
							&setting_retention_manual, 7, 1, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.retention_days",
							"Sets the age, in days, up to which snapshots are kept.",
							"Age is measured from the second newest snapshot. 0 disables this rule.",
							&setting_retention_days, 0, 0, 36500,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.keep_daily",
							"Sets for how many days the newest snapshot of each day is kept.",
							"0 disables this rule.",
							&setting_keep_daily, 0, 0, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.keep_weekly",
							"Sets for how many ISO weeks the newest snapshot of each week is kept.",
							"0 disables this rule.",
							&setting_keep_weekly, 0, 0, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.keep_monthly",
							"Sets for how many months the newest snapshot of each month is kept.",
							"0 disables this rule.",
							&setting_keep_monthly, 0, 0, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.keep_yearly",
							"Sets for how many years the newest snapshot of each year is kept.",
							"0 disables this rule.",
							&setting_keep_yearly, 0, 0, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.directory",
							   "Sets the absolute path of the directory that holds snapshots.",
							   NULL,
							   &setting_directory, NULL,
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_setting_directory, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.databases",
							   "Lists the databases that get scheduled snapshots, separated by commas.",
							   "\"*\" means every database that allows connections and is not a template.",
							   &setting_databases, "*",
							   PGC_SIGHUP, 0, check_setting_databases, NULL, NULL);
	DefineCustomEnumVariable("snapshot_worker.format",
							 "Sets the format of dumps.",
							 "\"auto\" means \"directory\", except for a database with very many tiny tables or large objects, which is dumped in \"custom\" format.",
							 &setting_format, FORMAT_AUTO, format_options,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.compress",
							   "Sets the compression of dumps, as for the option --compress of pg_dump.",
							   NULL,
							   &setting_compress, DEFAULT_COMPRESSION,
							   PGC_SIGHUP, 0, check_setting_compress, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.jobs",
							"Sets how many tables pg_dump dumps at the same time, in directory format.",
							NULL,
							&setting_jobs, 2, 1, 64,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("snapshot_worker.globals",
							 "Saves roles and tablespaces with each snapshot.",
							 NULL,
							 &setting_globals, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.timeout",
							"Sets the maximum duration of a run, after which it is canceled and fails.",
							"0 disables the limit.",
							&setting_timeout, 12 * SECS_PER_HOUR, 0,
							INT_MAX / 1000,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.lock_timeout",
							"Sets the maximum time that a run waits for a lock on a table before it fails.",
							"0 disables the limit.",
							&setting_lock_timeout,
							5 * SECS_PER_MINUTE * 1000, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.user",
							   "Sets the role that pg_dump connects as.",
							   "An empty string means the bootstrap superuser.",
							   &setting_user, "",
							   PGC_SIGHUP, 0, check_setting_user, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.bin_directory",
							   "Sets the absolute path of the directory that holds pg_dump, pg_dumpall, pg_restore and psql.",
							   "An empty string means the directory of the server's own programs.",
							   &setting_bin_directory, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_setting_bin_directory, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.max_workers",
							"Sets how many databases are dumped at the same time.",
							"Scheduled and requested snapshots are counted separately, so neither waits for the other.",
							&setting_max_workers, 2, 1, 64,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.min_free_space",
							"Sets the disk space that a run must leave free in the snapshot directory.",
							"0 disables the limit.",
							&setting_min_free_space, 0, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomBoolVariable("snapshot_worker.catch_up",
							 "Takes a scheduled snapshot at server start if it was missed while the server was down.",
							 NULL,
							 &setting_catch_up, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("snapshot_worker.run_on",
							 "Sets the replication role in which the server takes scheduled snapshots.",
							 NULL,
							 &setting_run_on, RUN_ON_PRIMARY, run_on_options,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("snapshot_worker.verify",
							 "Sets how thoroughly scheduled snapshots are verified.",
							 "\"restore\" executes code of table owners, such as check constraints, with superuser privileges.",
							 &setting_verify, VERIFY_LIST, verify_options,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("snapshot_worker.share_files",
							 "Replaces unchanged files by hard links to those of an earlier snapshot, in directory format.",
							 NULL,
							 &setting_share_files, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("snapshot_worker.incremental",
							 "Takes tables that have not changed from the previous snapshot, in directory format.",
							 "Each snapshot is complete by itself nevertheless.",
							 &setting_incremental, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.full_interval",
							"Time after which a snapshot reads all tables, and checks those that had been found unchanged.",
							"0 leaves that to snapshot_now(full => true).",
							&setting_full_interval, 7 * 24 * 60, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomBoolVariable("snapshot_worker.row_counts",
							 "Has no effect: rows are always counted. The next release removes this setting.",
							 NULL,
							 &setting_row_counts, true,
							 PGC_SIGHUP, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);

	DefineCustomStringVariable("snapshot_worker.archive_command",
							   "Sets the shell command that copies a snapshot elsewhere.",
							   "%p is its path, %f its name, and %d the folder of its database. An empty string disables archiving.",
							   &setting_archive_command, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_setting_archive_command, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.archive_max_waiting",
							"Sets how many snapshots of each database retention spares because they are not archived yet.",
							NULL,
							&setting_archive_max_waiting, 7, 0, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("snapshot_worker.failure_command",
							   "Sets the shell command that is run when a scheduled snapshot, its verification, or archive_command fails.",
							   "Environment variables describe the failure. An empty string disables this.",
							   &setting_failure_command, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);

	/* Per session: a superuser must be able to switch before_drop off. */
	DefineCustomEnumVariable("snapshot_worker.before_drop",
							 "Sets which statements wait for a snapshot of the data they are about to destroy.",
							 "\"database\" covers DROP DATABASE. \"table\" also covers DROP TABLE, TRUNCATE, DROP SCHEMA ... CASCADE and ALTER TABLE ... DROP COLUMN.",
							 &setting_before_drop, BEFORE_DROP_OFF,
							 before_drop_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.before_drop_size",
							"Sets the total size of tables above which statements about tables wait for a snapshot.",
							NULL,
							&setting_before_drop_size, 1024, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("snapshot_worker.before_drop_max_age",
							"Sets the age up to which an existing snapshot suffices if nothing was written since.",
							"0 means always take a new one.",
							&setting_before_drop_max_age, 0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);

	/*
	 * Set only in the sessions of pg_dump and pg_restore; see
	 * program_tokens.c.
	 */
	DefineCustomStringVariable("snapshot_worker.session_token",
							   "Identifies the session of a run's own program.",
							   "Set by the snapshot worker. Other values have no effect.",
							   &setting_session_token, "",
							   PGC_BACKEND,
							   GUC_SUPERUSER_ONLY | GUC_NO_SHOW_ALL |
							   GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   NULL, NULL, NULL);
	MarkGUCPrefixReserved("snapshot_worker");
}

/* Return the name of a level of verification. */
const char *
settings_verify_name(VerifyLevel level)
{
	return verify_options[level].name;
}

/* Parse the times of day at which snapshots are due. */
void
settings_schedule(SlotTimes *times)
{
	if (!slot_times_parse(setting_time, times))
		elog(ERROR, "unexpected value of snapshot_worker.time: %s",
			 setting_time);
}

/*
 * Return the databases named in the setting, palloc'd, without "*"; see
 * settings_every_database().
 */
List *
settings_databases(void)
{
	List	   *names;
	List	   *databases = NIL;
	ListCell   *lc;

	if (!SplitGUCList(pstrdup(setting_databases), ',', &names))
		elog(ERROR, "unexpected value of snapshot_worker.databases: %s",
			 setting_databases);
	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), "*") != 0)
			databases = lappend(databases, lfirst(lc));
	}
	return databases;
}

/* Does the setting "databases" contain "*"? */
bool
settings_every_database(void)
{
	List	   *names;
	ListCell   *lc;

	if (!SplitGUCList(pstrdup(setting_databases), ',', &names))
		return false;
	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), "*") == 0)
			return true;
	}
	return false;
}

bool
settings_directory_is_set(void)
{
	return setting_directory != NULL && setting_directory[0] != '\0';
}

/* Return the snapshot directory.  Raises an error when it is not set. */
const char *
settings_directory(void)
{
	if (!settings_directory_is_set())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no snapshot directory is set"),
				 errhint("Use ALTER SYSTEM SET snapshot_worker.directory = '/path/to/snapshots', then SELECT pg_reload_conf().")));
	return setting_directory;
}

/*
 * Is the snapshot directory inside the data directory, and would be lost with
 * it?
 */
bool
settings_directory_in_data_directory(void)
{
	return settings_directory_is_set() &&
		path_is_prefix_of_path(DataDir, setting_directory);
}

/* Return the directory of pg_dump and the other client programs, palloc'd. */
const char *
settings_bin_directory(void)
{
	char		path[MAXPGPATH];

	if (setting_bin_directory[0] != '\0')
		return pstrdup(setting_bin_directory);
	strlcpy(path, my_exec_path, sizeof(path));
	get_parent_directory(path);
	return pstrdup(path);
}

/* Is archiving enabled? */
bool
settings_archiving(void)
{
	return setting_archive_command[0] != '\0';
}
