/*-------------------------------------------------------------------------
 *
 * left_out.h
 *	  Log what a restore leaves out or changes, and report it to the session.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LEFT_OUT_H
#define SNAPSHOT_WORKER_LEFT_OUT_H

#include "shmem/restore_report.h"
#include "tools/restore_errors.h"
#include "worker/run_context.h"

typedef struct LeftOut
{
	bool		go_on;			/* leave out what cannot be restored */
	const char *advice;			/* hint for an error that could be left out */
	RestoreReport *report;
	RestoreErrors errors;		/* of the running pg_restore */
	int64		last;			/* number of the object left out last */
	int64		objects;
} LeftOut;

extern void left_out_add_change(LeftOut *left_out, const char *message);
extern void left_out_begin(LeftOut *left_out);
extern bool left_out_is_all(LeftOut *left_out, RunContext *cxt,
							const ChildResult *result);
extern void left_out_fail(LeftOut *left_out, RunContext *cxt, char **argv,
						  const ChildResult *result);
extern void left_out_add_notes(LeftOut *left_out, RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_LEFT_OUT_H */
