/*-------------------------------------------------------------------------
 *
 * clean_text.h
 *	  Cleaning of text that may be in another encoding.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_CLEAN_TEXT_H
#define SNAPSHOT_WORKER_CLEAN_TEXT_H

extern char *clean_text(const char *value, int encoding);

#endif							/* SNAPSHOT_WORKER_CLEAN_TEXT_H */
