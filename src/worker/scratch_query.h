/*-------------------------------------------------------------------------
 *
 * scratch_query.h
 *	  Queries and statements in a scratch database, by psql.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCRATCH_QUERY_H
#define SNAPSHOT_WORKER_SCRATCH_QUERY_H

#include "storage/fd.h"

#include "worker/run_context.h"

/* A value of a query's result, as scratch_query() reads it. */
#define SCRATCH_VALUE(expression) \
	"encode(convert_to((" expression ")::text, 'UTF8'), 'hex')"

extern char *scratch_convert(const char *text, int from, int to);
extern char *scratch_output(RunContext *cxt, char **argv, int input);
extern File scratch_output_file(RunContext *cxt, char **argv, int input);
extern List *scratch_query(RunContext *cxt, const char *query);
extern void scratch_execute(RunContext *cxt, List *statements);

#endif							/* SNAPSHOT_WORKER_SCRATCH_QUERY_H */
