/*-------------------------------------------------------------------------
 *
 * pg_dump_version.c
 *	  Check that pg_dump is of this server's major version.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "tools/tool_args.h"
#include "util/compat.h"
#include "util/files.h"
#include "worker/pg_dump_version.h"

/*
 * Return the version of pg_dump, such as "15.7".  Raises an error unless it is
 * of this server's major version: an older pg_dump refuses to dump, and this
 * server's pg_restore may be unable to restore the output of a newer one.
 */
static char *
ask_pg_dump_version(RunContext *cxt)
{
	char	  **argv = tool_args_version(cxt->bin_directory, "pg_dump");
	char	   *output = run_program(cxt, argv, true);
	const char *prefix = "pg_dump (PostgreSQL) ";

	if (strncmp(output, prefix, strlen(prefix)) != 0 ||
		strtol(output + strlen(prefix), NULL, 10) != SERVER_MAJOR_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("program \"%s\" is not of version %s", argv[0],
						PG_MAJORVERSION),
				 errdetail("It says: %s", output),
				 errhint("Set \"snapshot_worker.bin_directory\" to the directory of this server's own client programs.")));
	return pstrdup(output + strlen(prefix));
}

/*
 * As ask_pg_dump_version(), but pg_dump is not asked again while its file is
 * the same.  A script is always asked, since it may start another program.
 */
char *
pg_dump_version_check(RunContext *cxt)
{
	char	   *path = psprintf("%s/pg_dump", cxt->bin_directory);
	char		version[STATE_VERSION_SIZE];
	struct stat st;
	char	   *asked;

	if (stat(path, &st) != 0 || files_is_script(path))
		return ask_pg_dump_version(cxt);
	if (state_get_program_version(&st, version))
		return pstrdup(version);
	asked = ask_pg_dump_version(cxt);
	state_set_program_version(&st, asked);
	return asked;
}
