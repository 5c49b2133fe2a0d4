/*-------------------------------------------------------------------------
 *
 * table_state.c
 *	  Has a table changed since an earlier snapshot read it?
 *
 * A table is the same as at an earlier snapshot, the base, where all of this
 * holds; doc/incremental.md says why each rule is needed.
 *
 * Identity: it has the OID and the relfilenode that it had, and is an ordinary,
 * WAL-logged heap without row security.
 *
 * Definition: the digest of table_definition.c is the same.
 *
 * Pages: no page has an LSN above the one that was read when the base's COPY
 * of the table had ended, no tuple has an xmin or an updating xmax that the
 * base's MVCC snapshot did not see as ended, and the last page with a line pointer
 * is the one that it was.  While the base's MVCC snapshot was held, nothing
 * that a later transaction had left could be pruned, frozen or truncated: a
 * change that the base did not see has left a page with a later LSN, a tuple
 * with such an xmin or xmax, or another number of pages.
 *
 * TOAST tables are not looked at: the value of a visible row never changes in
 * place, and an updated row is a new tuple in the table itself.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "database/table_definition.h"
#include "database/table_state.h"
#include "util/compat.h"

/* Appended rows are on the last pages, which are looked at first. */
#define TAIL_BLOCKS		8

static bool
is_off(const char *setting)
{
	return strcmp(GetConfigOption(setting, false, false), "off") == 0;
}

/* The size of a table that COPY has read, with its TOAST table, in bytes. */
int64
table_state_size(Relation relation)
{
	int64		blocks;
	Relation	toast;

	if (!RELKIND_HAS_TABLE_AM(relation->rd_rel->relkind))
		return 0;
	blocks = RelationGetNumberOfBlocks(relation);
	if (OidIsValid(relation->rd_rel->reltoastrelid))
	{
		toast = relation_open(relation->rd_rel->reltoastrelid, AccessShareLock);
		blocks += RelationGetNumberOfBlocks(toast);
		relation_close(toast, AccessShareLock);
	}
	return blocks * BLCKSZ;
}

/*
 * May VACUUM remove rows that an old MVCC snapshot still sees?  Not all server
 * versions have the setting.
 */
static bool
are_old_snapshots_limited(void)
{
	const char *threshold = GetConfigOption("old_snapshot_threshold", true,
											false);

	return threshold != NULL && strcmp(threshold, "-1") != 0;
}

/* Can what is on disk be relied on at all? */
static bool
is_server_reliable(void)
{
	return enableFsync && is_off("zero_damaged_pages") &&
		is_off("ignore_checksum_failure") && !are_old_snapshots_limited();
}

/* Is the relation a table whose changes all leave a trace on its pages? */
static bool
is_plain_table(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT &&
		relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
		relation->rd_tableam == GetHeapamTableAmRoutine() &&
		!relation->rd_rel->relrowsecurity &&
		RelationNeedsWAL(relation);
}

static Buffer
read_page(Relation relation, BlockNumber block, BufferAccessStrategy strategy)
{
	Buffer		buffer;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBufferExtended(relation, MAIN_FORKNUM, block, RBM_NORMAL,
								strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	return buffer;
}

/* How many pages there are up to the last one with a line pointer. */
static BlockNumber
used_blocks(Relation relation, BlockNumber blocks,
			BufferAccessStrategy strategy)
{
	while (blocks > 0)
	{
		Buffer		buffer = read_page(relation, blocks - 1, strategy);
		bool		used = PageGetMaxOffsetNumber(BufferGetPage(buffer)) > 0;

		UnlockReleaseBuffer(buffer);
		if (used)
			break;
		blocks--;
	}
	return blocks;
}

/* Has a transaction that was not seen written this tuple? */
static bool
is_tuple_written_since(HeapTupleHeader tuple, const SeenTransactions *seen)
{
	uint16		infomask = tuple->t_infomask;

	/* VACUUM FULL of a release before 9.0 has left these */
	if ((infomask & HEAP_MOVED) != 0)
		return true;
	if (!HeapTupleHeaderXminFrozen(tuple) &&
		!HeapTupleHeaderXminInvalid(tuple) &&
		!is_transaction_seen(seen, HeapTupleHeaderGetRawXmin(tuple)))
		return true;
	if ((infomask & HEAP_XMAX_INVALID) != 0 ||
		HEAP_XMAX_IS_LOCKED_ONLY(infomask))
		return false;
	/* which member of a multixact has updated the tuple is not looked up */
	return (infomask & HEAP_XMAX_IS_MULTI) != 0 ||
		!is_transaction_seen(seen, HeapTupleHeaderGetRawXmax(tuple));
}

/* Is a page, which is locked, as it was for the base? */
static bool
is_page_same(Buffer buffer, const TableState *base,
			 const SeenTransactions *seen)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	if (BufferGetLSNAtomic(buffer) > base->lsn)
		return false;
	for (OffsetNumber n = FirstOffsetNumber; n <= last; n++)
	{
		ItemId		item = PageGetItemId(page, n);

		if (ItemIdIsNormal(item) &&
			is_tuple_written_since((HeapTupleHeader) PageGetItem(page, item),
								   seen))
			return false;
	}
	return true;
}

static bool
are_pages_same(Relation relation, BlockNumber from, BlockNumber to,
			   BufferAccessStrategy strategy, const TableState *base,
			   const SeenTransactions *seen)
{
	bool		same = true;

	for (BlockNumber block = from; same && block < to; block++)
	{
		Buffer		buffer = read_page(relation, block, strategy);

		same = is_page_same(buffer, base, seen);
		UnlockReleaseBuffer(buffer);
	}
	return same;
}

/*
 * Begin the state of a table that COPY is about to read, with these columns (a
 * list of String nodes).  Returns false where no later run can tell whether the
 * table has changed.  The caller has locked the table.
 */
bool
table_state_begin(Relation relation, const List *columns, TableState *state)
{
	memset(state, 0, sizeof(*state));
	if (!is_server_reliable() || !is_plain_table(relation) ||
		!table_definition_digest(relation, columns, state->definition))
		return false;
	state->oid = RelationGetRelid(relation);
	state->filenode = compat_filenode(relation);
	return true;
}

/*
 * Complete the state of a table that COPY has read.  The caller still holds the
 * lock and the MVCC snapshot.  COPY prunes pages and sets hint bits, which can
 * raise their LSNs; so the present position in WAL is read after it.  On a
 * standby neither happens, and lsn is the position that was replayed before the
 * MVCC snapshot was taken.
 */
void
table_state_end(Relation relation, XLogRecPtr lsn, TableState *state)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);

	state->lsn = RecoveryInProgress() ? lsn : GetXLogInsertRecPtr();
	state->blocks = used_blocks(relation, RelationGetNumberOfBlocks(relation),
								strategy);
	FreeAccessStrategy(strategy);
}

/*
 * Is a table, whose state for this COPY was begun, the same as at the base,
 * whose MVCC snapshot saw these transactions as ended?
 * Raises an error when a page cannot be read, as COPY would.
 */
bool
table_state_is_same(Relation relation, const TableState *base,
					const SeenTransactions *seen, const TableState *state)
{
	BufferAccessStrategy strategy;
	BlockNumber blocks;
	BlockNumber tail;
	bool		same;

	if (!seen_transactions_are_recent(seen) || base->oid != state->oid ||
		base->filenode != state->filenode ||
		strcmp(base->definition, state->definition) != 0)
		return false;
	strategy = GetAccessStrategy(BAS_BULKREAD);
	blocks = RelationGetNumberOfBlocks(relation);
	tail = blocks - Min(blocks, TAIL_BLOCKS);
	same = used_blocks(relation, blocks, strategy) == base->blocks &&
		are_pages_same(relation, tail, blocks, strategy, base, seen) &&
		are_pages_same(relation, 0, tail, strategy, base, seen);
	FreeAccessStrategy(strategy);
	return same;
}
