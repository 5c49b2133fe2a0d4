/*-------------------------------------------------------------------------
 *
 * program_sessions.c
 *	  The worker's view of the sessions of pg_dump and pg_restore.
 *
 * copy_watch.c runs in these sessions.
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
#include "worker/incremental.h"
#include "worker/program_sessions.h"

#define TOKEN_BYTES		((STATE_TOKEN_SIZE - 1) / 2)

static void
admit(RunContext *cxt, const RestoreMode *mode)
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
	cxt->notes = NULL;
	cxt->copies = copies_create(&programs.copies);
	if (mode != NULL)
	{
		programs.copies.notes = restore_notes_create(cxt->copies, mode);
		cxt->notes = copies_address(cxt->copies, programs.copies.notes);
	}
	programs.role = cxt->connection.role;
	if (incremental_base_seen(cxt->incremental) != NULL)
		programs.copies.seen = copies_share_text(cxt->copies,
												 incremental_base_seen(cxt->incremental));
	programs.copies.answer = incremental_answers(cxt->incremental);
	programs.copies.standby_lsn = incremental_standby_lsn(cxt->incremental);
	state_set_programs(&programs);
	cxt->connection.token = pstrdup(programs.token);
}

/*
 * Prepare for a program that reads or writes tables over cxt->connection: give
 * its sessions a new token, and discard the row counts of earlier programs.
 * Raises an error when no dynamic shared memory or no random number is
 * available.
 */
void
programs_admit(RunContext *cxt)
{
	admit(cxt, NULL);
}

/*
 * As programs_admit(), for a pg_restore of this mode, whose sessions also
 * write notes.
 */
void
programs_admit_restore(RunContext *cxt, const RestoreMode *mode)
{
	admit(cxt, mode);
}

/*
 * Return how many rows the program has copied of each table that no extension
 * owns, as a list of ManifestRows.  encoding is that of the names in this
 * database.  *roots is set to a list of the partitioned tables into which
 * pg_restore has copied rows, which are not in the result.
 */
List *
programs_row_counts(RunContext *cxt, const char *encoding, List **roots)
{
	List	   *counts = NIL;
	ListCell   *lc;

	*roots = NIL;
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
		if (copy->partitioned)
			*roots = lappend(*roots, rows);
		else
			counts = lappend(counts, rows);
	}
	return counts;
}
