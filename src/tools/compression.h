/*-------------------------------------------------------------------------
 *
 * compression.h
 *	  Compression methods, for "compress" and for pg_dump's --compress: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COMPRESSION_H
#define SNAPSHOT_WORKER_COMPRESSION_H

extern const char *compression_problem(const char *value);
extern bool compression_is_known(const char *value);
extern const char *compression_argument(const char *value);

#endif							/* SNAPSHOT_WORKER_COMPRESSION_H */
