/*-------------------------------------------------------------------------
 *
 * globals_state.c
 *	  Have the catalogs changed that globals.sql is made of?
 *
 * Roles, tablespaces and privileges on parameters rarely change.  While the
 * pages of their catalogs are the same (see table_pages.c), pg_dumpall would
 * write the same file again.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_shdescription.h"
#include "catalog/pg_shseclabel.h"
#include "catalog/pg_tablespace.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "database/globals_state.h"
#include "database/table_pages.h"
#include "util/compat.h"

/* All that "pg_dumpall --globals-only" reads, in any of its modes. */
static const Oid catalogs[GLOBALS_CATALOGS] = {
	AuthIdRelationId, AuthMemRelationId, DatabaseRelationId,
	DbRoleSettingRelationId, ParameterAclRelationId,
	SharedDescriptionRelationId, SharedSecLabelRelationId,
	TableSpaceRelationId
};

/*
 * Read the state of the catalogs, before pg_dumpall starts.  Needs a
 * transaction.  Returns false if it cannot be compared later.  Raises an error
 * when a page cannot be read.
 */
bool
globals_state_read(GlobalsState *state)
{
	char	   *seen;
	bool		fits;

	memset(state, 0, sizeof(*state));
	/* before the MVCC snapshot, which needs not be held by pg_dumpall then */
	state->lsn = RecoveryInProgress() ? GetXLogReplayRecPtr(NULL) :
		GetXLogInsertRecPtr();
	PushActiveSnapshot(GetTransactionSnapshot());
	seen = seen_transactions_format(GetActiveSnapshot());
	fits = strlen(seen) < GLOBALS_SEEN_SIZE;
	strlcpy(state->seen, seen, GLOBALS_SEEN_SIZE);
	for (int i = 0; i < GLOBALS_CATALOGS; i++)
	{
		Relation	relation = table_open(catalogs[i], AccessShareLock);

		state->filenodes[i] = compat_filenode(relation);
		state->blocks[i] = table_pages_used(relation);
		table_close(relation, AccessShareLock);
	}
	PopActiveSnapshot();
	return fits;
}

/*
 * Are the catalogs the same as when their state was read?  Needs a
 * transaction.  Raises an error when a page cannot be read.
 */
bool
globals_state_is_same(const GlobalsState *state)
{
	SeenTransactions seen;
	bool		same;

	seen_transactions_parse(state->seen, &seen);
	same = seen_transactions_are_recent(&seen);
	for (int i = 0; same && i < GLOBALS_CATALOGS; i++)
	{
		Relation	relation = table_open(catalogs[i], AccessShareLock);

		same = compat_filenode(relation) == state->filenodes[i] &&
			table_pages_are_same(relation, state->lsn, state->blocks[i], &seen);
		table_close(relation, AccessShareLock);
	}
	return same;
}
