/*-------------------------------------------------------------------------
 *
 * prune.c
 *	  Pruning: remove the snapshots of a database that retention does not keep.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "settings.h"
#include "store/prune.h"
#include "store/removal.h"
#include "store/retention.h"

/* Judge a database's snapshots, newest first, by the rules in the settings. */
int *
prune_judge(const List *snapshots, const char *newest)
{
	RetentionRules rules = {
		.scheduled = setting_retention,
		.requested = setting_retention_manual,
		.days = setting_retention_days,
		.daily = setting_keep_daily,
		.weekly = setting_keep_weekly,
		.monthly = setting_keep_monthly,
		.yearly = setting_keep_yearly,
		.unarchived = settings_archiving() ? setting_archive_max_waiting : 0,
	};

	return retention_judge(snapshots, GetSystemIdentifier(), newest, &rules,
						   GetCurrentTimestamp());
}

/*
 * Remove the database's snapshots that retention does not keep.  "newest" is
 * the snapshot just taken, or NULL.  Returns the number of snapshots removed.
 * Reports at elevel those that cannot be removed.
 */
int
prune_database(const char *directory, const char *database,
			   const char *newest, int elevel)
{
	List	   *snapshots = store_list(directory, database, DT_NOBEGIN, ERROR,
									   WARNING);
	int		   *reasons = prune_judge(snapshots, newest);
	int			removed = 0;
	ListCell   *lc;

	foreach(lc, snapshots)
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (reasons[foreach_current_index(lc)] != 0)
			continue;
		if (removal_remove(snapshot, false, elevel))
		{
			removed++;
			if (settings_archiving() && snapshot->archived_at == 0 &&
				!store_is_bad(snapshot))
				ereport(WARNING,
						(errmsg("removed snapshot \"%s\" before it was archived",
								snapshot->name),
						 errdetail("More snapshots than \"snapshot_worker.archive_max_waiting\" were waiting to be archived."),
						 errhint("Make \"snapshot_worker.archive_command\" succeed: snapshot_status() shows its last error.")));
			ereport(DEBUG1,
					(errmsg_internal("removed snapshot \"%s\"",
									 snapshot->name)));
		}
	}
	return removed;
}
