/*-------------------------------------------------------------------------
 *
 * restore_notes.c
 *	  What the sessions of pg_restore tell the worker of their run.
 *
 * The worker creates the notes in the dynamic shared memory of table_copies.c.
 * Several sessions may write at once.  The worker reads when pg_restore has
 * ended.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/atomics.h"
#include "storage/lwlock.h"

#include "shmem/restore_notes.h"

/* Room for the notes; what does not fit is only in the server's log. */
#define NOTES_SIZE	((size_t) 32 * 1024)

struct RestoreNotes
{
	RestoreMode mode;			/* never changes */

	pg_atomic_uint32 attached;	/* has a session found these notes? */

	/* The first session that changes it from 0 also writes the message. */
	pg_atomic_uint32 trouble;	/* SQLSTATE */
	char		trouble_message[sizeof(((RestoreTrouble *) NULL)->message)];

	LWLock		lock;			/* guards what follows */
	int64		dropped;		/* objects for which there was no room */
	size_t		used;
	char		text[NOTES_SIZE];	/* object and message of each note, both
									 * with the byte that ends them */
};

/* Create empty notes.  Raises an error when no memory is left. */
dsa_pointer
restore_notes_create(Copies *copies, const RestoreMode *mode)
{
	dsa_pointer memory = copies_allocate(copies, sizeof(RestoreNotes));
	RestoreNotes *notes = copies_address(copies, memory);

	notes->mode = *mode;
	pg_atomic_init_u32(&notes->attached, 0);
	pg_atomic_init_u32(&notes->trouble, 0);
	LWLockInitialize(&notes->lock, state_tranche());
	return memory;
}

/* Return how the pg_restore runs that the notes are of. */
const RestoreMode *
restore_notes_mode(const RestoreNotes *notes)
{
	return &notes->mode;
}

/*
 * Add a note, unless the same one is there or there is no room.  The object is
 * "" if it was restored, in spite of what the message tells.  Returns false if
 * the same one is there; else the caller logs it.
 */
bool
restore_notes_add(RestoreNotes *notes, const char *object,
				  const char *message)
{
	size_t		object_size = strlen(object) + 1;
	size_t		size = object_size + strlen(message) + 1;
	bool		found = false;

	LWLockAcquire(&notes->lock, LW_EXCLUSIVE);
	for (const char *p = notes->text; p < notes->text + notes->used && !found;)
	{
		const char *other = p + strlen(p) + 1;

		found = strcmp(p, object) == 0 && strcmp(other, message) == 0;
		p = other + strlen(other) + 1;
	}
	if (!found && size <= NOTES_SIZE - notes->used)
	{
		memcpy(notes->text + notes->used, object, object_size);
		memcpy(notes->text + notes->used + object_size, message,
			   size - object_size);
		notes->used += size;
	}
	else if (!found && object[0] != '\0')
		notes->dropped++;
	LWLockRelease(&notes->lock);
	return !found;
}

/* Record that a session has found its notes. */
void
restore_notes_attach(RestoreNotes *notes)
{
	pg_atomic_write_u32(&notes->attached, 1);
}

/* Has any session found its notes? */
bool
restore_notes_are_attached(RestoreNotes *notes)
{
	return pg_atomic_read_u32(&notes->attached) != 0;
}

/*
 * Record an error that is not the dump's fault, if it is the first.  Takes no
 * lock: an error may be reported anywhere.
 */
void
restore_notes_add_trouble(RestoreNotes *notes, int sqlerrcode,
						  const char *message)
{
	uint32		none = 0;

	if (pg_atomic_compare_exchange_u32(&notes->trouble, &none,
									   (uint32) sqlerrcode))
		strlcpy(notes->trouble_message, message,
				sizeof(notes->trouble_message));
}

/* Return the notes as a list of RestoreNote, palloc'd. */
List *
restore_notes_list(RestoreNotes *notes)
{
	char	   *text = palloc(NOTES_SIZE);
	size_t		used;
	List	   *list = NIL;

	LWLockAcquire(&notes->lock, LW_SHARED);
	used = notes->used;
	memcpy(text, notes->text, used);
	LWLockRelease(&notes->lock);

	for (char *p = text; p < text + used;)
	{
		RestoreNote *note = palloc(sizeof(RestoreNote));

		note->object = p;
		note->message = p + strlen(p) + 1;
		p = note->message + strlen(note->message) + 1;
		list = lappend(list, note);
	}
	return list;
}

/*
 * Return the first error that restore_notes_add_trouble() has recorded, or one
 * with SQLSTATE 0 if it has recorded none.  Call it after all sessions have
 * ended.
 */
void
restore_notes_trouble(RestoreNotes *notes, RestoreTrouble *trouble)
{
	trouble->sqlerrcode = (int) pg_atomic_read_u32(&notes->trouble);
	strlcpy(trouble->message, notes->trouble_message,
			sizeof(trouble->message));
}

/* Return the number of objects for which there was no room. */
int64
restore_notes_dropped(RestoreNotes *notes)
{
	int64		dropped;

	LWLockAcquire(&notes->lock, LW_SHARED);
	dropped = notes->dropped;
	LWLockRelease(&notes->lock);
	return dropped;
}
