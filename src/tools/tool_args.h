/*-------------------------------------------------------------------------
 *
 * tool_args.h
 *	  Argument and environment vectors for pg_dump and related programs: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TOOL_ARGS_H
#define SNAPSHOT_WORKER_TOOL_ARGS_H

#include "nodes/pg_list.h"

/* How to connect to a database of this server. */
typedef struct Connection
{
	const char *host;			/* socket directory, or a host's name */
	int			port;
	const char *user;
	const char *database;
	const char *encoding;		/* of the database */
	Oid			role;			/* OID of that user */
	const char *options;		/* settings in the server's command-line
								 * syntax; NULL if there is no connection */
	const char *token;			/* see program_tokens.c; or NULL */
} Connection;

typedef struct DumpOptions
{
	const char *format;
	const char *compress;
	int			jobs;			/* 0 to omit it */
	int			lock_timeout;	/* milliseconds; 0 means none */
	const char *snapshot;		/* identifier of an exported snapshot */
} DumpOptions;

typedef struct RestoreOptions
{
	int			jobs;
	const char *owner;			/* of all objects, without privileges, in the
								 * dump's encoding; NULL restores owners and
								 * privileges from the dump */
	bool		go_on;			/* after an error */
} RestoreOptions;

extern char **tool_args_version(const char *bin_directory, const char *program);
extern char **tool_args_pg_dump(const char *bin_directory,
								const Connection *connection,
								const DumpOptions *options, const char *path);
extern char **tool_args_pg_dumpall_globals(const char *bin_directory,
										   const Connection *connection,
										   int lock_timeout,
										   bool role_passwords,
										   const char *path);
extern char **tool_args_pg_restore_list(const char *bin_directory,
										const char *path);
extern char **tool_args_pg_dump_definitions(const char *bin_directory,
											const Connection *connection,
											int lock_timeout);
extern char **tool_args_pg_restore_definitions(const char *bin_directory,
											   bool list, const char *path);
extern char **tool_args_psql(const char *bin_directory,
							 const Connection *connection, List *statements);
extern char **tool_args_pg_restore_rows(const char *bin_directory,
										const char *path);
extern char **tool_args_pg_restore_list_table(const char *bin_directory,
											  const char *schema,
											  const char *table,
											  const char *path);
extern char **tool_args_pg_restore_script(const char *bin_directory,
										  bool listed, const char *path);
extern char **tool_args_pg_restore_read(const char *bin_directory,
										const char *path);
extern char **tool_args_pg_restore(const char *bin_directory,
								   const Connection *connection,
								   const RestoreOptions *options,
								   const char *path);
extern List *tool_args_begin(const char *bin_directory, const char *name,
							 const Connection *connection);
extern char **tool_args_end(List *args);
extern char *tool_args_options(const Connection *connection);
extern char **tool_args_environment(const char *bin_directory, const char *home,
									const char *pass_file);

#endif							/* SNAPSHOT_WORKER_TOOL_ARGS_H */
