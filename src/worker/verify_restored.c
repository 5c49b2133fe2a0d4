/*-------------------------------------------------------------------------
 *
 * verify_restored.c
 *	  Compare a restored database with its snapshot.
 *
 * The comparison uses pg_dump: the program that made the dump also dumps the
 * definitions of the scratch database, and pg_restore lists both tables of
 * contents (see dump_toc.c).  An entry that only the snapshot's dump has is
 * lost.  An additional entry of the restored database, such as an object that
 * an event trigger created, is not the fault of the snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "database/dump_transaction.h"
#include "settings.h"
#include "tools/dump_definitions.h"
#include "tools/dump_toc.h"
#include "tools/output_spool.h"
#include "util/compat.h"
#include "util/test_step.h"
#include "worker/column_hashes.h"
#include "worker/program_sessions.h"
#include "worker/row_counts.h"
#include "worker/scratch_query.h"
#include "worker/verify_restored.h"

typedef struct Comparison
{
	RunContext *cxt;
	const StoredSnapshot *snapshot;
	const char *archive;
	File		dump;			/* dump of the scratch database */
	Problems	problems;
} Comparison;

/*
 * Return pg_restore's output for the snapshot's dump, or for the dump of the
 * restored database.
 */
static File
definitions_of(const Comparison *comparison, bool archive, bool list)
{
	char	  **argv;

	argv = tool_args_pg_restore_definitions(comparison->cxt->bin_directory,
											list,
											archive ? comparison->archive : NULL);
	return scratch_output_file(comparison->cxt, argv,
							   archive ? -1 : spool_descriptor(comparison->dump));
}

static void
list_entries(const Comparison *comparison, bool archive, TocLines *entries)
{
	File		file = definitions_of(comparison, archive, true);

	toc_entries(spool_text(file), entries);
	FileClose(file);
}

/* Log additional entries; they have no other effect. */
static void
tell_of_more(const Comparison *comparison, const List *more)
{
	Problems	told;
	ListCell   *lc;

	if (more == NIL)
		return;
	problems_begin(&told);
	foreach(lc, more)
		problems_add(&told, "%s", (char *) lfirst(lc));
	ereport(LOG,
			(errmsg("restored snapshot \"%s\" has additional objects",
					comparison->snapshot->name),
			 errdetail_internal("%s", problems_text(&told))));
}

/* Is every entry of the dump's table of contents in the restored database? */
static void
compare_entries(Comparison *comparison)
{
	TocLines	archive;
	TocLines	restored;
	ListCell   *lc;

	list_entries(comparison, true, &archive);
	list_entries(comparison, false, &restored);
	foreach(lc, toc_missing(&archive, &restored))
		problems_add(&comparison->problems, "\"%s\" is missing.",
					 (char *) lfirst(lc));
	tell_of_more(comparison, toc_missing(&restored, &archive));
}

static void
read_definitions(const Comparison *comparison, bool archive, TocLines *lines)
{
	File		file = definitions_of(comparison, archive, false);
	Definitions definitions;
	SpoolReader reader;
	StringInfoData line;

	initStringInfo(&line);
	definitions_begin(&definitions);
	spool_reader_begin(&reader, file);
	while (spool_reader_next(&reader, &line))
		definitions_add(&definitions, line.data, line.len);
	spool_reader_end(&reader);
	pfree(line.data);
	FileClose(file);
	toc_lines(definitions_end(&definitions), lines);
}

/*
 * Return the definitions that differ from those in the dump, palloc'd, or
 * NULL.  A difference may be meaningless: PostgreSQL rewrites some
 * expressions.
 */
static char *
changed_definitions(const Comparison *comparison)
{
	TocLines	archive;
	TocLines	restored;
	Problems	changed;
	ListCell   *lc;

	read_definitions(comparison, true, &archive);
	read_definitions(comparison, false, &restored);
	problems_begin(&changed);
	foreach(lc, toc_missing(&archive, &restored))
		problems_add(&changed, "%.*s", (int) strcspn(lfirst(lc), "\t"),
					 (char *) lfirst(lc));
	return changed.count > 0 ? problems_text(&changed) : NULL;
}

static const ManifestContents *
find_kind(const List *contents, const char *kind)
{
	ListCell   *lc;

	foreach(lc, contents)
	{
		const ManifestContents *found = lfirst(lc);

		if (strcmp(found->kind, kind) == 0)
			return found;
	}
	return NULL;
}

/*
 * Are the columns, or the large objects, the same as in the snapshot, if
 * known?
 */
static void
compare_kind(Comparison *comparison, const char *kind, const char *difference,
			 const List *found)
{
	const ManifestContents *before =
	find_kind(comparison->snapshot->manifest.contents, kind);
	const ManifestContents *after = find_kind(found, kind);

	if (before == NULL || before->hash == NULL ||
		strcmp(before->hash, after->hash) == 0)
		return;
	if (before->count != after->count)
		problems_add(&comparison->problems, "There are " INT64_FORMAT
					 " %s instead of " INT64_FORMAT ".",
					 after->count, kind, before->count);
	else
		problems_add(&comparison->problems, "%s", difference);
}

/* Does each table have as many rows as were dumped, if known? */
static void
compare_rows(Comparison *comparison)
{
	const Manifest *manifest = &comparison->snapshot->manifest;
	List	   *roots;
	List	   *restored = programs_row_counts(comparison->cxt,
											   manifest->encoding, &roots);
	ListCell   *lc;

	if (manifest->rows < 0)
		return;
	foreach(lc, row_counts_differences(manifest->row_counts, restored, roots))
		problems_add(&comparison->problems, "%s", (char *) lfirst(lc));
}

/*
 * Warn that event triggers may have written rows that the snapshot does not
 * have.
 */
static void
warn_of_event_triggers(const Comparison *comparison,
					   const char *event_triggers)
{
	/* if the server has this setting, the triggers were disabled */
	if (event_triggers == NULL ||
		GetConfigOption("event_triggers", true, false) != NULL)
		return;
	ereport(WARNING,
			(errmsg("event triggers were enabled while snapshot \"%s\" was restored",
					comparison->snapshot->name),
			 errdetail_internal("%s", event_triggers),
			 errhint("Anything they wrote into the restored database is not part of the snapshot.")));
}

static void
compare_contents(Comparison *comparison)
{
	char	   *event_triggers;
	List	   *found = column_hashes_read(comparison->cxt, &event_triggers);

	compare_kind(comparison, COLUMNS_OF_TABLES,
				 "Some columns of tables have different names, types, or NOT NULL.",
				 found);
	compare_kind(comparison, COLUMNS_LARGE_OBJECTS,
				 "Some large objects have different owners, privileges, or comments.",
				 found);
	warn_of_event_triggers(comparison, event_triggers);
}

static void
warn_of_definitions(const Comparison *comparison, const char *changed)
{
	ereport(WARNING,
			(errmsg("restored snapshot \"%s\" has different definitions",
					comparison->snapshot->name),
			 errdetail_internal("%s", changed),
			 errhint("PostgreSQL may write an expression differently, which is harmless. Compare with \"pg_restore --file=-\" of the dump.")));
}

/* Was the dump made by pg_dump of this major version? */
static bool
is_of_our_version(const Manifest *manifest)
{
	return strtol(manifest->pg_dump_version, NULL, 10) == SERVER_MAJOR_VERSION;
}

/*
 * Return the findings as a fault of the snapshot, or NULL.  If an earlier
 * release or another major version took the snapshot, the lists may differ for
 * that reason alone, so the findings are only a WARNING.
 */
static Fault *
conclude_comparison(Comparison *comparison)
{
	const StoredSnapshot *snapshot = comparison->snapshot;
	const char *message = psprintf("restored snapshot \"%s\" does not match its manifest",
								   snapshot->name);
	Fault	   *fault;

	if (comparison->problems.count == 0)
		return NULL;
	if (snapshot->manifest.contents == NIL ||
		!is_of_our_version(&snapshot->manifest))
	{
		ereport(WARNING,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg_internal("%s", message),
				 errdetail_internal("%s",
									problems_text(&comparison->problems)),
				 errhint("An earlier release or another major version took it, and may have listed it differently.")));
		return NULL;
	}
	fault = palloc0(sizeof(Fault));
	fault->level = VERIFY_RESTORE;
	fault->message = message;
	fault->detail = problems_text(&comparison->problems);
	return fault;
}

/*
 * Compare the scratch database of a run with its snapshot.  Returns what has
 * been lost, or NULL.  Raises an error when they cannot be compared.
 */
Fault *
verify_restored(RunContext *cxt, const StoredSnapshot *snapshot)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext lists = AllocSetContextCreate(context, "comparison",
												ALLOCSET_DEFAULT_SIZES);
	Comparison	comparison = {0};
	char	   *changed = NULL;
	Fault	   *fault;

	comparison.cxt = cxt;
	comparison.snapshot = snapshot;
	comparison.archive = store_archive_path(snapshot);
	problems_begin(&comparison.problems);
	run_begin_transaction();
	connection_for_compare(cxt->run.progress.scratch, &cxt->connection);
	run_commit_transaction();
	cxt->connection.encoding = snapshot->manifest.encoding;

	/*
	 * for the temporary files; without an MVCC snapshot, it does not hold
	 * back vacuum
	 */
	StartTransactionCommand();
	MemoryContextSwitchTo(lists);
	comparison.dump = scratch_output_file(cxt,
										  tool_args_pg_dump_definitions(cxt->bin_directory,
																		&cxt->connection,
																		setting_lock_timeout),
										  -1);
	test_step("comparing");
	compare_entries(&comparison);
	compare_contents(&comparison);

	compare_rows(&comparison);

	if (is_of_our_version(&snapshot->manifest))
		changed = changed_definitions(&comparison);
	FileClose(comparison.dump);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	if (changed != NULL && comparison.problems.count > 0)
		problems_add(&comparison.problems, "Defined differently: %s", changed);
	else if (changed != NULL)
		warn_of_definitions(&comparison, changed);
	fault = conclude_comparison(&comparison);
	MemoryContextDelete(lists);
	return fault;
}
