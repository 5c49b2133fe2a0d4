/*-------------------------------------------------------------------------
 *
 * sql_util.h
 *	  Arguments and results of SQL functions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SQL_UTIL_H
#define SNAPSHOT_WORKER_SQL_UTIL_H

#include "fmgr.h"

extern void sql_check_loaded(void);
extern void sql_check_arguments(FunctionCallInfo fcinfo, const char *function);
extern char *sql_clean_text(const char *value);
extern Datum sql_text_datum(const char *value);
extern Datum sql_row_datum(FunctionCallInfo fcinfo, Datum *values,
						   bool *nulls);
extern Datum sql_name_datum(const char *value);
extern void sql_table_name(const char *text, const char **schema,
						   const char **table);
extern const char *sql_name_argument(FunctionCallInfo fcinfo, int argument);

#endif							/* SNAPSHOT_WORKER_SQL_UTIL_H */
