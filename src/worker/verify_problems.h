/*-------------------------------------------------------------------------
 *
 * verify_problems.h
 *	  Problems found in a snapshot, and their text: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_VERIFY_PROBLEMS_H
#define SNAPSHOT_WORKER_VERIFY_PROBLEMS_H

#include "lib/stringinfo.h"

#include "settings.h"

/* A problem of a snapshot itself. */
typedef struct Fault
{
	VerifyLevel level;			/* the level at which it was found */
	const char *message;
	const char *detail;			/* or NULL */
	const char *hint;			/* or NULL */
} Fault;

/* A list of problems; only the first ones are kept as text. */
typedef struct Problems
{
	int			count;
	StringInfoData text;
} Problems;

extern void problems_begin(Problems *problems);
extern void problems_add(Problems *problems, const char *format,...) pg_attribute_printf(2, 3);
extern bool problems_are_told(const Problems *problems);
extern char *problems_text(Problems *problems);

#endif							/* SNAPSHOT_WORKER_VERIFY_PROBLEMS_H */
