/*-------------------------------------------------------------------------
 *
 * table_statement.h
 *	  What a statement of a dump makes, and of which table: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_STATEMENT_H
#define SNAPSHOT_WORKER_TABLE_STATEMENT_H

#include "nodes/parsenodes.h"

extern const RangeVar *table_statement_relation(const Node *statement);
extern List *table_statement_statistics(const Node *statement);
extern const RangeVar *table_statement_partition(const Node *statement);
extern bool table_statement_is_part(const Node *statement);
extern bool table_statement_is_of_role(const Node *statement);
extern bool table_statement_is_comment(const Node *statement);
extern bool table_statement_needs_part(const Node *statement);
extern char *table_statement_object(const Node *statement);

#endif							/* SNAPSHOT_WORKER_TABLE_STATEMENT_H */
