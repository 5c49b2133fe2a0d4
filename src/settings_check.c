/*-------------------------------------------------------------------------
 *
 * settings_check.c
 *	  Check hooks of the settings.
 *
 * A check hook also runs in the postmaster, where an error would stop the
 * server.  A hook therefore only inspects its value and reports errors by
 * GUC_check_errdetail().
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "settings_check.h"
#include "tools/compression.h"
#include "tools/shell_command.h"
#include "util/compat.h"
#include "util/slot_times.h"

/*
 * Leave room in a path of MAXPGPATH, pg_dump's limit, for the names below it.
 */
#define DIRECTORY_MAX_LENGTH	(MAXPGPATH / 2)

bool
check_setting_time(char **newval, void **extra, GucSource source)
{
	SlotTimes	times;

	if (slot_times_parse(*newval, &times))
		return true;
	GUC_check_errdetail("Use UTC times of day from 00:00 to 23:59, as HH:MM, separated by commas.");
	return false;
}

static bool
check_absolute_path(char **newval)
{
	if (!is_absolute_path(*newval))
	{
		GUC_check_errdetail("The path must be absolute.");
		return false;
	}
	/* pg_dumpall passes it to a shell and rejects names with line breaks */
	if (strpbrk(*newval, "\n\r") != NULL)
	{
		GUC_check_errdetail("The path must not contain line breaks.");
		return false;
	}
	if (strlen(*newval) > DIRECTORY_MAX_LENGTH)
	{
		GUC_check_errdetail("The path must not be longer than %d bytes.",
							DIRECTORY_MAX_LENGTH);
		return false;
	}
	canonicalize_path(*newval);
	return true;
}

bool
check_setting_directory(char **newval, void **extra, GucSource source)
{
	/* An unset directory is accepted here; its users raise the error. */
	return *newval == NULL || check_absolute_path(newval);
}

bool
check_setting_bin_directory(char **newval, void **extra, GucSource source)
{
	/* Empty means the directory of the server's own programs. */
	return **newval == '\0' || check_absolute_path(newval);
}

bool
check_setting_archive_command(char **newval, void **extra, GucSource source)
{
	const char *problem = shell_problem(*newval);

	if (problem != NULL)
		GUC_check_errdetail("%s", problem);
	return problem == NULL;
}

bool
check_setting_databases(char **newval, void **extra, GucSource source)
{
	char	   *rawstring = pstrdup(*newval);
	List	   *names;
	ListCell   *lc;

	if (!SplitGUCList(rawstring, ',', &names) || names == NIL)
	{
		GUC_check_errdetail("The list must be \"*\" or database names, separated by commas. Names that contain spaces, commas or quotes must be in double quotes.");
		return false;
	}
	foreach(lc, names)
	{
		const char *name = lfirst(lc);

		if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		{
			GUC_check_errdetail("A database name has 1 to %d bytes.",
								NAMEDATALEN - 1);
			return false;
		}
	}
	return true;
}

bool
check_setting_user(char **newval, void **extra, GucSource source)
{
	/* Empty means the bootstrap superuser. */
	if (strlen(*newval) < NAMEDATALEN)
		return true;
	GUC_check_errdetail("A role name has at most %d bytes.",
						NAMEDATALEN - 1);
	return false;
}

bool
check_setting_compress(char **newval, void **extra, GucSource source)
{
	const char *problem = compression_problem(*newval);

	if (problem == NULL)
		return true;
	GUC_check_errdetail("%s", problem);
	GUC_check_errhint(PG_DUMP_KNOWS_METHODS ?
					  "Use a value that pg_dump accepts for --compress, such as \"zstd:3\", \"lz4\", \"gzip:6\" or \"none\"." :
					  "Use \"gzip:1\" to \"gzip:9\", or \"none\".");
	return false;
}
