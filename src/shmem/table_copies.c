/*-------------------------------------------------------------------------
 *
 * table_copies.c
 *	  The tables that a run's programs copy, in dynamic shared memory.
 *
 * The worker of a run creates a hash table before it starts pg_dump or
 * pg_restore.  The sessions of that program, which run in backends of this
 * server, attach to it and record each table whose rows they have copied.
 * When the program has ended, the worker reads these records.  The memory is
 * freed when the last attached process ends or detaches.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/dshash.h"
#include "utils/dsa.h"
#include "utils/memutils.h"

#include "shmem/table_copies.h"
#include "util/compat.h"

struct Copies
{
	dsa_area   *area;
	dshash_table *tables;		/* of TableCopy */
};

static void
describe_table(dshash_parameters *parameters)
{
	compat_dshash_parameters(parameters, sizeof(Oid), sizeof(TableCopy),
							 state_tranche());
}

/*
 * Create an empty hash table.  Sessions attach to it by *handle.  Raises an
 * error when no dynamic shared memory is left.
 */
Copies *
copies_create(CopiesHandle *handle)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	Copies	   *copies = palloc0(sizeof(Copies));
	dshash_parameters parameters;

	describe_table(&parameters);
	copies->area = dsa_create(state_tranche());
	dsa_pin_mapping(copies->area);
	copies->tables = dshash_create(copies->area, &parameters, NULL);
	handle->area = dsa_get_handle(copies->area);
	handle->tables = dshash_get_hash_table_handle(copies->tables);
	MemoryContextSwitchTo(caller);
	return copies;
}

/*
 * Attach to the hash table of a run, until copies_detach() or the end of this
 * process.  Raises an error when its worker has exited.
 */
Copies *
copies_attach(const CopiesHandle *handle)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	Copies	   *copies = palloc0(sizeof(Copies));
	dshash_parameters parameters;

	describe_table(&parameters);
	copies->area = dsa_attach(handle->area);
	dsa_pin_mapping(copies->area);
	copies->tables = dshash_attach(copies->area, &parameters, handle->tables,
								   NULL);
	MemoryContextSwitchTo(caller);
	return copies;
}

/* Detach from a hash table, and free what this process has of it. */
void
copies_detach(Copies *copies)
{
	dshash_detach(copies->tables);
	dsa_detach(copies->area);
	pfree(copies);
}

/*
 * Allocate zeroed memory beside the hash table.  Raises an error when no
 * dynamic shared memory is left.
 */
dsa_pointer
copies_allocate(Copies *copies, size_t size)
{
	return dsa_allocate0(copies->area, size);
}

/* Return the address of such memory, valid until copies_detach(). */
void *
copies_address(Copies *copies, dsa_pointer memory)
{
	return dsa_get_address(copies->area, memory);
}

/* As copies_allocate(), and copy a text there. */
dsa_pointer
copies_share_text(Copies *copies, const char *text)
{
	size_t		size = strlen(text) + 1;
	dsa_pointer copy = copies_allocate(copies, size);

	memcpy(copies_address(copies, copy), text, size);
	return copy;
}

/* Tell the sessions the state of a table at the base, and its rows there. */
void
copies_add_base(Copies *copies, const TableState *base, int64 rows)
{
	TableCopy	copy;

	memset(&copy, 0, sizeof(copy));
	copy.oid = base->oid;
	copy.base = *base;
	copy.base_rows = rows;
	copies_note(copies, &copy);
}

/* What is known of a table.  Returns false when that is nothing. */
bool
copies_find(Copies *copies, Oid oid, TableCopy *copy)
{
	TableCopy  *entry = dshash_find(copies->tables, &oid, false);

	if (entry == NULL)
		return false;
	*copy = *entry;
	dshash_release_lock(copies->tables, entry);
	return true;
}

/* Record a table, or replace its earlier record. */
void
copies_note(Copies *copies, const TableCopy *copy)
{
	bool		found;
	TableCopy  *entry = dshash_find_or_insert(copies->tables, &copy->oid,
											  &found);

	*entry = *copy;
	dshash_release_lock(copies->tables, entry);
}

/*
 * Record a table, or add the rows to those of its earlier record: pg_restore
 * copies several partitions into the root of their tree.
 */
void
copies_add(Copies *copies, const TableCopy *copy)
{
	bool		found;
	TableCopy  *entry = dshash_find_or_insert(copies->tables, &copy->oid,
											  &found);

	if (found)
		entry->rows += copy->rows;
	else
		*entry = *copy;
	dshash_release_lock(copies->tables, entry);
}

static int
by_name(const ListCell *a, const ListCell *b)
{
	const TableCopy *x = lfirst(a);
	const TableCopy *y = lfirst(b);
	int			order = strcmp(x->schema, y->schema);

	return order != 0 ? order : strcmp(x->table, y->table);
}

/*
 * Return the recorded tables, palloc'd TableCopy structs, by schema and name.
 */
List *
copies_list(Copies *copies)
{
	List	   *list = NIL;
	dshash_seq_status status;
	TableCopy  *entry;

	dshash_seq_init(&status, copies->tables, false);
	while ((entry = dshash_seq_next(&status)) != NULL)
	{
		TableCopy  *copy;

		if (!entry->copied)
			continue;
		copy = palloc(sizeof(TableCopy));
		*copy = *entry;
		list = lappend(list, copy);
	}
	dshash_seq_term(&status);
	list_sort(list, by_name);
	return list;
}
