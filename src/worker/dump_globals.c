/*-------------------------------------------------------------------------
 *
 * dump_globals.c
 *	  The file globals.sql of a snapshot: roles, tablespaces, their settings.
 *
 * Where these have not changed since the last globals.sql was written, for any
 * database of the cluster, the new one is a hard link to it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "utils/memutils.h"

#include "database/globals_state.h"
#include "settings.h"
#include "store/file_system.h"
#include "store/store.h"
#include "util/files.h"
#include "worker/dump_globals.h"

/*
 * Raise an error unless the globals were saved completely: pg_dumpall does not
 * check whether its writes succeed.
 */
static void
check_globals(const char *path)
{
	static const char trailer[] = "-- PostgreSQL database cluster dump complete";
	const char *problem;
	size_t		len;
	char	   *text = files_read(path, MaxAllocHugeSize - 1, &len, &problem);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("file \"%s\" is unusable: %s", path, problem)));
	if (strstr(text + len - Min(len, 2 * sizeof(trailer)), trailer) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("file \"%s\" was not written completely", path),
				 errdetail("pg_dumpall does not report this. The disk may be full.")));
	pfree(text);
}

/* Is a file still what it was when it was written? */
static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
		a->st_size == b->st_size &&
		memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0;
}

/*
 * Describe what pg_dumpall is about to do.  Returns false if its file cannot
 * be used again.  A script always runs, since it may do something else.
 */
static bool
describe(RunContext *cxt, RememberedGlobals *globals)
{
	char	   *program = psprintf("%s/pg_dumpall", cxt->bin_directory);
	int			len;

	memset(globals, 0, sizeof(*globals));
	len = snprintf(globals->options, sizeof(globals->options), "%s %d %u %s",
				   cxt->connection.encoding, cxt->is_superuser,
				   cxt->connection.role, cxt->connection.options);
	return setting_incremental && !file_system_lacks_links(cxt->directory) &&
		len >= 0 && (size_t) len < sizeof(globals->options) &&
		stat(program, &globals->program) == 0 && !files_is_script(program);
}

/*
 * Link the last globals.sql to path, if pg_dumpall would write the same again.
 * Returns false if it has to.
 */
static bool
link_last(RunContext *cxt, const RememberedGlobals *now, const char *path)
{
	RememberedGlobals last;
	struct stat st;

	state_get_globals(&last);
	if (last.path[0] == '\0' || strcmp(last.options, now->options) != 0 ||
		!is_same_file(&last.program, &now->program) ||
		!globals_state_is_same(&last.state))
		return false;
	if (link(last.path, path) != 0)
		return false;
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		is_same_file(&last.file, &st))
	{
		file_hashing_adopt(cxt->hashing, STORE_GLOBALS_FILE, st.st_size,
						   last.sha256);
		return true;
	}
	if (unlink(path) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", path)));
	return false;
}

/*
 * Write or link globals.sql, if it is wanted.  Needs a transaction.  Raises an
 * error when that fails.
 */
void
dump_globals(RunContext *cxt)
{
	char	   *path = psprintf("%s/%s", cxt->staging.path, STORE_GLOBALS_FILE);
	RememberedGlobals globals;

	if (!setting_globals)
		return;
	run_enter_phase(cxt, "saving globals", 80, 83);
	if (describe(cxt, &globals))
	{
		if (link_last(cxt, &globals, path))
			return;
		if (globals_state_read(&globals.state))
			cxt->globals = memcpy(palloc(sizeof(globals)), &globals,
								  sizeof(globals));
	}
	(void) run_program(cxt, tool_args_pg_dumpall_globals(cxt->bin_directory,
														 &cxt->connection,
														 setting_lock_timeout,
														 cxt->is_superuser,
														 path), false);
	check_globals(path);
}

/* Once the snapshot is published: let later ones link its globals.sql. */
void
dump_globals_remember(RunContext *cxt)
{
	RememberedGlobals *globals = cxt->globals;
	const ManifestFile *file = manifest_find_file(&cxt->manifest,
												  STORE_GLOBALS_FILE);

	if (globals == NULL || file == NULL)
		return;
	if (snprintf(globals->path, MAXPGPATH, "%s/%s/%s", cxt->directory,
				 cxt->run.request.name, STORE_GLOBALS_FILE) >= MAXPGPATH ||
		lstat(globals->path, &globals->file) != 0)
		return;
	strlcpy(globals->sha256, file->sha256, SHA256_HEX_SIZE);
	state_set_globals(globals);
}
