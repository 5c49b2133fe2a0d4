/*-------------------------------------------------------------------------
 *
 * dump_encoding.h
 *	  Text in the encoding of a dump, and in that of this database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_ENCODING_H
#define SNAPSHOT_WORKER_DUMP_ENCODING_H

extern char *dump_encoding_from(const char *text, int encoding);
extern char *dump_encoding_shown(const char *text, int encoding);
extern char *dump_encoding_to(const char *text, int encoding);
extern char *dump_encoding_to_utf8(const char *text, int encoding);
extern char *dump_encoding_from_utf8(const char *text, int encoding);

#endif							/* SNAPSHOT_WORKER_DUMP_ENCODING_H */
