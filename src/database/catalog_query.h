/*-------------------------------------------------------------------------
 *
 * catalog_query.h
 *	  Run catalog queries through SPI and return their results as text.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CATALOG_QUERY_H
#define SNAPSHOT_WORKER_CATALOG_QUERY_H

#include "executor/spi.h"

extern void catalog_override_setting(const char *name, const char *value);
extern void catalog_prepare_connection(void);
extern void catalog_prepare_process(void);
extern void catalog_wait_for_standbys(void);
extern void catalog_begin(const char *query);
extern char *catalog_to_utf8(const char *text, int encoding);
extern char *catalog_from_utf8(const char *value);
extern char *catalog_value(uint64 row, int column);
extern int64 catalog_number(uint64 row, int column);
extern void catalog_end(void);
extern void catalog_execute(const char *statement);

#endif							/* SNAPSHOT_WORKER_CATALOG_QUERY_H */
