/*-------------------------------------------------------------------------
 *
 * database_sessions.c
 *	  The sessions in a database: those of this extension, and others.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/acl.h"
#include "utils/backend_status.h"

#include "database/database_sessions.h"
#include "database/dump_transaction.h"
#include "util/compat.h"

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

/* The sessions in a database, as far as anyone who drops it is concerned. */
typedef struct Sessions
{
	int			ours;
	int			others;			/* but for autovacuum, which goes by itself */
	int			protected;		/* of these, whom the user may not terminate */
} Sessions;

/* May the current user not terminate this session by DROP DATABASE? */
static bool
is_protected(Oid role)
{
	if (superuser_arg(role))
		return !superuser();
	return !has_privs_of_role(GetUserId(), role) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND);
}

static Sessions
count_sessions(Oid database)
{
	Sessions	sessions = {0};
	Oid			role = connection_role();
	int			count;

	/* else what was seen first is seen until the end of the transaction */
	pgstat_clear_backend_activity_snapshot();
	count = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= count; i++)
	{
		LocalPgBackendStatus *local = compat_get_session(i);
		const PgBackendStatus *session;

		if (local == NULL)
			continue;
		session = &local->backendStatus;
		if (session->st_databaseid != database ||
			session->st_backendType == B_AUTOVAC_WORKER)
			continue;
		if (is_ours(session, role))
		{
			sessions.ours++;
			continue;
		}
		sessions.others++;
		if (is_protected(session->st_userid))
			sessions.protected++;
	}
	return sessions;
}

/*
 * Is a snapshot worker connected to the database, or pg_dump?  Both take some
 * time to leave after a run.  Needs a transaction.
 */
bool
sessions_exist(Oid database)
{
	return count_sessions(database).ours > 0;
}

/*
 * How many sessions of others keep the database from being dropped.  Needs a
 * transaction.
 */
int
sessions_of_others(Oid database)
{
	return count_sessions(database).others;
}

/*
 * Is someone connected to the database whom the current user may not terminate?
 * Needs a transaction.
 */
bool
sessions_are_protected(Oid database)
{
	return count_sessions(database).protected > 0;
}
