/*-------------------------------------------------------------------------
 *
 * run_kinds.c
 *	  The kinds of run: one table of what distinguishes them.
 *
 * do_run() in worker.c executes runs of each kind.  Everything else that
 * depends only on the kind is in this table.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "shmem/run_kinds.h"

#define KIND_BIT(kind)	(1u << (kind))

/* One verification of a snapshot at a time may write its outcome. */
#define KINDS_VERIFYING \
	(KIND_BIT(KIND_SNAPSHOT) | KIND_BIT(KIND_VERIFY) | KIND_BIT(KIND_VERIFY_ALL))

static const RunKindInfo kinds[] = {
	[KIND_SNAPSHOT] = {
		.queue = QUEUE_REQUESTED,	/* or QUEUE_SCHEDULED, see run_queue() */
		.connection = CONNECTION_DATABASE,
		.subject = SUBJECT_DATABASE,
		.waits_for = KIND_BIT(KIND_SNAPSHOT),
		.action = "snapshot",
		.event = "snapshot",
		.underway = "snapshot",
		.failure = "snapshot of database \"%d\" failed (attempt %a)",
	},
	[KIND_VERIFY] = {
		.queue = QUEUE_TASKS,
		.connection = CONNECTION_CHOSEN,
		.subject = SUBJECT_SNAPSHOT,
		.waits_for = KINDS_VERIFYING,
		.action = "verify",
		.event = "verification",
		.underway = "verification",
		.failure = "verification of snapshot \"%s\" failed",
	},
	[KIND_VERIFY_ALL] = {
		.queue = QUEUE_SWEEPS,
		.connection = CONNECTION_CHOSEN,
		.subject = SUBJECT_SNAPSHOT,	/* the present one */
		.waits_for = KINDS_VERIFYING,	/* see state_begin_verifying() */
		.action = "verify",
		.failure = "verification of snapshot \"%s\" failed",
		.failure_unnamed = "verification of the snapshots failed",
	},
	[KIND_RESTORE] = {
		.queue = QUEUE_TASKS,
		.connection = CONNECTION_CHOSEN,
		.subject = SUBJECT_SNAPSHOT,
		.action = "restore",
		.failure = "restore of snapshot \"%s\" into database \"%t\" failed",
	},
	[KIND_RESTORE_TABLE] = {
		.queue = QUEUE_TASKS,
		.connection = CONNECTION_CHOSEN,
		.subject = SUBJECT_SNAPSHOT,
		.action = "restore",
		.failure = "restore of table \"%r\" of snapshot \"%s\" failed",
	},
	[KIND_ARCHIVE] = {
		.queue = QUEUE_ARCHIVE,
		.connection = CONNECTION_NONE,
		.subject = SUBJECT_NONE,
		.action = "archive",
		.event = "archive",
		.underway = "archive",
		.failure = "archiving of snapshot \"%s\" failed (attempt %a)",
		.failure_unnamed = "archiving failed (attempt %a)",
	},
	[KIND_ALERT] = {
		.queue = QUEUE_ALERTS,
		.connection = CONNECTION_NONE,
		.subject = SUBJECT_NONE,
		.action = "alert",
		.underway = "alert",
		.failure = "failure command for \"%s\" failed",
		.failure_unnamed = "failure command for \"%d\" failed",
	},
	[KIND_SWEEP] = {
		.queue = QUEUE_TASKS,
		.connection = CONNECTION_CHOSEN,
		.subject = SUBJECT_NONE,
		.action = "sweep",
		.underway = "sweep",
		.failure = "dropping of leftover scratch databases failed",
	},
};

/* Return the properties of all runs of this kind. */
const RunKindInfo *
run_kind(const RunRequest *request)
{
	return &kinds[request->kind];
}

/* The queue that a run waits in. */
RunQueue
run_queue(const RunRequest *request)
{
	if (request->kind == KIND_SNAPSHOT && !state_is_requested(request->reason))
		return QUEUE_SCHEDULED;
	return kinds[request->kind].queue;
}

/* The database that the worker of a run connects to, or NULL for none. */
const char *
run_database(const RunRequest *request)
{
	switch (kinds[request->kind].connection)
	{
		case CONNECTION_DATABASE:
			return request->database;
		case CONNECTION_CHOSEN:
			return request->connect_to;
		case CONNECTION_NONE:
			break;
	}
	return NULL;
}

static const char *
subject_of(const RunRequest *request, RunSubject subject)
{
	switch (subject)
	{
		case SUBJECT_DATABASE:
			return request->database;
		case SUBJECT_SNAPSHOT:
			return request->name;
		case SUBJECT_NONE:
			break;
	}
	return "";
}

/* What distinguishes a run from others of its kind, or "". */
const char *
run_subject(const RunRequest *request)
{
	return subject_of(request, kinds[request->kind].subject);
}

/* Must a run wait until this active one has ended? */
bool
run_waits_for(const RunRequest *request, const RunRequest *active)
{
	const RunKindInfo *kind = &kinds[request->kind];
	const char *subject = run_subject(request);

	return (kind->waits_for & KIND_BIT(active->kind)) != 0 &&
		subject[0] != '\0' &&
		strcmp(subject, subject_of(active, kind->subject)) == 0;
}

/* Does a run start without a request of a session? */
bool
run_begins_by_itself(const RunRequest *request)
{
	if (request->kind == KIND_SNAPSHOT)
		return !state_is_requested(request->reason);
	if (request->kind == KIND_VERIFY)
		return request->automatic;
	return kinds[request->kind].underway != NULL;
}

/* Return a report that a run failed, palloc'd: which run, but not why. */
char *
run_failure(const RunRequest *request)
{
	const RunKindInfo *kind = &kinds[request->kind];
	const char *format = kind->failure;
	StringInfoData text;

	if (kind->failure_unnamed != NULL && request->name[0] == '\0')
		format = kind->failure_unnamed;
	initStringInfo(&text);
	for (const char *p = format; *p != '\0'; p++)
	{
		if (*p != '%')
		{
			appendStringInfoChar(&text, *p);
			continue;
		}
		switch (*++p)
		{
			case 'd':
				appendStringInfoString(&text, request->database);
				break;
			case 's':
				appendStringInfoString(&text, request->name);
				break;
			case 't':
				appendStringInfoString(&text, request->target);
				break;
			case 'r':
				appendStringInfo(&text, "%s%s%s", request->schema,
								 request->schema[0] != '\0' ? "." : "",
								 request->table);
				break;
			case 'a':
				appendStringInfo(&text, "%d", request->attempt);
				break;
			default:
				pg_unreachable();
		}
	}
	return text.data;
}

/*
 * Return the SNAPSHOT_EVENT of failure_command for a failed run of this kind.
 */
const char *
run_event(RunKind kind)
{
	Assert(kinds[kind].event != NULL);
	return kinds[kind].event;
}

/* Return the word for a reason, as in manifests and lists. */
const char *
state_reason_name(RunReason reason)
{
	switch (reason)
	{
		case REASON_SCHEDULE:
			return "schedule";
		case REASON_CATCH_UP:
			return "catch-up";
		case REASON_MANUAL:
			return "manual";
		case REASON_BEFORE_DROP:
			return "before drop";
	}
	return "unknown";
}

/* Do sessions, rather than the schedule, request runs for this reason? */
bool
state_is_requested(RunReason reason)
{
	return reason == REASON_MANUAL || reason == REASON_BEFORE_DROP;
}
