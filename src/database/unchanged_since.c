/*-------------------------------------------------------------------------
 *
 * unchanged_since.c
 *	  Check whether anything has been written since a snapshot was taken.
 *
 * Every transaction that writes gets a transaction ID first.  Assume that a
 * snapshot is taken while no transaction with an ID is in progress.  If the
 * next ID to be assigned is still the same later, nothing has been written in
 * between, neither in that database nor in any other one of the cluster.  The
 * latter is stricter than necessary.
 *
 * IDs are compared only within one life of the server, from the creation of
 * its shared memory to its end.  After a crash, IDs whose WAL was not flushed
 * are assigned again, and after a recovery to a point in time any number of
 * IDs are; a copy of the cluster assigns the same IDs as this one.
 *
 * One change needs no ID: a sequence can return up to 32 values that it has
 * already written to WAL.  Only a client that stores the value nowhere could
 * notice.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"

#include "database/unchanged_since.h"
#include "shmem/shared_state.h"
#include "util/snapshot_name.h"

/*
 * Store in the manifest what is_unchanged_since() needs, for an MVCC snapshot
 * that was just taken: the next transaction ID, or 0 if the snapshot may not
 * see all transactions before it.
 */
void
unchanged_since_note(Snapshot snapshot, Manifest *manifest)
{
	FullTransactionId next = ReadNextFullTransactionId();
	char		text[UTC_TIME_SIZE];

	manifest->server_started_at = state_made_at();
	manifest->next_xid = 0;

	/* the clock may be outside of the range of a manifest */
	utc_time_format(manifest->server_started_at, text);
	if (text[0] == '\0')
	{
		manifest->server_started_at = 0;
		return;
	}

	/*
	 * xmax is the first ID that had not completed.  If it has already been
	 * assigned, it is not the next one.  A standby assigns no IDs.
	 */
	if (snapshot->xmin == snapshot->xmax &&
		snapshot->xmax == XidFromFullTransactionId(next) &&
		!RecoveryInProgress())
		manifest->next_xid = (int64) U64FromFullTransactionId(next);
}

/*
 * Is the committed data still the same as when this snapshot was taken?  The
 * current transaction may have written, if it is the only one, because no
 * other transaction sees that.
 */
bool
is_unchanged_since(const Manifest *manifest)
{
	FullTransactionId next = ReadNextFullTransactionId();
	FullTransactionId xid = FullTransactionIdFromU64((uint64) manifest->next_xid);

	if (manifest->next_xid == 0 ||
		manifest->server_started_at != state_made_at())
		return false;
	while (FullTransactionIdPrecedes(xid, next) &&
		   TransactionIdIsCurrentTransactionId(XidFromFullTransactionId(xid)))
		FullTransactionIdAdvance(&xid);
	return FullTransactionIdEquals(xid, next);
}
