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

#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "utils/memutils.h"

#include "shmem/forked_snapshot.h"
#include "store/base_file.h"
#include "store/store.h"
#include "worker/choose_base.h"
#include "worker/clone_check.h"

/* Can this server tell which timelines are in its past? */
static bool
knows_history(TimeLineID timeline)
{
	char		path[MAXPGPATH];

	TLHistoryFilePath(path, timeline);
	return timeline == 1 || access(path, R_OK) == 0;
}

/* Did a server with another past take the snapshot of this name? */
static bool
is_forked(RunContext *cxt, const char *name)
{
	const StoredSnapshot *snapshot = store_load(cxt->directory, name, true,
												DEBUG1);
	const Base *base;
	Incremental now = *cxt->incremental;

	if (snapshot == NULL)
		return false;
	base = base_file_read(snapshot->path,
						  manifest_find_file(&snapshot->manifest, BASE_FILE));
	if (base == NULL ||
		base->header.system_identifier != GetSystemIdentifier() ||
		!knows_history(now.timeline))
		return false;
	/* a standby may have taken it since the run looked */
	now.position = GetXLogInsertRecPtr();
	return !choose_base_is_in_past(&now, &base->header);
}

/*
 * Return the newest snapshot of the database, if another server has taken it,
 * or "".
 */
static const char *
find_forked(RunContext *cxt)
{
	const Incremental *incremental = cxt->incremental;
	const StoredSnapshot *newest;

	/* where no snapshot can be a base, nobody loses one */
	if (incremental == NULL || incremental->on_standby)
		return "";
	newest = store_newest(cxt->directory, cxt->run.request.database, NULL, NULL);
	if (newest == NULL ||
		(incremental->remembered != NULL &&
		 strcmp(incremental->remembered->name, newest->name) == 0) ||
		!is_forked(cxt, newest->name))
		return "";
	return newest->name;
}

/* Let the status show it, if it is another snapshot than before. */
static void
report(const char *name, const char *database)
{
	char		known[NAMES_SIZE];
	char		of_known[NAMEDATALEN];

	state_get_forked_snapshot(known);
	if (strcmp(known, name) == 0)
		return;
	/* the last one may be of another database, and goes on to be shown */
	if (name[0] == '\0' &&
		(!names_database(known, of_known) || strcmp(of_known, database) != 0))
		return;
	state_set_forked_snapshot(name);
	if (name[0] != '\0')
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("snapshot \"%s\" was taken by another server with the system identifier of this one",
						name),
				 errdetail("Or this one took it before its data directory was taken back to an earlier state."),
				 errhint("Give clones a snapshot directory each. In a shared one, they remove each other's snapshots.")));
}

/*
 * Before a snapshot is taken, and after its base was chosen: if the newest one
 * of the database is of another past, raise a WARNING, once for each, and let
 * the status show it.
 */
void
clone_check(RunContext *cxt)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "clone check",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);

	report(find_forked(cxt), cxt->run.request.database);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
