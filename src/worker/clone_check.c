/*-------------------------------------------------------------------------
 *
 * clone_check.c
 *	  Warn if a clone of this cluster uses the same snapshot directory.
 *
 * A clone has the same system identifier, so that each server takes the
 * other's snapshots for its own: retention removes them, and with them the
 * bases of the other server.  But the two have different pasts: the newest
 * snapshot of the database ends at a position in WAL where this server has
 * never been.
 *
 * A primary and its standbys share one past, also after a switchover.  After a
 * failover that lost WAL, and after a data directory was taken back to an
 * earlier state, the first run meets a snapshot of another past, too; the next
 * run does not.  On a standby nobody can tell: it may lag behind the primary.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"

#include "shmem/forked_snapshot.h"
#include "store/base_file.h"
#include "store/store.h"
#include "worker/choose_base.h"
#include "worker/clone_check.h"

/* Did a server with another past take this snapshot? */
static bool
is_forked(const Incremental *incremental, const StoredSnapshot *snapshot)
{
	const Base *base =
	base_file_read(snapshot->path,
				   manifest_find_file(&snapshot->manifest, BASE_FILE));

	return base != NULL &&
		base->header.system_identifier == GetSystemIdentifier() &&
		!choose_base_is_in_past(incremental, &base->header);
}

/* Forget the snapshot that was met, if it is one of this database. */
static void
forget(const char *known, const char *database)
{
	char		of_known[NAMEDATALEN];

	if (names_database(known, of_known) && strcmp(of_known, database) == 0)
		state_set_forked_snapshot("");
}

/*
 * Before a snapshot is taken: if the newest one of the database is of another
 * past, raise a WARNING, once for each, and let the status show it.  Needs
 * cxt->incremental.
 */
void
clone_check(RunContext *cxt)
{
	const char *database = cxt->run.request.database;
	const StoredSnapshot *newest;
	char		known[NAMES_SIZE];

	if (cxt->incremental->on_standby)
		return;
	newest = store_newest(cxt->directory, database, NULL, NULL);
	if (newest != NULL)
		newest = store_load(cxt->directory, newest->name, true, DEBUG1);
	state_get_forked_snapshot(known);
	if (newest == NULL || !is_forked(cxt->incremental, newest))
	{
		forget(known, database);
		return;
	}
	if (strcmp(known, newest->name) == 0)
		return;
	state_set_forked_snapshot(newest->name);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("snapshot \"%s\" was taken by another server with the system identifier of this one",
					newest->name),
			 errdetail("Or this one took it before its data directory was taken back to an earlier state."),
			 errhint("Give clones a snapshot directory each. In a shared one, they remove each other's snapshots.")));
}
