/*-------------------------------------------------------------------------
 *
 * before_drop_database.c
 *	  Find the database that a statement is about to drop.
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

/* The time that DROP DATABASE itself waits for other sessions to leave. */
#define PATIENCE_SECONDS	5

/* Interval at which to check whether the other sessions have left. */
#define POLL_MS				20

/*
 * May the current user drop the database, and does it contain anything to
 * save?  A database whose earlier DROP was interrupted does not.
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

/* Does replication from or to the database prevent a DROP? */
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
 * Does a prepared transaction hold a lock on a table of the database?
 * Prepared transactions without such a lock cannot have changed its contents.
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
 * Wait until no other session uses the database, for as long as DROP DATABASE
 * would.  Raises the server's error if one still does.  The server cannot do
 * this check for us: it would drop the database if the session left just after
 * our check.
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
 * Return the database that a statement is about to drop.  Returns InvalidOid
 * if the statement drops none, if the database contains nothing to save, or if
 * the server will refuse to drop it.  Raises an error after some seconds if
 * other sessions use the database.
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
