/*-------------------------------------------------------------------------
 *
 * restore_notes.h
 *	  What the sessions of pg_restore tell the worker of their run.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_NOTES_H
#define SNAPSHOT_WORKER_RESTORE_NOTES_H

#include "shmem/table_copies.h"

typedef struct RestoreNotes RestoreNotes;

/* What a pg_restore does for a restore of one table; see restore_parts.c. */
typedef enum RestoreStage
{
	STAGE_NONE,					/* the whole database is restored */
	STAGE_SCRATCH,				/* all definitions, into a scratch database */
	STAGE_TABLE					/* the table, into its database */
} RestoreStage;

/* How a pg_restore runs. */
typedef struct RestoreMode
{
	bool		no_owner;		/* leave out what needs missing roles */
	bool		go_on;			/* after errors */
	RestoreStage stage;
	/* In a scratch database: who gets what missing roles own; the table. */
	Oid			caller;
	char		schema[NAMEDATALEN];
	char		table[NAMEDATALEN];
} RestoreMode;

/*
 * Something that a session changed, because this server lacks what it needs.
 */
typedef struct RestoreNote
{
	char	   *object;			/* that was left out; "" if it was not */
	char	   *message;
} RestoreNote;

/* An error of a session that is not the dump's fault. */
typedef struct RestoreTrouble
{
	int			sqlerrcode;		/* 0 for none */
	char		message[256];
} RestoreTrouble;

extern dsa_pointer restore_notes_create(Copies *copies,
										const RestoreMode *mode);
extern const RestoreMode *restore_notes_mode(const RestoreNotes *notes);
extern bool restore_notes_add(RestoreNotes *notes, const char *object,
							  const char *message);
extern void restore_notes_attach(RestoreNotes *notes);
extern bool restore_notes_are_attached(RestoreNotes *notes);
extern void restore_notes_add_trouble(RestoreNotes *notes, int sqlerrcode,
									  const char *message);
extern List *restore_notes_list(RestoreNotes *notes);
extern int64 restore_notes_dropped(RestoreNotes *notes);
extern void restore_notes_trouble(RestoreNotes *notes,
								  RestoreTrouble *trouble);

#endif							/* SNAPSHOT_WORKER_RESTORE_NOTES_H */
