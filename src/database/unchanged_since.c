/*-------------------------------------------------------------------------
 *
 * unchanged_since.c
 *	  Has anything been written since a snapshot was taken?
 *
 * Whoever writes gets a transaction ID first.  So when a snapshot is taken
 * while no transaction is in progress that has one, and the next ID to be
 * given out still is the same later on, then nothing has been written in
 * between: not in that database, nor in any other one of the cluster, which
 * is more than would have to be known.
 *
 * IDs are compared within one life of the server only, from the making of its
 * shared memory to the end of that.  A crash can take back IDs whose WAL was
 * not flushed, a recovery to a point in time any number of them, and both give
 * them out again; and a copy of the cluster gives out the same as this one.
 *
 * One thing is changed without an ID: a sequence can give out numbers for which
 * it has written WAL before, up to 32.  They are lost to nobody but those who
 * write them nowhere.
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
 * Put into the manifest what is_unchanged_since() has to know: for an MVCC
 * snapshot that was just taken, the next transaction ID, or 0 when it may not
 * see all that those before it do.
 */
void
unchanged_since_note(Snapshot snapshot, Manifest *manifest)
{
	FullTransactionId next = ReadNextFullTransactionId();
	char		text[UTC_TIME_SIZE];

	manifest->server_started_at = state_made_at();
	manifest->next_xid = 0;

	/* a clock may have been where no manifest can follow it */
	utc_time_format(manifest->server_started_at, text);
	if (text[0] == '\0')
	{
		manifest->server_started_at = 0;
		return;
	}

	/*
	 * xmax is the first ID that had not ended.  If it has been given out
	 * already, it is not the next one.  A standby does not give out any.
	 */
	if (snapshot->xmin == snapshot->xmax &&
		snapshot->xmax == XidFromFullTransactionId(next) &&
		!RecoveryInProgress())
		manifest->next_xid = (int64) U64FromFullTransactionId(next);
}

/*
 * Is what has been committed still what it was when this snapshot was taken?
 * The transaction that asks may have written: as long as it is the only one,
 * nobody else sees that.
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
