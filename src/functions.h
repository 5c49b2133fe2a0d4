/*-------------------------------------------------------------------------
 *
 * functions.h
 *	  What the SQL-callable functions share.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FUNCTIONS_H
#define SNAPSHOT_WORKER_FUNCTIONS_H

extern void functions_check_loaded(void);
extern char *functions_clean_text(const char *value);
extern Datum functions_text_datum(const char *value);
extern Datum functions_name_datum(const char *value);

#endif							/* SNAPSHOT_WORKER_FUNCTIONS_H */
