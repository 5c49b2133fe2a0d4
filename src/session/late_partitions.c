/*-------------------------------------------------------------------------
 *
 * late_partitions.c
 *	  Remember what fails of a table until it is a partition of the wanted one.
 *
 * A dump creates a partition as a table of its own, and attaches it later.  A
 * partition can get partitions before it is attached itself.  So a session
 * that restores all definitions into a scratch database cannot know at first
 * which tables belong to the wanted one.  It keeps what failed of the others,
 * and tells it when they are attached.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "utils/memutils.h"

#include "session/late_partitions.h"
#include "session/restore_watch.h"

/* What failed of a table that is not attached yet. */
typedef struct LateFailure
{
	Oid			table;
	char	   *object;			/* that was left out; NULL for trouble */
	int			sqlerrcode;		/* of the trouble */
	char	   *message;
} LateFailure;

static List *failures = NIL;

static void
remember(Oid table, const char *object, int sqlerrcode, const char *message)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	LateFailure *failure = palloc(sizeof(LateFailure));

	failure->table = table;
	failure->object = object == NULL ? NULL : pstrdup(object);
	failure->sqlerrcode = sqlerrcode;
	failure->message = pstrdup(message);
	failures = lappend(failures, failure);
	MemoryContextSwitchTo(caller);
}

/* Remember an object of a table that was left out. */
void
late_partitions_note(Oid table, const char *object, const char *message)
{
	remember(table, object, 0, message);
}

/*
 * Remember an error without which a table would be another one, such as that
 * of a missing partition.
 */
void
late_partitions_trouble(Oid table, int sqlerrcode, const char *message)
{
	remember(table, NULL, sqlerrcode, message);
}

/*
 * A partition now belongs to the wanted table, and so do its own partitions:
 * add what failed of them to the notes.
 */
void
late_partitions_attached(Oid partition, RestoreNotes *notes)
{
	List	   *tables;
	ListCell   *lc;

	if (failures == NIL)
		return;
	tables = find_all_inheritors(partition, NoLock, NULL);
	foreach(lc, failures)
	{
		LateFailure *failure = lfirst(lc);

		if (!list_member_oid(tables, failure->table))
			continue;
		if (failure->object != NULL)
			restore_watch_note(notes, failure->object, failure->message,
							   NULL);
		else
			restore_notes_add_trouble(notes, failure->sqlerrcode,
									  failure->message);
		failures = foreach_delete_current(failures, lc);
	}
}
