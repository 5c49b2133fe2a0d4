/*-------------------------------------------------------------------------
 *
 * restore_errors.h
 *	  Parse the errors of pg_restore: which object each is about.  Pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_ERRORS_H
#define SNAPSHOT_WORKER_RESTORE_ERRORS_H

#include "lib/stringinfo.h"

/* A WARNING of restore_watch.c that begins so is an error about an object. */
#define RESTORE_WARNING	"could not restore a privilege: "

/* An error about an object; the texts are those of the server. */
typedef struct RestoreError
{
	int64		number;			/* of the object, counted from 1 */
	const char *object;			/* such as "TABLE DATA public.t" */
	const char *message;
	const char *detail;			/* "" for none */
} RestoreError;

/* The state of reading; starts by restore_errors_begin(). */
typedef struct RestoreErrors
{
	void		(*report) (void *arg, const RestoreError *error);
	void	   *arg;
	StringInfoData object;		/* being restored */
	int64		objects;		/* so far */
	StringInfoData text;		/* of the current error */
	bool		in_error;		/* more lines of it may follow */
	int64		count;			/* of errors, without such warnings */
	int64		ignored;		/* as the last line counts them; -1 if the
								 * last line does not */
	bool		unexpected;		/* one is not a statement's error */
} RestoreErrors;

extern void restore_errors_begin(RestoreErrors *errors,
								 void (*report) (void *arg,
												 const RestoreError *error),
								 void *arg);
extern void restore_errors_line(RestoreErrors *errors, const char *line);
extern void restore_errors_end(RestoreErrors *errors);

#endif							/* SNAPSHOT_WORKER_RESTORE_ERRORS_H */
