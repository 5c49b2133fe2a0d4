/*-------------------------------------------------------------------------
 *
 * before_drop_database.c
 *	  The database that a statement is about to drop.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/pg_subscription.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "database/database_sessions.h"
#include "session/before_drop_database.h"
#include "util/clock.h"
#include "util/compat.h"
#include "util/wait_events.h"

/* How long DROP DATABASE itself waits for other sessions to leave. */
#define PATIENCE_SECONDS	5

/* How often to look whether they have left. */
#define POLL_MS				20

/*
 * May the current user drop the database, and is there something in it to save?
 * There is not where an earlier DROP was interrupted.
 */
static bool
may_drop(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(oid));
	Form_pg_database database;
	bool		may;

	if (!HeapTupleIsValid(tuple))
		return false;
	database = (Form_pg_database) GETSTRUCT(tuple);
	may = !database->datistemplate &&
		database->datconnlimit != DATCONNLIMIT_INVALID_DB &&
		compat_owns_database(oid, GetUserId());
	ReleaseSysCache(tuple);
	return may;
}

/* Does replication to or from the database keep it from being dropped? */
static bool
is_replicated(Oid oid)
{
	int			slots;
	int			active;

	(void) ReplicationSlotsCountDBSlots(oid, &slots, &active);
	return active > 0 || CountDBSubscriptions(oid) > 0;
}

static bool
is_forced(const DropdbStmt *statement)
{
	ListCell   *lc;

	foreach(lc, statement->options)
	{
		if (strcmp(((const DefElem *) lfirst(lc))->defname, "force") == 0)
			return true;
	}
	return false;
}

/*
 * Is there a prepared transaction that holds a lock on a table of the database?
 * One that holds none does not matter to what is in there.
 */
static bool
has_prepared(Oid oid)
{
	LockData   *locks;

	if (max_prepared_xacts == 0)
		return false;
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->pid == 0 &&
			lock->locktag.locktag_type == LOCKTAG_RELATION &&
			lock->locktag.locktag_field1 == oid)
			return true;
	}
	return false;
}

/*
 * Wait until nobody uses the database, as long as the server would.  Raises the
 * server's error if someone still does: that could not be left to the server,
 * which would drop the database if they left only then.
 */
static void
wait_for_others(Oid oid, const char *name)
{
	double		give_up_at = clock_seconds() + PATIENCE_SECONDS;
	int			others;

	while ((others = sessions_of_others(oid)) > 0 || has_prepared(oid))
	{
		if (clock_seconds() >= give_up_at)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("database \"%s\" is being accessed by other users",
							name),
					 others == 0 ?
					 errdetail("A prepared transaction is using the database.") :
					 errdetail_plural("There is %d other session using the database.",
									  "There are %d other sessions using the database.",
									  others, others)));
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 POLL_MS, wait_event(WAIT_SESSIONS));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * The database that a statement is about to drop; InvalidOid where there is
 * none, where it has nothing to save, and where the server will refuse to drop
 * it.  Raises an error, after some seconds, where that is since others use it.
 */
Oid
before_drop_database(const DropdbStmt *statement, bool is_top_level)
{
	Oid			oid = get_database_oid(statement->dbname, true);

	if (!OidIsValid(oid) || oid == MyDatabaseId ||
		IsInTransactionBlock(is_top_level) ||
		!may_drop(oid) || is_replicated(oid))
		return InvalidOid;
	if (!is_forced(statement))
		wait_for_others(oid, statement->dbname);
	else if (has_prepared(oid) || sessions_are_protected(oid))
		return InvalidOid;
	return oid;
}
