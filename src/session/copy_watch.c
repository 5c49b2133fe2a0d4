/*-------------------------------------------------------------------------
 *
 * copy_watch.c
 *	  Watch COPY in the sessions of our own pg_dump and pg_restore.
 *
 * These sessions run in backends of this server, which have loaded the
 * library.  In these sessions only (see program_tokens.c), a ProcessUtility
 * hook watches each COPY of pg_dump.  At that time, pg_dump has locked the
 * table and set its MVCC snapshot.  The hook checks that the table is still
 * the one that the snapshot shows (see stale_table.c, and after COPY
 * stale_type.c), and counts the rows of the table in the dump.  If the table
 * is the same as at the base of the run (see table_state.c), its COPY returns
 * no rows, and the worker puts the base's file in place.  In a restore, the
 * hook counts the rows that pg_restore copies.
 *
 * pg_dump sees no difference.
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
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "database/stale_table.h"
#include "database/stale_type.h"
#include "database/table_state.h"
#include "session/copy_watch.h"
#include "session/program_session.h"
#include "settings.h"
#include "util/test_step.h"

static ProcessUtility_hook_type prev_process_utility = NULL;

/* The run that this session belongs to, once known. */
static const ProgramSession *session = NULL;

/* What the MVCC snapshot of the run's base saw, if it has a base. */
static SeenTransactions base_seen;
static dsa_handle base_area = DSM_HANDLE_INVALID;	/* that it is from */

/* Read what is common to all tables of the base. */
static void
read_base(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	if (DsaPointerIsValid(session->handle.seen))
		seen_transactions_parse(copies_address(session->copies,
											   session->handle.seen),
								&base_seen);
	MemoryContextSwitchTo(caller);
}

/* Does this session belong to a run in progress?  Attaches to it. */
static bool
is_of_run(void)
{
	session = program_session();
	if (session == NULL)
		return false;
	if (session->handle.area != base_area)
		read_base();
	base_area = session->handle.area;
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

/* Is this a COPY of pg_dump, which has set its MVCC snapshot? */
static bool
is_dump(const CopyStmt *statement)
{
	return !statement->is_from && IsolationUsesXactSnapshot();
}

/*
 * Before a table is dumped: find out whether it is the same as at the base,
 * and begin the state that later runs compare.  A query, which an extension's
 * configuration table or a foreign table has, is never the same.
 */
static void
compare_with_base(const CopyStmt *statement, Relation relation,
				  TableCopy *copy)
{
	copy->same = statement->relation != NULL &&
		table_state_begin(relation, statement->attlist, &copy->state) &&
		OidIsValid(copy->base.oid) &&
		table_state_is_same(relation, &copy->base, &base_seen, &copy->state);
	copy->answered = copy->same && session->handle.answer;
	if (copy->answered)
		table_state_keep(&copy->base, &copy->state);
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
	if (!copies_find(session->copies, oid, copy))
		memset(copy, 0, sizeof(*copy));
	copy->oid = oid;
	copy->copied = true;
	copy->partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	if (is_dump(statement))
	{
		stale_table_check(relation, GetActiveSnapshot());
		compare_with_base(statement, relation, copy);
	}
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

/* A node for a column of the one table of a query. */
static ResTarget *
make_target(const char *column)
{
	ColumnRef  *reference = makeNode(ColumnRef);
	ResTarget  *target = makeNode(ResTarget);

	reference->fields = list_make1(makeString(pstrdup(column)));
	reference->location = -1;
	target->val = (Node *) reference;
	target->location = -1;
	return target;
}

/*
 * The same COPY of no rows: the columns, the format and the privileges that it
 * needs are those of the statement, and no row is read.
 */
static PlannedStmt *
without_rows(const PlannedStmt *pstmt)
{
	PlannedStmt *copy = copyObject(unconstify(PlannedStmt *, pstmt));
	CopyStmt   *statement = (CopyStmt *) copy->utilityStmt;
	SelectStmt *select = makeNode(SelectStmt);
	A_Const    *never = makeNode(A_Const);
	ListCell   *lc;

	foreach(lc, statement->attlist)
		select->targetList = lappend(select->targetList,
									 make_target(strVal(lfirst(lc))));
	statement->relation->inh = false;
	select->fromClause = list_make1(statement->relation);
	never->val.boolval.type = T_Boolean;
	never->val.boolval.boolval = false;
	never->location = -1;
	select->whereClause = (Node *) never;
	statement->relation = NULL;
	statement->attlist = NIL;
	statement->query = (Node *) select;
	return copy;
}

/*
 * After a table was copied: complete what is noted of it.  Raises an error if
 * the dump would differ from its MVCC snapshot.
 */
static void
complete_copy(const CopyStmt *statement, TableCopy *copy, uint64 rows)
{
	Relation	relation = relation_open(copy->oid, NoLock);

	if (is_dump(statement) && !copy->answered)
		stale_type_check(relation, GetActiveSnapshot());
	copy->rows = copy->answered ? copy->base_rows : (int64) rows;
	copy->bytes_read = copy->answered ? 0 : table_state_size(relation);
	if (OidIsValid(copy->state.oid) && !copy->answered)
		table_state_end(relation, session->handle.standby_lsn, &copy->state);
	relation_close(relation, NoLock);
	if (statement->is_from)
		copies_add(session->copies, copy);
	else
		copies_note(session->copies, copy);
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
	if (noted)
		test_step("table examined");
	if (noted && copy.answered)
	{
		/* the worker must know that the rows are missing, whatever happens */
		copies_note(session->copies, &copy);
		pstmt = without_rows(pstmt);
	}

	if (prev_process_utility)
		prev_process_utility(pstmt, query, read_only_tree, context, params,
							 environment, destination, completion);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params,
								environment, destination, completion);

	if (noted && completion->commandTag == CMDTAG_COPY)
	{
		test_step("table copied");
		complete_copy((CopyStmt *) pstmt->utilityStmt, &copy,
					  completion->nprocessed);
	}
	else if (noted && copy.answered)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("COPY of table \"%s.%s\" did not report its end",
						copy.schema, copy.table)));
}

/* Install the ProcessUtility hook.  Called by _PG_init. */
void
copy_watch_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
