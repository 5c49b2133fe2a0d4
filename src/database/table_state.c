/*-------------------------------------------------------------------------
 *
 * table_state.c
 *	  Has a table changed since an earlier snapshot read it?
 *
 * A table is the same as at an earlier snapshot, the base, where all of this
 * holds; doc/incremental.md says why each rule is needed.
 *
 * Identity: it has the OID and the relfilenode that it had, and is an
 * ordinary, WAL-logged heap without row security.
 *
 * Definition: the digest of table_definition.c is the same.
 *
 * Pages: see table_pages.c.  The position in WAL is read when the base's COPY
 * of the table has ended.  While the table stays the same, it is kept, and not
 * read anew: a page that is written after it was looked at must look changed
 * to the next run.
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
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "storage/bufmgr.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "database/table_definition.h"
#include "database/table_pages.h"
#include "database/table_state.h"
#include "util/compat.h"

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

	if (!RELKIND_HAS_TABLE_AM(relation->rd_rel->relkind))
		return 0;
	blocks = RelationGetNumberOfBlocks(relation);
	if (OidIsValid(relation->rd_rel->reltoastrelid))
	{
		Relation	toast = relation_open(relation->rd_rel->reltoastrelid,
										  AccessShareLock);

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
	return is_off("zero_damaged_pages") && is_off("ignore_checksum_failure") &&
		!are_old_snapshots_limited();
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

/*
 * Begin the state of a table that COPY is about to read, with these columns (a
 * list of String nodes).  Returns false where no later run can tell whether
 * the table has changed.  The caller has locked the table.
 */
bool
table_state_begin(Relation relation, const List *columns, TableState *state)
{
	memset(state, 0, sizeof(*state));
	if (!is_server_reliable() || !is_plain_table(relation) ||
		!table_definition_digest(relation, columns, state->definition))
		return false;
	state->oid = RelationGetRelid(relation);
	state->tablespace = compat_tablespace(relation);
	state->filenode = compat_filenode(relation);
	return true;
}

/*
 * Complete the state of a table that COPY has read.  The caller still holds
 * the lock and the MVCC snapshot.  COPY prunes pages and sets hint bits, which
 * can raise their LSNs; so the present position in WAL is read after it.  On a
 * standby neither happens, and lsn is the position that was replayed before
 * the MVCC snapshot was taken.
 */
void
table_state_end(Relation relation, XLogRecPtr lsn, TableState *state)
{
	state->lsn = RecoveryInProgress() ? lsn : GetXLogInsertRecPtr();
	state->blocks = table_pages_used(relation);
}

/*
 * Complete the state of a table that is the same as at the base, and that COPY
 * does not read.
 */
void
table_state_keep(const TableState *base, TableState *state)
{
	state->lsn = base->lsn;
	state->blocks = base->blocks;
	state->settled = true;
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
	return seen_transactions_are_recent(seen) &&
		base->oid == state->oid && base->tablespace == state->tablespace &&
		base->filenode == state->filenode &&
		strcmp(base->definition, state->definition) == 0 &&
		table_pages_are_same(relation, base->lsn, (BlockNumber) base->blocks,
							 base->settled ? NULL : seen);
}
