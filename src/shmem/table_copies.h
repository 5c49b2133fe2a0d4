/*-------------------------------------------------------------------------
 *
 * table_copies.h
 *	  The tables that a run's programs copy, in dynamic shared memory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_COPIES_H
#define SNAPSHOT_WORKER_TABLE_COPIES_H

#include "nodes/pg_list.h"

#include "shmem/shared_state.h"

/* A table whose rows a COPY of pg_dump or pg_restore has transferred. */
typedef struct TableCopy
{
	Oid			oid;			/* the hash key */
	bool		of_extension;	/* an extension owns the table */
	int64		rows;
	char		schema[NAMEDATALEN];	/* in the database's encoding */
	char		table[NAMEDATALEN];
} TableCopy;

/* A process's attachment to the hash table. */
typedef struct Copies Copies;

extern Copies *copies_create(CopiesHandle *handle);
extern Copies *copies_attach(const CopiesHandle *handle);
extern void copies_detach(Copies *copies);
extern void copies_note(Copies *copies, const TableCopy *copy);
extern List *copies_list(Copies *copies);

#endif							/* SNAPSHOT_WORKER_TABLE_COPIES_H */
