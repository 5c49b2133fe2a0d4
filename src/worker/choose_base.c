/*-------------------------------------------------------------------------
 *
 * choose_base.c
 *	  Choose the base of a run, an earlier snapshot of the same database.
 *
 * A snapshot is a base for a run only where all of this holds:
 *
 * - The data directory remembers it, by name and nonce (remembered_base.c).
 * - It is whole and good, of this cluster, of this very database, and was
 *   taken by the same programs with the same options.
 * - Its end, a position in WAL that was flushed before it was published, is in
 *   the history of the present timeline, and the server has reached it before
 *   the MVCC snapshot is taken.  A server that lost what the base saw, or that
 *   forked off before it, gives out the same positions again.
 *
 * Without a base, the run reads everything; that is never an error.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/timeline.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "database/seen_transactions.h"
#include "settings.h"
#include "store/file_system.h"
#include "store/snapshot_lock.h"
#include "store/store.h"
#include "util/test_step.h"
#include "worker/base_files.h"
#include "worker/choose_base.h"

#define NONCE_BYTES		16

/*
 * Begin a dump that may be incremental, before its MVCC snapshot is taken.
 * Returns NULL where it cannot be.
 */
Incremental *
choose_base_begin(void)
{
	Incremental *incremental;

	if (!setting_incremental || !enableFsync)
		return NULL;
	incremental = palloc0(sizeof(Incremental));
	incremental->lock_fd = -1;
	incremental->on_standby = RecoveryInProgress();
	if (incremental->on_standby)
		incremental->position = GetXLogReplayRecPtr(&incremental->timeline);
	else
	{
		incremental->position = GetXLogInsertRecPtr();
		incremental->timeline = GetWALInsertionTimeLine();
	}
	return incremental;
}

/* The raw xmin of this database's row in pg_database. */
static int64
database_xmin(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID,
										ObjectIdGetDatum(MyDatabaseId));
	TransactionId xmin;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	ReleaseSysCache(tuple);
	return xmin;
}

static char *
make_nonce(void)
{
	char		random[NONCE_BYTES];
	char	   *nonce = palloc(2 * sizeof(random) + 1);

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	nonce[hex_encode(random, sizeof(random), nonce)] = '\0';
	return nonce;
}

/* Describe the new snapshot, in the transaction of its MVCC snapshot. */
static void
fill_header(RunContext *cxt, const char *options)
{
	BaseHeader *header = &cxt->incremental->header;

	header->nonce = make_nonce();
	header->system_identifier = GetSystemIdentifier();
	header->database_oid = MyDatabaseId;
	header->database_xmin = database_xmin();
	header->seen = seen_transactions_format(GetActiveSnapshot());
	header->server_version =
		pstrdup(GetConfigOption("server_version", false, false));
	header->pg_dump_version = cxt->manifest.pg_dump_version;
	header->options = pstrdup(options);
}

/* Is the end of an earlier snapshot in the past of this server? */
bool
choose_base_is_in_past(const Incremental *incremental, const BaseHeader *header)
{
	TimeLineID	timeline = (TimeLineID) header->timeline;
	List	   *history;

	if (header->end_lsn > incremental->position)
		return false;
	if (timeline == incremental->timeline)
		return true;
	history = readTimeLineHistory(incremental->timeline);
	/* where the next timeline began, it is the end of this one */
	return tliInHistory(timeline, history) &&
		header->end_lsn <= tliSwitchPoint(timeline, history, NULL);
}

/* Why a snapshot is no base for this run, or NULL. */
static const char *
why_no_base(const Incremental *incremental, const StoredSnapshot *snapshot,
			const Base *base)
{
	const BaseHeader *old = &base->header;
	const BaseHeader *new = &incremental->header;
	SeenTransactions seen;

	if (strcmp(old->nonce, incremental->remembered->nonce) != 0)
		return "it is not the snapshot that the data directory remembers";
	if (store_is_bad(snapshot))
		return "it was found to be bad";
	if (old->system_identifier != new->system_identifier ||
		snapshot->manifest.system_identifier != new->system_identifier)
		return "it is of another cluster";
	if (old->database_oid != new->database_oid ||
		old->database_xmin != new->database_xmin)
		return "it is of another database";
	if (strcmp(old->server_version, new->server_version) != 0 ||
		strcmp(old->pg_dump_version, new->pg_dump_version) != 0)
		return "it is of another version";
	if (strcmp(old->options, new->options) != 0)
		return "it was taken with other options";
	if (!choose_base_is_in_past(incremental, old))
		return "the server has not been where it was taken";
	seen_transactions_parse(old->seen, &seen);
	if (!seen_transactions_are_recent(&seen))
		return "too many transaction IDs were assigned since, or too few";
	return NULL;
}

/* Does this run read everything, whatever has changed? */
static bool
is_full(RunContext *cxt, const RememberedBase *remembered)
{
	TimestampTz now = GetCurrentTimestamp();

	if (cxt->run.request.full || remembered->full_at > now)
		return true;
	return setting_full_interval > 0 &&
		now - remembered->full_at >= setting_full_interval * USECS_PER_MINUTE;
}

/*
 * Choose the base of this run, if it has one, once the MVCC snapshot is taken
 * and before pg_dump starts.  "options" is all that pg_dump is told.
 */
void
choose_base(RunContext *cxt, const char *options)
{
	Incremental *incremental = cxt->incremental;
	RememberedBase *remembered;
	StoredSnapshot *snapshot;
	Base	   *base;
	const char *why_not;

	if (incremental == NULL)
		return;
	fill_header(cxt, options);
	remembered = remembered_base_read(MyDatabaseId);
	incremental->remembered = remembered;
	if (remembered == NULL || file_system_lacks_links(cxt->directory))
		return;
	snapshot = store_load(cxt->directory, remembered->name, true, DEBUG1);
	if (snapshot == NULL || strcmp(snapshot->database, cxt->run.request.database) != 0)
		return;
	incremental->lock_fd = snapshot_lock_try(snapshot->path);
	if (incremental->lock_fd < 0)
		return;
	base = base_file_read(snapshot->path,
						  manifest_find_file(&snapshot->manifest, BASE_FILE));
	why_not = base == NULL ? "its base.json is missing or damaged" :
		why_no_base(incremental, snapshot, base);
	if (why_not != NULL)
	{
		ereport(DEBUG1,
				(errmsg_internal("snapshot \"%s\" is no base: %s",
								 snapshot->name, why_not)));
		return;
	}
	incremental->base = base;
	incremental->base_name = snapshot->name;
	incremental->answer = remembered->suspect == 0 &&
		!is_full(cxt, remembered);
	base_files_link(cxt, snapshot);
	test_step("base linked");
}
