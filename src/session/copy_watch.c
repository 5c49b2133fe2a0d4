/*-------------------------------------------------------------------------
 *
 * copy_watch.c
 *	  Watch COPY in the sessions of our own pg_dump and pg_restore.
 *
 * These sessions run in backends of this server, which have loaded the
 * library.  In these sessions only (see program_tokens.c), a ProcessUtility
 * hook watches each COPY of pg_dump.  At that time, pg_dump has locked the
 * table and set its MVCC snapshot.  The hook checks that the table is still
 * the one that the snapshot shows (see stale_table.c), and counts the rows of
 * the table in the dump at no cost.  In a test restore, the hook counts the
 * rows that pg_restore copies.
 *
 * pg_dump sees no difference: the statement either executes as usual, or
 * fails.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "database/stale_table.h"
#include "session/copy_watch.h"
#include "settings.h"
#include "shmem/table_copies.h"

static ProcessUtility_hook_type prev_process_utility = NULL;

/* The run that this session belongs to, once known. */
static Copies *copies = NULL;
static CopiesHandle attached_to;

/* Does this session belong to a run in progress?  Attaches to it. */
static bool
is_of_run(void)
{
	CopiesHandle handle;

	if (!state_find_programs(setting_session_token, GetAuthenticatedUserId(),
							 &handle))
		return false;
	if (copies != NULL &&
		(handle.area != attached_to.area || handle.tables != attached_to.tables))
	{
		copies_detach(copies);
		copies = NULL;
	}
	if (copies == NULL)
		copies = copies_attach(&handle);
	attached_to = handle;
	return true;
}

/*
 * Return the table of a COPY, or NULL.  For a table with a row filter, pg_dump
 * copies a SELECT from that one table.
 */
static RangeVar *
table_of(const CopyStmt *statement)
{
	const SelectStmt *select = (const SelectStmt *) statement->query;

	if (statement->relation != NULL)
		return statement->relation;
	if (select == NULL || !IsA(select, SelectStmt) ||
		select->op != SETOP_NONE || list_length(select->fromClause) != 1 ||
		!IsA(linitial(select->fromClause), RangeVar))
		return NULL;
	return linitial(select->fromClause);
}

/*
 * Examine the table of a COPY before it is executed.  Returns false if there
 * is nothing to count.  Raises an error if the dump would differ from its MVCC
 * snapshot.
 */
static bool
look_at_table(const CopyStmt *statement, TableCopy *copy)
{
	RangeVar   *name = table_of(statement);
	Relation	relation;
	Oid			oid;

	if (name == NULL)
		return false;
	/* if the table does not exist, COPY raises the error */
	oid = RangeVarGetRelid(name, AccessShareLock, true);
	if (oid < FirstNormalObjectId)
		return false;
	relation = relation_open(oid, NoLock);
	if (!statement->is_from && IsolationUsesXactSnapshot())
		stale_table_check(relation, GetActiveSnapshot());

	memset(copy, 0, sizeof(*copy));
	copy->oid = oid;
	copy->of_extension = OidIsValid(getExtensionOfObject(RelationRelationId,
														 oid));
	strlcpy(copy->schema,
			get_namespace_name(RelationGetNamespace(relation)),
			sizeof(copy->schema));
	strlcpy(copy->table, RelationGetRelationName(relation),
			sizeof(copy->table));
	relation_close(relation, NoLock);
	return true;
}

static void
process_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	QueryCompletion own;
	TableCopy	copy;
	bool		noted;

	noted = setting_session_token[0] != '\0' &&
		context == PROCESS_UTILITY_TOPLEVEL &&
		IsA(pstmt->utilityStmt, CopyStmt) && is_of_run() &&
		look_at_table((CopyStmt *) pstmt->utilityStmt, &copy);
	if (noted && completion == NULL)
	{
		InitializeQueryCompletion(&own);
		completion = &own;
	}

	if (prev_process_utility)
		prev_process_utility(pstmt, query, read_only_tree, context, params,
							 environment, destination, completion);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params,
								environment, destination, completion);

	if (noted && completion->commandTag == CMDTAG_COPY)
	{
		copy.rows = completion->nprocessed;
		copies_note(copies, &copy);
	}
}

/* Install the ProcessUtility hook.  Called by _PG_init. */
void
copy_watch_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
