/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  Conversion of errors to values and back.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ERRORS_H
#define SNAPSHOT_WORKER_ERRORS_H

extern ErrorData *error_catch(MemoryContext context);
extern ErrorData *error_catch_and_abort(MemoryContext context);
extern void error_report(int elevel, int sqlerrcode, const char *message,
						 const char *detail, const char *hint);

#endif							/* SNAPSHOT_WORKER_ERRORS_H */
