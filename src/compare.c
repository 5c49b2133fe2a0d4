/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  Is a restored database what the manifest says?
 *
 * A process can look into one database only, so that another worker is started
 * in the scratch database.  It reads there what was read when the snapshot was
 * taken, and leaves in shared memory what differs.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "compare.h"
#include "contents.h"
#include "lib/stringinfo.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "processes.h"
#include "queries.h"
#include "report.h"
#include "settings.h"
#include "storage/ipc.h"
#include "store.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

/* Of more differences than these there is only the number. */
#define MAX_DIFFERENCES	10

typedef struct Differences
{
	int			count;
	StringInfoData text;
} Differences;

static void
add_difference(Differences *differences, const char *text)
{
	if (++differences->count <= MAX_DIFFERENCES)
		appendStringInfo(&differences->text, "%s%s",
						 differences->text.len > 0 ? "\n" : "", text);
}

static const ManifestObjects *
find_kind(const List *objects, const char *kind)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ManifestObjects *found = lfirst(lc);

		if (strcmp(found->kind, kind) == 0)
			return found;
	}
	return NULL;
}

/* Are there as many objects of each kind, and are they called the same? */
static void
compare_objects(const List *expected, const List *found,
				Differences *differences)
{
	ListCell   *lc;

	foreach(lc, expected)
	{
		const ManifestObjects *before = lfirst(lc);
		const ManifestObjects *after = find_kind(found, before->kind);
		int64		count = after != NULL ? after->count : 0;

		if (count != before->count)
			add_difference(differences,
						   psprintf("There are " INT64_FORMAT " %s instead of " INT64_FORMAT ".",
									count, before->kind, before->count));
		else if (after != NULL && strcmp(before->sha256, after->sha256) != 0)
			add_difference(differences,
						   psprintf("Some of the %s have other names.",
									before->kind));
	}
	foreach(lc, found)
	{
		const ManifestObjects *after = lfirst(lc);

		if (find_kind(expected, after->kind) == NULL)
			add_difference(differences,
						   psprintf("There are " INT64_FORMAT " %s instead of none.",
									after->count, after->kind));
	}
}

static int
by_table(const char *schema, const char *table, const CountedTable *other)
{
	int			order = strcmp(schema, other->schema);

	return order != 0 ? order : strcmp(table, other->table);
}

static int
compare_counted(const ListCell *a, const ListCell *b)
{
	const CountedTable *x = lfirst(a);

	return by_table(x->schema, x->table, lfirst(b));
}

static int
compare_key(const void *key, const void *element)
{
	const ManifestRows *rows = key;

	return by_table(rows->schema, rows->table,
					*(const CountedTable *const *) element);
}

/* Has each table that was counted as many rows? */
static void
compare_rows(const List *expected, List *found, Differences *differences)
{
	CountedTable **tables = palloc((list_length(found) + 1) *
								   sizeof(CountedTable *));
	ListCell   *lc;

	list_sort(found, compare_counted);
	foreach(lc, found)
		tables[foreach_current_index(lc)] = lfirst(lc);

	foreach(lc, expected)
	{
		const ManifestRows *before = lfirst(lc);
		CountedTable **after = bsearch(before, tables, list_length(found),
									   sizeof(CountedTable *), compare_key);

		if (after == NULL)
			add_difference(differences,
						   psprintf("Table \"%s.%s\" is missing.",
									before->schema, before->table));
		else if ((*after)->rows != before->count)
			add_difference(differences,
						   psprintf("Table \"%s.%s\" has " INT64_FORMAT
									" rows instead of " INT64_FORMAT ".",
									before->schema, before->table,
									(*after)->rows, before->count));
	}
}

/* Compare this process's database with the manifest of a snapshot. */
static void
compare_with(const StoredSnapshot *snapshot)
{
	const Manifest *manifest = &snapshot->manifest;
	Differences differences = {0};

	initStringInfo(&differences.text);
	queries_prepare_process();
	work_begin();
	compare_objects(manifest->objects, contents_objects(CurrentMemoryContext),
					&differences);
	if (manifest->rows >= 0)
		compare_rows(manifest->row_counts,
					 contents_count_rows(CurrentMemoryContext), &differences);
	work_commit();

	if (differences.count == 0)
		return;
	if (differences.count > MAX_DIFFERENCES)
		appendStringInfo(&differences.text, "\nThere are %d differences more.",
						 differences.count - MAX_DIFFERENCES);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("snapshot \"%s\" does not restore to what its manifest says",
					snapshot->name),
			 errdetail_internal("%s", differences.text.data)));
}

/* Entry point of the worker in a scratch database. */
void
snapshot_worker_compare_main(Datum main_arg)
{
	uint64		run_id;
	Run			run;
	MemoryContext context;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	memcpy(&run_id, MyBgworkerEntry->bgw_extra, sizeof(run_id));
	if (!state_get(run_id, &run))
		proc_exit(0);
	queries_prepare_connection();
	BackgroundWorkerInitializeConnection(run.scratch, NULL, 0);

	context = AllocSetContextCreate(TopMemoryContext, "snapshot comparison",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		compare_with(store_get(settings_directory(), run.name, true));
		state_set_comparison(run_id, NULL);
	}
	PG_CATCH();
	{
		RunError	error;
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		report_fill_error(&error, edata);
		state_set_comparison(run_id, &error);
	}
	PG_END_TRY();
	proc_exit(0);
}

static void
wait_for_worker(BackgroundWorkerHandle *handle)
{
	PG_TRY();
	{
		(void) WaitForBackgroundWorkerShutdown(handle);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Compare the scratch database of a run with its snapshot's manifest.  Raises
 * an error when they differ, or cannot be compared.
 */
void
compare_scratch(Work *work)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	Run			run;

	processes_describe(&worker, "snapshot_worker_compare_main",
					   "snapshot_worker comparison");
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &work->run.id, sizeof(work->run.id));
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker slot is free for comparing the restored database"),
				 errhint("Raise \"max_worker_processes\" and restart the server.")));
	wait_for_worker(handle);

	if (!state_get(work->run.id, &run) || run.comparison == COMPARISON_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the worker that compares the restored database went away"),
				 errhint("The server's log says more.")));
	if (run.comparison == COMPARISON_DIFFERENT)
		ereport(ERROR,
				(errcode(run.error.sqlerrcode),
				 errmsg_internal("%s", run.error.message),
				 run.error.detail[0] != '\0' ?
				 errdetail_internal("%s", run.error.detail) : 0,
				 run.error.hint[0] != '\0' ?
				 errhint("%s", run.error.hint) : 0));
}
