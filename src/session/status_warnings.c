/*-------------------------------------------------------------------------
 *
 * status_warnings.c
 *	  The warning that snapshot_status() shows.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "session/status_warnings.h"
#include "settings.h"
#include "shmem/forked_snapshot.h"
#include "shmem/shared_state.h"
#include "store/directory.h"
#include "store/directory_exposure.h"
#include "store/file_system.h"
#include "store/remembered_base.h"
#include "util/snapshot_name.h"

/*
 * Lines of the configuration files that set an unknown setting of ours, or
 * that set an invalid value.  The query runs as a superuser in any session, so
 * it does not depend on the search path.
 */
#define REFUSED_SETTINGS \
	"SELECT s.name, s.sourcefile, s.sourceline, s.error" \
	"  FROM pg_catalog.pg_file_settings s" \
	" WHERE s.error IS NOT NULL" \
	"   AND pg_catalog.starts_with(s.name, 'snapshot_worker.')" \
	" LIMIT 1"

/*
 * Describe a rejected line of the configuration files, palloc'd, or return
 * NULL.
 */
static char *
refused_setting(void)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *words = NULL;
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute(REFUSED_SETTINGS, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_file_settings");
	if (SPI_processed > 0)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		MemoryContext inner = MemoryContextSwitchTo(caller);

		words = psprintf("\"%s\" in \"%s\" line %s is not applied: %s",
						 SPI_getvalue(row, columns, 1),
						 SPI_getvalue(row, columns, 2),
						 SPI_getvalue(row, columns, 3),
						 SPI_getvalue(row, columns, 4));
		MemoryContextSwitchTo(inner);
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	SetUserIdAndSecContext(user, context);
	return words;
}

/*
 * Return a database that the settings name but that does not exist, or NULL.
 */
static const char *
missing_database(void)
{
	ListCell   *lc;

	foreach(lc, settings_databases())
	{
		if (!OidIsValid(get_database_oid(lfirst(lc), true)))
			return lfirst(lc);
	}
	return NULL;
}

/* Return the most urgent warning for the administrator, or NULL. */
const char *
warnings_first(pid_t launcher_pid)
{
	const char *words;
	char		database[NAMEDATALEN];
	char		forked[NAMES_SIZE];

	if (launcher_pid == 0)
		return "the launcher is not running: no snapshot will be taken";
	if (!settings_directory_is_set())
		return "no snapshot directory is set: set snapshot_worker.directory";
	if (directory_problem(settings_directory()) != NULL)
		return psprintf("%s: check \"%s\", or set snapshot_worker.directory to another directory",
						directory_problem(settings_directory()),
						settings_directory());
	if (file_system_problem(settings_directory()) != NULL)
		return file_system_problem(settings_directory());
	if (exposure_problem(settings_directory()) != NULL)
		return exposure_problem(settings_directory());
	words = refused_setting();
	if (words != NULL)
		return words;
	if (missing_database() != NULL)
		return psprintf("snapshot_worker.databases names database \"%s\", which does not exist",
						missing_database());
	words = setting_incremental ? remembered_base_first_suspect() : NULL;
	if (words != NULL && names_database(words, database))
		return psprintf("rows of database \"%s\" differed from those of an earlier snapshot in a table found unchanged: see the server log, and call snapshot_now(full => true)",
						database);
	state_get_forked_snapshot(forked);
	if (names_database(forked, database) &&
		OidIsValid(get_database_oid(database, true)))
		return psprintf("snapshot \"%s\" was taken by another server with the system identifier of this one: give each a snapshot directory of its own",
						forked);
	if (state_quiet_seconds() > 0)
		return psprintf("the server has crashed: only requested snapshots are taken for the next %.0f s",
						ceil(state_quiet_seconds()));
	if (settings_directory_in_data_directory())
		return "the snapshot directory is inside the data directory: losing the data directory would lose the snapshots";
	return NULL;
}
