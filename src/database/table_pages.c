/*-------------------------------------------------------------------------
 *
 * table_pages.c
 *	  Have the pages of a heap changed since they were read?
 *
 * They have not where no page has an LSN above a position in WAL, no tuple has
 * an xmin or an updating xmax that an MVCC snapshot did not see as ended, and
 * the last page with a line pointer is the one that it was.
 *
 * The position was read before that MVCC snapshot was taken, or while it was
 * held; and while it was held, that last page was noted, and nothing that a
 * later transaction had left could be pruned, frozen or truncated.  So a
 * change that the snapshot did not see has left a page with a later LSN, a
 * tuple with such an xmin or xmax, or another number of pages.
 *
 * A table that once was found to be the same is settled: all transactions on
 * its pages had ended.  While no page has a later LSN than that position, its
 * tuples need no other look.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

#include "database/table_pages.h"

/* Appended rows are on the last pages, which are looked at first. */
#define TAIL_BLOCKS		8

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

/* Is a page, which is locked, as it was? */
static bool
is_page_same(Buffer buffer, XLogRecPtr lsn, const SeenTransactions *seen)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber last;

	if (BufferGetLSNAtomic(buffer) > lsn)
		return false;
	if (seen == NULL)
		return true;
	last = PageGetMaxOffsetNumber(page);
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
			   BufferAccessStrategy strategy, XLogRecPtr lsn,
			   const SeenTransactions *seen)
{
	bool		same = true;

	for (BlockNumber block = from; same && block < to; block++)
	{
		Buffer		buffer = read_page(relation, block, strategy);

		same = is_page_same(buffer, lsn, seen);
		UnlockReleaseBuffer(buffer);
	}
	return same;
}

/*
 * Return how many pages a table has up to the last one with a line pointer.
 * The caller has locked the table.  Raises an error if a page cannot be read.
 */
BlockNumber
table_pages_used(Relation relation)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber used = used_blocks(relation, RelationGetNumberOfBlocks(relation),
								   strategy);

	FreeAccessStrategy(strategy);
	return used;
}

/*
 * Are the pages of a table the same as at a position in WAL, with this number
 * of used pages, for an MVCC snapshot that saw these transactions as ended, or
 * NULL if the table is settled?  The caller has locked the table.  Raises an
 * error if a page cannot be read.
 */
bool
table_pages_are_same(Relation relation, XLogRecPtr lsn, BlockNumber used,
					 const SeenTransactions *seen)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	BlockNumber tail = blocks - Min(blocks, TAIL_BLOCKS);
	bool		same;

	same = used_blocks(relation, blocks, strategy) == used &&
		are_pages_same(relation, tail, blocks, strategy, lsn, seen) &&
		are_pages_same(relation, 0, tail, strategy, lsn, seen);
	FreeAccessStrategy(strategy);
	return same;
}
