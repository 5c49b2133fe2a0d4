/*-------------------------------------------------------------------------
 *
 * program_sessions.c
 *	  The sessions of pg_dump and pg_restore, as their worker sees them.
 *
 * What these sessions do on their side is in copy_watch.c.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "database/catalog_query.h"
#include "shmem/table_copies.h"
#include "worker/program_sessions.h"

#define TOKEN_BYTES		((STATE_TOKEN_SIZE - 1) / 2)

/*
 * Prepare for a program that goes through tables, over work->connection: give
 * its sessions a new token, and forget what those before it noted.  Raises an
 * error where there is no dynamic shared memory or no randomness left.
 */
void
programs_admit(RunContext *cxt)
{
	RunPrograms programs;
	char		random[TOKEN_BYTES];

	memset(&programs, 0, sizeof(programs));
	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random token")));
	hex_encode(random, sizeof(random), programs.token);
	if (cxt->copies != NULL)
		copies_detach(cxt->copies);
	cxt->copies = NULL;
	cxt->copies = copies_create(&programs.copies);
	programs.role = cxt->connection.role;
	state_set_programs(cxt->run.id, &programs);
	cxt->connection.token = pstrdup(programs.token);
}

/*
 * How many rows the program has copied of each table that no extension owns: a
 * list of ManifestRows.  The names in this database are in the given encoding.
 */
List *
programs_row_counts(RunContext *cxt, const char *encoding)
{
	List	   *counts = NIL;
	ListCell   *lc;

	foreach(lc, copies_list(cxt->copies))
	{
		const TableCopy *copy = lfirst(lc);
		ManifestRows *rows;

		if (copy->of_extension)
			continue;
		rows = palloc(sizeof(ManifestRows));
		rows->schema = catalog_to_utf8(copy->schema,
									   pg_char_to_encoding(encoding));
		rows->table = catalog_to_utf8(copy->table,
									  pg_char_to_encoding(encoding));
		rows->count = copy->rows;
		counts = lappend(counts, rows);
	}
	return counts;
}
