/*-------------------------------------------------------------------------
 *
 * queries.h
 *	  Queries of the catalogs, through SPI, and what they give as text.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_QUERIES_H
#define SNAPSHOT_WORKER_QUERIES_H

#include "executor/spi.h"

extern void queries_override_setting(const char *name, const char *value);
extern void queries_prepare_connection(void);
extern void queries_prepare_process(void);
extern void queries_wait_for_standbys(void);
extern void queries_begin(const char *query);
extern char *queries_to_utf8(const char *text, int encoding);
extern char *queries_from_utf8(const char *value);
extern char *queries_value(uint64 row, int column);
extern int64 queries_number(uint64 row, int column);
extern void queries_end(void);
extern void queries_execute(const char *statement);

#endif							/* SNAPSHOT_WORKER_QUERIES_H */
