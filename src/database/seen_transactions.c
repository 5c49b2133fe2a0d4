/*-------------------------------------------------------------------------
 *
 * seen_transactions.c
 *	  Which transactions an MVCC snapshot of an earlier run saw as ended.
 *
 * The text of type pg_snapshot keeps this, "xmin:xmax:xip".  Unlike that of
 * pg_current_snapshot(), xip has the IDs of subtransactions in progress, too:
 * the IDs on pages are those of subtransactions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"

#include "database/seen_transactions.h"

/* IDs on pages have 32 bits, and are less than two billion old. */
#define MAX_AGE		((uint64) 1 << 30)

/* The full ID of an ID that was assigned recently. */
static uint64
full_id(TransactionId xid)
{
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());

	return next + (int64) (int32) (xid - (TransactionId) next);
}

static int
compare_ids(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

/*
 * Add the IDs from xmin to xmax that the MVCC snapshot saw in progress, in
 * ascending order.  Some of subtransactions are after xmax.
 */
static void
add_ids(StringInfo text, Snapshot snapshot, uint64 xmin, uint64 xmax)
{
	int			nids = 0;
	uint64	   *ids;
	const char *separator = "";

	/* a copy of such a snapshot has no subxip, whatever subxcnt is */
	if (snapshot->suboverflowed)
		return;
	ids = palloc((snapshot->xcnt + snapshot->subxcnt + 1) * sizeof(uint64));
	/* in recovery, all of them are in subxip */
	for (uint32 i = 0; !snapshot->takenDuringRecovery && i < snapshot->xcnt; i++)
		ids[nids++] = full_id(snapshot->xip[i]);
	for (int32 i = 0; i < snapshot->subxcnt; i++)
		ids[nids++] = full_id(snapshot->subxip[i]);
	qsort(ids, nids, sizeof(uint64), compare_ids);
	for (int i = 0; i < nids; i++)
	{
		if (ids[i] < xmin || ids[i] >= xmax)
			continue;
		appendStringInfo(text, "%s" UINT64_FORMAT, separator, ids[i]);
		separator = ",";
	}
	pfree(ids);
}

/*
 * Return what an MVCC snapshot saw, palloc'd.  Where subtransactions are
 * missing in it, no ID from xmin on counts as ended.
 */
char *
seen_transactions_format(Snapshot snapshot)
{
	uint64		xmin = full_id(snapshot->xmin);
	uint64		xmax = snapshot->suboverflowed ? xmin : full_id(snapshot->xmax);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, UINT64_FORMAT ":" UINT64_FORMAT ":", xmin, xmax);
	add_ids(&text, snapshot, xmin, xmax);
	return text.data;
}

/*
 * Parse such a text.  Raises an error if it is malformed.  The result is in
 * the current memory context.
 */
void
seen_transactions_parse(const char *text, SeenTransactions *seen)
{
	seen->snapshot = DirectFunctionCall1(pg_snapshot_in, CStringGetDatum(text));
	seen->xmin = DatumGetUInt64(DirectFunctionCall1(pg_snapshot_xmin,
													seen->snapshot));
	seen->xmax = DatumGetUInt64(DirectFunctionCall1(pg_snapshot_xmax,
													seen->snapshot));
}

/*
 * Has the server assigned the IDs that were seen, and not so many since that
 * IDs on pages are ambiguous?
 */
bool
seen_transactions_are_recent(const SeenTransactions *seen)
{
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());

	return next >= seen->xmax && next - seen->xmin <= MAX_AGE;
}

/*
 * Was a transaction, whose ID is on a page and is not frozen, seen as ended?
 * The IDs that were seen are recent.
 */
bool
is_transaction_seen(const SeenTransactions *seen, TransactionId xid)
{
	int32		distance = (int32) (xid - (TransactionId) seen->xmin);

	if (!TransactionIdIsNormal(xid) || distance < 0)
		return true;
	return DatumGetBool(DirectFunctionCall2(pg_visible_in_snapshot,
											UInt64GetDatum(seen->xmin + distance),
											seen->snapshot));
}
