/*-------------------------------------------------------------------------
 *
 * sessions.c
 *	  The sessions that this extension has in a database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "facts.h"
#include "postmaster/bgworker.h"
#include "sessions.h"
#include "utils/backend_status.h"

/*
 * Is this one of ours?  Anyone can give his session the name that pg_dump's
 * has, but not the role, and a type of background worker is the library's
 * choice.
 */
static bool
is_ours(const PgBackendStatus *session, Oid role)
{
	const char *type;

	if (session->st_backendType == B_BACKEND)
		return session->st_userid == role &&
			strcmp(session->st_appname, "snapshot_worker") == 0;
	if (session->st_backendType != B_BG_WORKER)
		return false;
	type = GetBackgroundWorkerTypeByPid(session->st_procpid);
	return type != NULL && strcmp(type, "snapshot_worker") == 0;
}

/*
 * Is a snapshot worker connected to the database, or pg_dump?  Both take some
 * time to leave after a run.  Needs a transaction.
 */
bool
sessions_exist(Oid database)
{
	Oid			role = facts_role();
	int			count;

	/* else what was seen first is seen until the end of the transaction */
	pgstat_clear_backend_activity_snapshot();
	count = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= count; i++)
	{
		LocalPgBackendStatus *session = compat_get_session(i);

		if (session != NULL &&
			session->backendStatus.st_databaseid == database &&
			is_ours(&session->backendStatus, role))
			return true;
	}
	return false;
}
