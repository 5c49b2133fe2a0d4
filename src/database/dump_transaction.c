/*-------------------------------------------------------------------------
 *
 * dump_transaction.c
 *	  What a database is at the moment of its snapshot, and how to reach it.
 *
 * This runs as the bootstrap superuser in databases whose owners need not be
 * trusted.  Nothing that they can define is called: the search path is closed,
 * and what is read is in pg_catalog.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "database/catalog_query.h"
#include "database/database_contents.h"
#include "database/database_properties.h"
#include "database/database_settings.h"
#include "database/dump_transaction.h"
#include "database/unchanged_since.h"
#include "settings.h"

/*
 * Begin a transaction, export its MVCC snapshot, and put into the manifest
 * what that snapshot is: WAL position and timeline, what has been written up to
 * it (see unchanged_since.c), the database's size, what it holds, and how it was
 * created.  Returns the identifier of the exported snapshot, good
 * until dump_transaction_end(), in the caller's memory context.
 *
 * The WAL position is read once the snapshot has been taken: everything that
 * the snapshot sees was written to WAL before it.  (The converse does not
 * hold: a commit just before that position may still be unseen.)
 */
const char *
dump_transaction_begin(Manifest *manifest)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *identifier;

	catalog_prepare_process();
	catalog_override_setting("lock_timeout",
							 psprintf("%d", setting_lock_timeout));

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactIsoLevel = XACT_REPEATABLE_READ;
	XactReadOnly = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	unchanged_since_note(GetActiveSnapshot(), manifest);

	if (RecoveryInProgress())
	{
		TimeLineID	timeline;

		manifest->lsn = GetXLogReplayRecPtr(&timeline);
		manifest->timeline = timeline;
	}
	else
	{
		manifest->lsn = GetXLogInsertRecPtr();
		manifest->timeline = GetWALInsertionTimeLine();
	}
	identifier = MemoryContextStrdup(caller,
									 ExportSnapshot(GetActiveSnapshot()));
	manifest->tables = contents_count_tables();
	properties_read(manifest, caller);
	database_settings_read(manifest, caller);
	manifest->database_size =
		DatumGetInt64(DirectFunctionCall1(pg_database_size_oid,
										  ObjectIdGetDatum(MyDatabaseId)));
	MemoryContextSwitchTo(caller);
	return identifier;
}

/* End the transaction that dump_transaction_begin() began. */
void
dump_transaction_end(void)
{
	MemoryContext caller = CurrentMemoryContext;

	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

/* The directory of the server's first Unix-domain socket, or NULL. */
static char *
socket_directory(void)
{
	List	   *directories;
	char	   *first;

	if (!SplitDirectoriesString(pstrdup(Unix_socket_directories), ',',
								&directories) || directories == NIL)
		return NULL;
	first = linitial(directories);
	if (first[0] == '\0')
		return NULL;
	/* relative to where the server runs; "@" is in the abstract namespace */
	if (first[0] != '@' && !is_absolute_path(first))
		return psprintf("%s/%s", DataDir, first);
	return first;
}

/*
 * An address that the server listens on, palloc'd, for one that has no
 * Unix-domain socket.
 */
static char *
listen_address(void)
{
	List	   *addresses;
	const char *first;

	if (!SplitGUCList(pstrdup(ListenAddresses), ',', &addresses) ||
		addresses == NIL)
		return pstrdup("localhost");
	first = linitial(addresses);
	/* all addresses */
	if (strcmp(first, "*") == 0 || strcmp(first, "0.0.0.0") == 0 ||
		strcmp(first, "::") == 0)
		return pstrdup("localhost");
	return pstrdup(first);
}

/*
 * Settings for pg_dump and pg_dumpall, palloc'd: those with which ALTER
 * DATABASE could keep them from their work, and which they do not (all) see to
 * themselves.
 */
static const char *
settings_of_ours(void)
{
	const char *transaction_timeout = "";

	/* Not every server version has it. */
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		transaction_timeout = " -c transaction_timeout=0";
	return psprintf("-c statement_timeout=0 -c idle_session_timeout=0"
					" -c idle_in_transaction_session_timeout=0"
					" -c lock_timeout=%d -c local_preload_libraries=%s",
					setting_lock_timeout, transaction_timeout);
}

/*
 * Other settings of that kind, with which ALTER DATABASE or ALTER ROLE could
 * keep pg_dump and pg_restore from their work, or have them write something
 * else.  Any role may set them.  (session_authorization has no effect from
 * there.)
 */
static const char *
neutral_settings(void)
{
	const char *restricted = "";

	/* Not every minor version has it. */
	if (GetConfigOption("restrict_nonsystem_relation_kind", true, false) != NULL)
		restricted = " -c restrict_nonsystem_relation_kind=";
	return psprintf(" -c role=none -c default_transaction_isolation=read\\ committed"
					" -c default_transaction_deferrable=off -c array_nulls=on"
					" -c client_min_messages=notice -c exit_on_error=off"
					" -c tcp_user_timeout=0%s", restricted);
}

/*
 * The same for messages in English, where the role may have that.  More than
 * hints should not depend on it.
 */
static const char *
settings_for_messages(Oid role)
{
	if (superuser_arg(role) ||
		pg_parameter_aclcheck("lc_messages", role, ACL_SET) == ACLCHECK_OK)
		return " -c lc_messages=C";
	return "";
}

/* The same for what pg_dump is to write alike each time. */
static void
add_settings_for_dumps(Connection *connection)
{
	connection->options = psprintf("%s -c quote_all_identifiers=off"
								   " -c TimeZone=UTC", connection->options);
}

static void
connect_as(Oid role, const char *database, Connection *connection)
{
	connection->host = socket_directory();
	if (connection->host == NULL)
		connection->host = listen_address();
	connection->port = PostPortNumber;
	connection->user = GetUserNameFromId(role, false);
	connection->database = database;
	connection->encoding = GetDatabaseEncodingName();
	connection->role = role;
	connection->options = psprintf("%s%s%s", settings_of_ours(),
								   neutral_settings(),
								   settings_for_messages(role));
	connection->token = NULL;
}

/*
 * The role that pg_dump connects as; InvalidOid when it does not exist.  Needs
 * a transaction.
 */
Oid
connection_role(void)
{
	return setting_user[0] == '\0' ? BOOTSTRAP_SUPERUSERID :
		get_role_oid(setting_user, true);
}

/* As connection_role, but raises an error when the role does not exist. */
static Oid
existing_role(void)
{
	Oid			role = connection_role();

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", setting_user),
				 errhint("Set \"snapshot_worker.user\" to the role that pg_dump is to connect as.")));
	return role;
}

/*
 * How pg_dump reaches a database of this server: over its own socket and port,
 * as the role that is set, or as the bootstrap superuser.  Needs a
 * transaction.  Raises an error when that role does not exist.
 */
void
connection_for_dump(const char *database, Connection *connection,
				 bool *is_superuser)
{
	Oid			role = existing_role();

	connect_as(role, database, connection);
	add_settings_for_dumps(connection);
	connection->options = psprintf("%s%s", connection->options,
								   database_settings_dump_options());
	*is_superuser = superuser_arg(role);
}

/*
 * As connection_for_dump, for pg_restore, which has to be a superuser to make all
 * that a dump holds.
 */
void
connection_for_restore(const char *database, Connection *connection)
{
	Oid			role = existing_role();

	connect_as(superuser_arg(role) ? role : BOOTSTRAP_SUPERUSERID, database,
			   connection);

	/*
	 * nobody sees the database before it is renamed, and the commit of that
	 * waits for all that came before
	 */
	connection->options = psprintf("%s -c default_transaction_read_only=off"
								   " -c synchronous_commit=local",
								   connection->options);
	/* not every server version has it */
	if (GetConfigOption("event_triggers", true, false) != NULL)
		connection->options = psprintf("%s -c event_triggers=off",
									   connection->options);
}

/* As connection_for_restore, for pg_dump of what pg_restore has made. */
void
connection_for_compare(const char *database, Connection *connection)
{
	connection_for_restore(database, connection);
	add_settings_for_dumps(connection);
}
