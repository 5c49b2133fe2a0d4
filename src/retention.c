/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Which snapshots to remove: pure, given a list.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "retention.h"

/*
 * Of one database's snapshots, newest first, those that are beyond the newest
 * "keep" of this cluster.  A pinned snapshot is neither removed nor counted.
 *
 * The snapshot named "newest" was just taken, and is kept and counted first
 * wherever its name puts it: after a clock that ran ahead has been set right,
 * older snapshots have the later names.
 */
List *
retention_expired(List *snapshots, uint64 system_identifier,
				  const char *newest, int keep)
{
	List	   *expired = NIL;
	ListCell   *lc;
	int			kept = 1;		/* the newest */

	foreach(lc, snapshots)
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (snapshot->manifest.system_identifier != system_identifier ||
			snapshot->pinned || strcmp(snapshot->name, newest) == 0)
			continue;
		if (kept < keep)
			kept++;
		else
			expired = lappend(expired, snapshot);
	}
	return expired;
}
