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

/* How a pg_restore runs. */
typedef struct RestoreMode
{
	bool		no_owner;		/* leave out what needs missing roles */
	bool		go_on;			/* after errors */
} RestoreMode;

/* Something that a session changed, because this server lacks what it needs. */
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
extern void restore_notes_add(RestoreNotes *notes, const char *object,
							  const char *message);
extern void restore_notes_add_trouble(RestoreNotes *notes, int sqlerrcode,
									  const char *message);
extern List *restore_notes_list(RestoreNotes *notes);
extern void restore_notes_trouble(RestoreNotes *notes,
								  RestoreTrouble *trouble);

#endif							/* SNAPSHOT_WORKER_RESTORE_NOTES_H */
