/*-------------------------------------------------------------------------
 *
 * database_sessions.c
 *	  Count the sessions in a database: our own and others.
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
 * Is this session one of our own?  Any user can choose pg_dump's application
 * name, but not its role; only a library can choose the type of a background
 * worker.
 */
static bool
is_own_session(const PgBackendStatus *session, Oid role)
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

/* The sessions in a database that a DROP DATABASE must consider. */
typedef struct Sessions
{
	int			ours;
	int			others;			/* except autovacuum, which exits by itself */
	int			protected;		/* others the user may not terminate */
} Sessions;

/*
 * Does DROP DATABASE ... FORCE need privileges that the current user lacks to
 * terminate this session?
 */
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

	/* otherwise the first result is cached until the end of the transaction */
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
		if (is_own_session(session, role))
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
 * Is a snapshot worker or a pg_dump connected to the database?  Both need some
 * time to disconnect after a run.  Needs a transaction.
 */
bool
sessions_exist(Oid database)
{
	return count_sessions(database).ours > 0;
}

/*
 * Return how many other sessions prevent the database from being dropped.
 * Needs a transaction.
 */
int
sessions_of_others(Oid database)
{
	return count_sessions(database).others;
}

/*
 * Is there a session in the database that the current user may not terminate?
 * Needs a transaction.
 */
bool
sessions_are_protected(Oid database)
{
	return count_sessions(database).protected > 0;
}
