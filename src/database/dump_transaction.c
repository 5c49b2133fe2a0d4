/*-------------------------------------------------------------------------
 *
 * dump_transaction.c
 *	  The transaction that exports pg_dump's MVCC snapshot, and connections.
 *
 * It runs as the bootstrap superuser in databases whose owners may not be
 * trusted.  It calls nothing that users can define: the search path is
 * pg_catalog, and only catalogs are read.
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
 * Begin a transaction, export its MVCC snapshot, and store in the manifest
 * what that snapshot contains: WAL position and timeline, the transactions it
 * sees (see unchanged_since.c), the database's size, contents and properties.
 * Returns the identifier of the exported snapshot, valid until
 * dump_transaction_end(), in the caller's memory context.
 *
 * The WAL position is read after the snapshot has been taken, because
 * everything that the snapshot sees was written to WAL before it.  The
 * converse is not true: the snapshot may not see a commit just before that
 * position.
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

/* Return the directory of the server's first Unix-domain socket, or NULL. */
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
	/* relative to the data directory; "@" means the abstract namespace */
	if (first[0] != '@' && !is_absolute_path(first))
		return psprintf("%s/%s", DataDir, first);
	return first;
}

/*
 * Return an address that the server listens on, palloc'd, for servers without
 * a Unix-domain socket.
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
 * Return settings for pg_dump and pg_dumpall, palloc'd, that ALTER DATABASE
 * could set to values that break them, and that they do not all override
 * themselves.
 */
static const char *
settings_of_ours(void)
{
	const char *transaction_timeout = "";

	/* Not all server versions have it. */
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		transaction_timeout = " -c transaction_timeout=0";
	return psprintf("-c statement_timeout=0 -c idle_session_timeout=0"
					" -c idle_in_transaction_session_timeout=0"
					" -c lock_timeout=%d -c local_preload_libraries=%s",
					setting_lock_timeout, transaction_timeout);
}

/*
 * Return other settings by which ALTER DATABASE or ALTER ROLE could break
 * pg_dump and pg_restore, or change their output, and that any role may set.
 * session_authorization has no effect when set there.
 */
static const char *
neutral_settings(void)
{
	const char *restricted = "";

	/* Not all minor versions have it. */
	if (GetConfigOption("restrict_nonsystem_relation_kind", true, false) != NULL)
		restricted = " -c restrict_nonsystem_relation_kind=";
	return psprintf(" -c role=none -c default_transaction_isolation=read\\ committed"
					" -c default_transaction_deferrable=off -c array_nulls=on"
					" -c client_min_messages=notice -c exit_on_error=off"
					" -c tcp_user_timeout=0%s", restricted);
}

/*
 * Return a setting for messages in English, if the role may set that.  Only
 * hints should depend on the language.
 */
static const char *
settings_for_messages(Oid role)
{
	if (superuser_arg(role) ||
		pg_parameter_aclcheck("lc_messages", role, ACL_SET) == ACLCHECK_OK)
		return " -c lc_messages=C";
	return "";
}

/*
 * Add settings that make the output of pg_dump independent of the
 * configuration.
 */
static void
add_settings_for_dumps(Connection *connection)
{
	connection->options = psprintf("%s -c quote_all_identifiers=off"
								   " -c TimeZone=UTC -c bytea_output=hex", connection->options);
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
 * Return the role that pg_dump connects as, or InvalidOid if it does not
 * exist.  Needs a transaction.
 */
Oid
connection_role(void)
{
	return setting_user[0] == '\0' ? BOOTSTRAP_SUPERUSERID :
		get_role_oid(setting_user, true);
}

/* As connection_role(), but raises an error when the role does not exist. */
static Oid
existing_role(void)
{
	Oid			role = connection_role();

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", setting_user),
				 errhint("Set \"snapshot_worker.user\" to the role that pg_dump should connect as.")));
	return role;
}

/*
 * Set up a connection of pg_dump to a database of this server: over its own
 * socket and port, as the configured role or the bootstrap superuser.  Needs a
 * transaction.  Raises an error when the role does not exist.
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
 * Return a value of log_min_messages under which errors are logged, and so
 * reach restore_watch.c.
 */
static const char *
log_with_errors(void)
{
	if (log_min_messages > ERROR || log_min_messages == LOG)
		return "error";
	return GetConfigOption("log_min_messages", false, false);
}

/*
 * As connection_for_dump(), but for pg_restore, which must be a superuser to
 * create everything in a dump.
 */
void
connection_for_restore(const char *database, Connection *connection)
{
	Oid			role = existing_role();

	connect_as(superuser_arg(role) ? role : BOOTSTRAP_SUPERUSERID, database,
			   connection);

	/*
	 * nobody uses the database before it is renamed, and the commit of that
	 * waits for all earlier ones
	 */
	connection->options = psprintf("%s -c default_transaction_read_only=off"
								   " -c synchronous_commit=local"
								   " -c log_min_messages=%s",
								   connection->options, log_with_errors());
	/* not all server versions have it */
	if (GetConfigOption("event_triggers", true, false) != NULL)
		connection->options = psprintf("%s -c event_triggers=off",
									   connection->options);
}

/*
 * As connection_for_restore(), but into a database that others use: its event
 * triggers fire.  The worker waits for standbys, when the commit is known.
 */
void
connection_for_table(const char *database, Connection *connection)
{
	Oid			role = existing_role();

	connect_as(superuser_arg(role) ? role : BOOTSTRAP_SUPERUSERID, database,
			   connection);
	connection->options = psprintf("%s -c default_transaction_read_only=off"
								   " -c synchronous_commit=local%s",
								   connection->options,
								   database_settings_dump_options());
}

/* As connection_for_restore(), but for a pg_dump of the restored database. */
void
connection_for_compare(const char *database, Connection *connection)
{
	connection_for_restore(database, connection);
	add_settings_for_dumps(connection);
}
