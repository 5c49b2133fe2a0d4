/*-------------------------------------------------------------------------
 *
 * copy_watch.c
 *	  COPY in the sessions of our own pg_dump and pg_restore.
 *
 * These sessions run in backends of this server, which have the library.  In
 * them, and in no others (see program_tokens.c), a ProcessUtility hook is in
 * place when pg_dump copies a table: it has locked the table then, and set its
 * MVCC snapshot.  So this is where to see that the table still is what that
 * snapshot shows (see stale_table.c), and where to learn, for nothing, how many rows
 * the archive has of it.  When the archive is restored for a test, pg_restore's
 * COPY tells the same from the other end.
 *
 * pg_dump never sees a difference: the statement is executed as ever, or it
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

/* The run that this session belongs to, once that is known. */
static Copies *copies = NULL;
static CopiesHandle attached_to;

/* Does this session belong to a run that is under way?  Attaches to it. */
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
 * The table that a COPY is about, or NULL.  pg_dump selects from the one table
 * where it dumps only some rows of it.
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
 * Look at the table of a COPY before that is executed.  Returns false where
 * there is nothing to note of it.  Raises an error where a dump would not have
 * what its MVCC snapshot shows.
 */
static bool
look_at_table(const CopyStmt *statement, TableCopy *copy)
{
	RangeVar   *name = table_of(statement);
	Relation	relation;
	Oid			oid;

	if (name == NULL)
		return false;
	/* where there is no such table, COPY says so */
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

/* Have COPY come by here.  For _PG_init. */
void
copy_watch_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
