/*-------------------------------------------------------------------------
 *
 * run_kinds.h
 *	  The kinds of run: one table of what distinguishes them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RUN_KINDS_H
#define SNAPSHOT_WORKER_RUN_KINDS_H

#include "shmem/shared_state.h"

/* Which database the worker of a run connects to. */
typedef enum RunConnection
{
	CONNECTION_NONE,
	CONNECTION_DATABASE,		/* the one that the run is about */
	CONNECTION_CHOSEN			/* any will do: connect_to */
} RunConnection;

/* What tells two runs of one kind apart. */
typedef enum RunSubject
{
	SUBJECT_NONE,
	SUBJECT_DATABASE,
	SUBJECT_SNAPSHOT
} RunSubject;

typedef struct RunKindInfo
{
	RunQueue	queue;			/* also of runs that sessions request */
	RunConnection connection;
	RunSubject	subject;
	unsigned	waits_for;		/* a run waits for active runs of these kinds
								 * that have its subject: KIND_BIT()s */
	const char *action;			/* in snapshot_progress() */
	const char *event;			/* in SNAPSHOT_EVENT, or NULL when a failure
								 * causes no alert */
	const char *underway;		/* in the file of underway_file.c, or NULL
								 * when only sessions request it */
	const char *failure;		/* the report of a failure; %d is the
								 * database, %s the snapshot, %t the target of
								 * a restore, %r the restored table, %a the
								 * attempt */
	const char *failure_unnamed;	/* the same while the run has no snapshot,
									 * if that differs, or NULL */
} RunKindInfo;

extern const RunKindInfo *run_kind(const RunRequest *request);
extern RunQueue run_queue(const RunRequest *request);
extern const char *run_database(const RunRequest *request);
extern const char *run_subject(const RunRequest *request);
extern bool run_waits_for(const RunRequest *request, const RunRequest *active);
extern bool run_begins_by_itself(const RunRequest *request);
extern char *run_failure(const RunRequest *request);
extern const char *run_event(RunKind kind);

extern const char *state_reason_name(RunReason reason);
extern bool state_is_requested(RunReason reason);

#endif							/* SNAPSHOT_WORKER_RUN_KINDS_H */
