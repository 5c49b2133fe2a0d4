/*-------------------------------------------------------------------------
 *
 * table_definition.h
 *	  A digest of all that the text of a table's COPY depends on but its rows.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_DEFINITION_H
#define SNAPSHOT_WORKER_TABLE_DEFINITION_H

#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "util/file_digest.h"

extern bool table_definition_digest(Relation relation, const List *columns,
									char *digest);

#endif							/* SNAPSHOT_WORKER_TABLE_DEFINITION_H */
