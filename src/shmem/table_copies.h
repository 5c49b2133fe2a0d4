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
#include "util/file_digest.h"

/* A table as COPY has read it. */
typedef struct TableState
{
	Oid			oid;			/* InvalidOid: nothing is known */
	Oid			tablespace;
	Oid			filenode;
	char		definition[SHA256_HEX_SIZE];
	XLogRecPtr	lsn;			/* no page had a later one when COPY ended */
	int64		blocks;			/* that have line pointers, or precede such */
	bool		settled;		/* all that wrote its tuples had ended */
} TableState;

/* A table whose rows a COPY of pg_dump or pg_restore has transferred. */
typedef struct TableCopy
{
	Oid			oid;			/* the hash key */
	bool		of_extension;	/* an extension owns the table */
	bool		copied;			/* else only its base is known */
	bool		partitioned;	/* the rows went to its partitions */
	bool		same;			/* as at the base, by all rules */
	bool		answered;		/* without rows: the base has them */
	int64		rows;
	int64		base_rows;
	int64		bytes_read;		/* size of the table, with TOAST, if read */
	TableState	base;			/* at the base; without oid if it has none */
	TableState	state;			/* now; without oid where it cannot be told */
	char		schema[NAMEDATALEN];	/* in the database's encoding */
	char		table[NAMEDATALEN];
} TableCopy;

/* A process's attachment to the hash table. */
typedef struct Copies Copies;

extern Copies *copies_create(CopiesHandle *handle);
extern Copies *copies_attach(const CopiesHandle *handle);
extern void copies_detach(Copies *copies);
extern dsa_pointer copies_allocate(Copies *copies, size_t size);
extern void *copies_address(Copies *copies, dsa_pointer memory);
extern dsa_pointer copies_share_text(Copies *copies, const char *text);
extern void copies_add_base(Copies *copies, const TableState *base, int64 rows);
extern bool copies_find(Copies *copies, Oid oid, TableCopy *copy);
extern void copies_note(Copies *copies, const TableCopy *copy);
extern void copies_add(Copies *copies, const TableCopy *copy);
extern List *copies_list(Copies *copies);

#endif							/* SNAPSHOT_WORKER_TABLE_COPIES_H */
