/*-------------------------------------------------------------------------
 *
 * table_args.h
 *	  Argument vectors for programs that restore one table: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_ARGS_H
#define SNAPSHOT_WORKER_TABLE_ARGS_H

#include "tools/tool_args.h"

extern char **table_args_list_all(const char *bin_directory);
extern char **table_args_definitions(const char *bin_directory,
									 const Connection *connection,
									 const char *section, const char *path);
extern char **table_args_rows(const char *bin_directory,
							  const Connection *connection, const char *schema,
							  List *relations, const char *path);
extern char **table_args_dump(const char *bin_directory,
							  const Connection *connection, List *patterns);
extern char **table_args_restore(const char *bin_directory,
								 const Connection *connection,
								 const char *list, const char *path);
extern char *table_args_pattern(const char *schema, const char *table);

#endif							/* SNAPSHOT_WORKER_TABLE_ARGS_H */
