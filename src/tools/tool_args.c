/*-------------------------------------------------------------------------
 *
 * tool_args.c
 *	  Argument and environment vectors for pg_dump and related programs: pure.
 *
 * The vectors are not passed through a shell.  A database can have any name,
 * and libpq parses a name that looks like a connection string as one, so that
 * we always pass names as quoted values in a connection string.  Passwords are
 * never passed: if one is required, the pass file of the server's user
 * supplies it.
 *
 * All vectors are palloc'd and end with NULL.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "tools/tool_args.h"

static char **
vector_of(List *strings)
{
	char	  **vector = palloc((list_length(strings) + 1) * sizeof(char *));
	ListCell   *lc;

	foreach(lc, strings)
		vector[foreach_current_index(lc)] = lfirst(lc);
	vector[list_length(strings)] = NULL;
	return vector;
}

/* Add keyword='value' to a connection string. */
static void
append_parameter(StringInfo conninfo, const char *keyword, const char *value)
{
	if (conninfo->len > 0)
		appendStringInfoChar(conninfo, ' ');
	appendStringInfo(conninfo, "%s='", keyword);
	for (const char *p = value; *p != '\0'; p++)
	{
		if (*p == '\'' || *p == '\\')
			appendStringInfoChar(conninfo, '\\');
		appendStringInfoChar(conninfo, *p);
	}
	appendStringInfoChar(conninfo, '\'');
}

static char *
server_conninfo(const Connection *connection, bool with_database)
{
	StringInfoData conninfo;

	initStringInfo(&conninfo);
	append_parameter(&conninfo, "host", connection->host);
	append_parameter(&conninfo, "port", psprintf("%d", connection->port));
	append_parameter(&conninfo, "user", connection->user);
	append_parameter(&conninfo, "client_encoding", connection->encoding);
	if (with_database)
		append_parameter(&conninfo, "dbname", connection->database);
	return conninfo.data;
}

static List *
begin_arguments(const char *bin_directory, const char *name)
{
	return list_make1(psprintf("%s/%s", bin_directory, name));
}

/* program --version */
char **
tool_args_version(const char *bin_directory, const char *name)
{
	return vector_of(lappend(begin_arguments(bin_directory, name),
							 "--version"));
}

/* pg_dump of a whole database into a file or directory at path. */
char **
tool_args_pg_dump(const char *bin_directory, const Connection *connection,
				  const DumpOptions *options, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_dump");

	args = lappend(args, psprintf("--dbname=%s",
								  server_conninfo(connection, true)));
	args = lappend(args, "--no-password");
	/* overrides ALTER DATABASE ... SET role */
	args = lappend(args, psprintf("--role=%s", connection->user));
	args = lappend(args, psprintf("--format=%s", options->format));
	args = lappend(args, psprintf("--compress=%s", options->compress));
	if (options->jobs > 0)
		args = lappend(args, psprintf("--jobs=%d", options->jobs));
	if (options->lock_timeout > 0)
		args = lappend(args, psprintf("--lock-wait-timeout=%d",
									  options->lock_timeout));
	args = lappend(args, psprintf("--snapshot=%s", options->snapshot));
	args = lappend(args, "--verbose");	/* see tool_output.c */
	args = lappend(args, "--no-sync");	/* we sync the files ourselves and
										 * check for errors */
	args = lappend(args, psprintf("--file=%s", path));
	return vector_of(args);
}

/*
 * pg_dumpall of roles and tablespaces into a file at path.  Only superusers
 * can read passwords.
 */
char **
tool_args_pg_dumpall_globals(const char *bin_directory,
							 const Connection *connection, int lock_timeout,
							 bool role_passwords, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_dumpall");
	StringInfoData database;

	/*
	 * pg_dumpall has a separate option for the database, but parses it alike
	 */
	initStringInfo(&database);
	append_parameter(&database, "dbname", connection->database);

	args = lappend(args, psprintf("--dbname=%s",
								  server_conninfo(connection, false)));
	args = lappend(args, psprintf("--database=%s", database.data));
	args = lappend(args, "--no-password");
	args = lappend(args, psprintf("--role=%s", connection->user));
	args = lappend(args, "--globals-only");
	if (!role_passwords)
		args = lappend(args, "--no-role-passwords");
	if (lock_timeout > 0)
		args = lappend(args, psprintf("--lock-wait-timeout=%d", lock_timeout));
	args = lappend(args, "--no-sync");
	args = lappend(args, psprintf("--file=%s", path));
	return vector_of(args);
}

/* pg_restore that lists the dump at path. */
char **
tool_args_pg_restore_list(const char *bin_directory, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, "--list");
	args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/*
 * pg_dump of definitions only, to standard output.  We do not use
 * --schema-only, which omits whether a materialized view is populated.
 */
char **
tool_args_pg_dump_definitions(const char *bin_directory,
							  const Connection *connection, int lock_timeout)
{
	List	   *args = begin_arguments(bin_directory, "pg_dump");

	args = lappend(args, psprintf("--dbname=%s",
								  server_conninfo(connection, true)));
	args = lappend(args, "--no-password");
	args = lappend(args, psprintf("--role=%s", connection->user));
	args = lappend(args, "--format=custom");
	args = lappend(args, psprintf("--encoding=%s", connection->encoding));
	if (lock_timeout > 0)
		args = lappend(args, psprintf("--lock-wait-timeout=%d", lock_timeout));
	args = lappend(args, "--section=pre-data");
	args = lappend(args, "--section=post-data");
	return vector_of(args);
}

/*
 * pg_restore that writes the definitions in the dump at path (standard input
 * if NULL) to standard output: a list, or the script that creates them.
 */
char **
tool_args_pg_restore_definitions(const char *bin_directory, bool list,
								 const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, list ? "--list" : "--file=-");
	args = lappend(args, "--no-subscriptions");
	args = lappend(args, "--section=pre-data");
	args = lappend(args, "--section=post-data");
	if (path != NULL)
		args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/* psql that executes statements in order and stops at the first error. */
char **
tool_args_psql(const char *bin_directory, const Connection *connection,
			   List *statements)
{
	List	   *args = begin_arguments(bin_directory, "psql");
	ListCell   *lc;

	args = lappend(args, psprintf("--dbname=%s",
								  server_conninfo(connection, true)));
	args = lappend(args, "--no-password");
	args = lappend(args, "--no-psqlrc");
	args = lappend(args, "--no-align");
	args = lappend(args, "--tuples-only");
	args = lappend(args, "--quiet");
	args = lappend(args, "--set=ON_ERROR_STOP=1");
	foreach(lc, statements)
		args = lappend(args, psprintf("--command=%s", (char *) lfirst(lc)));
	return vector_of(args);
}

/*
 * pg_restore that prints the rows of the entries that its standard input
 * lists, of the dump at path.
 */
char **
tool_args_pg_restore_rows(const char *bin_directory, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, "--data-only");
	args = lappend(args, "--use-list=/dev/stdin");
	args = lappend(args, "--file=-");
	args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/*
 * pg_restore that lists the entries of a relation of the dump at path: of this
 * name, in this schema (any if NULL), in the dump's encoding.
 */
char **
tool_args_pg_restore_list_table(const char *bin_directory, const char *schema,
								const char *table, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, "--list");
	if (schema != NULL)
		args = lappend(args, psprintf("--schema=%s", schema));
	args = lappend(args, psprintf("--table=%s", table));
	args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/*
 * pg_restore that prints the definitions in the dump at path, or only those
 * that its standard input lists.
 */
char **
tool_args_pg_restore_script(const char *bin_directory, bool listed,
							const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, "--schema-only");
	if (listed)
		args = lappend(args, "--use-list=/dev/stdin");
	args = lappend(args, "--file=-");
	args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/* pg_restore that reads the whole dump at path and discards the output. */
char **
tool_args_pg_restore_read(const char *bin_directory, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, "--exit-on-error");
	args = lappend(args, "--verbose");
	args = lappend(args, "--file=/dev/null");
	args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/*
 * pg_restore of the dump at path into a new database.  Subscriptions are
 * excluded: the publisher has one slot for the database that was dumped, and a
 * database with a subscription cannot be dropped.
 */
char **
tool_args_pg_restore(const char *bin_directory, const Connection *connection,
					 const RestoreOptions *options, const char *path)
{
	List	   *args = begin_arguments(bin_directory, "pg_restore");

	args = lappend(args, psprintf("--dbname=%s",
								  server_conninfo(connection, true)));
	args = lappend(args, "--no-password");
	if (!options->go_on)
		args = lappend(args, "--exit-on-error");
	args = lappend(args, "--verbose");
	args = lappend(args, "--no-subscriptions");
	if (options->jobs > 1)
		args = lappend(args, psprintf("--jobs=%d", options->jobs));
	if (options->owner != NULL)
	{
		args = lappend(args, psprintf("--role=%s", options->owner));
		args = lappend(args, "--no-owner");
		args = lappend(args, "--no-privileges");
	}
	args = lappend(args, psprintf("%s", path));
	return vector_of(args);
}

/* Begin the arguments of a program that connects to a database. */
List *
tool_args_begin(const char *bin_directory, const char *name,
				const Connection *connection)
{
	List	   *args = begin_arguments(bin_directory, name);

	if (connection == NULL)
		return args;
	args = lappend(args, psprintf("--dbname=%s",
								  server_conninfo(connection, true)));
	return lappend(args, "--no-password");
}

/* Return the vector of such arguments. */
char **
tool_args_end(List *args)
{
	return vector_of(args);
}

/*
 * Return the environment variable with the settings of a child's sessions.  It
 * contains the token, which must not appear in the arguments.
 */
char *
tool_args_options(const Connection *connection)
{
	if (connection->token == NULL)
		return psprintf("PGOPTIONS=%s", connection->options);
	return psprintf("PGOPTIONS=%s -c snapshot_worker.session_token=%s",
					connection->options, connection->token);
}

/*
 * Return the whole environment of a child: what it needs to find its files and
 * its pass file (NULL means libpq's default, below home), and nothing from the
 * server's own environment.
 */
char **
tool_args_environment(const char *bin_directory, const char *home,
					  const char *pass_file)
{
	List	   *env = NIL;

	env = lappend(env, psprintf("PATH=%s:/usr/bin:/bin", bin_directory));
	env = lappend(env, psprintf("HOME=%s", home));
	env = lappend(env, "LC_ALL=C");
	env = lappend(env, "TZ=UTC");
	if (pass_file != NULL)
		env = lappend(env, psprintf("PGPASSFILE=%s", pass_file));
	env = lappend(env, "PGAPPNAME=snapshot_worker");
	env = lappend(env, "PGCONNECT_TIMEOUT=30");
	return vector_of(env);
}
