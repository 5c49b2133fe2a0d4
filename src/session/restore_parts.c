/*-------------------------------------------------------------------------
 *
 * restore_parts.c
 *	  Leave out what cannot come along when pg_restore restores one table.
 *
 * In the sessions of such a run's pg_restore only (see program_tokens.c), a
 * ProcessUtility hook executes each statement that makes a part of a table
 * (see table_statement.c) in a subtransaction.  If it fails, because the
 * database lacks a table, function or role that the part needs, or because the
 * rows violate a constraint, only the subtransaction is rolled back, and
 * the worker learns of it from the notes (restore_notes.c).  So one
 * transaction of pg_restore restores the table with all that can come along,
 * and reads the rows once.  Any other statement that fails, and an error that
 * the dump cannot have caused, such as a full disk, fails the whole.
 *
 * In the scratch database, where the worker first restores the definitions of
 * all tables, a foreign key is not checked: the referenced table is empty.
 * Event triggers are not restored, as they would fire at what the worker does
 * next.  Materialized views stay empty.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

#include "session/program_session.h"
#include "session/restore_parts.h"
#include "session/restore_watch.h"
#include "session/table_statement.h"
#include "settings.h"
#include "util/errors.h"

/* What the hook received, to pass it on. */
typedef struct Utility
{
	PlannedStmt *pstmt;
	const char *query;
	bool		read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *environment;
	DestReceiver *destination;
	QueryCompletion *completion;
} Utility;

static ProcessUtility_hook_type prev_process_utility = NULL;

/* Is a statement of pg_restore being executed? */
static bool is_inside = false;

static void
execute(const Utility *utility)
{
	(prev_process_utility ? prev_process_utility : standard_ProcessUtility)
		(utility->pstmt, utility->query, utility->read_only_tree,
		 utility->context, utility->params, utility->environment,
		 utility->destination, utility->completion);
}

/*
 * Is a statement about the table that is restored, or about one of its
 * partitions?
 */
static bool
is_of_table(const RestoreMode *mode, const Node *statement)
{
	const RangeVar *relation = table_statement_relation(statement);
	Oid			root;
	Oid			oid;

	if (relation == NULL || relation->schemaname == NULL)
		return false;
	if (mode->stage == STAGE_TABLE)
		return true;			/* nothing else is restored */
	if (strcmp(relation->schemaname, mode->schema) == 0 &&
		strcmp(relation->relname, mode->table) == 0)
		return true;
	oid = RangeVarGetRelid(relation, NoLock, true);
	if (!OidIsValid(oid) || !get_rel_relispartition(oid))
		return false;
	root = RangeVarGetRelid(makeRangeVar(pstrdup(mode->schema),
										 pstrdup(mode->table), -1),
							NoLock, true);
	return OidIsValid(root) &&
		list_member_oid(get_partition_ancestors(oid), root);
}

/* Is a statement of no use in a scratch database? */
static bool
is_useless(const Node *statement)
{
	return IsA(statement, CreateEventTrigStmt) ||
		IsA(statement, AlterEventTrigStmt) ||
		IsA(statement, RefreshMatViewStmt);
}

/* Return the same statement, but do not let it check foreign keys. */
static PlannedStmt *
without_check(PlannedStmt *pstmt)
{
	ListCell   *lc;

	if (!IsA(pstmt->utilityStmt, AlterTableStmt))
		return pstmt;
	pstmt = copyObject(pstmt);
	foreach(lc, ((AlterTableStmt *) pstmt->utilityStmt)->cmds)
	{
		AlterTableCmd *command = lfirst(lc);

		if (command->subtype == AT_AddConstraint &&
			((Constraint *) command->def)->contype == CONSTR_FOREIGN)
			((Constraint *) command->def)->skip_validation = true;
	}
	return pstmt;
}

/*
 * May a statement be left out if it fails?  A role that exists in the scratch
 * database exists everywhere, and a subtransaction for the owner of each
 * partition, before the rows are read, would burden other sessions.
 */
static bool
may_leave_out(const RestoreMode *mode, const Node *statement)
{
	if (mode->stage == STAGE_TABLE && table_statement_is_of_role(statement))
		return false;
	return table_statement_is_part(statement);
}

/* Note that a part of the table was left out. */
static void
note_part(RestoreNotes *notes, const Node *statement, const ErrorData *edata)
{
	char	   *object = table_statement_object(statement);

	ereport(LOG,
			(errcode(edata->sqlerrcode),
			 errmsg("could not restore %s: %s", object, edata->message),
			 edata->detail != NULL ? errdetail_internal("%s", edata->detail) : 0));
	restore_notes_add(notes, object, edata->message);
}

/* Was an object missing? */
static bool
is_missing(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		edata->sqlerrcode == ERRCODE_UNDEFINED_TABLE;
}

/* Execute a statement that makes a part; if it fails, leave out the part. */
static void
execute_part(const Utility *utility, RestoreNotes *notes)
{
	const Node *statement = utility->pstmt->utilityStmt;
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		execute(utility);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(context);

		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (restore_watch_is_trouble(edata))
			ReThrowError(edata);
		if (is_of_table(restore_notes_mode(notes), statement) &&
			!(table_statement_needs_part(statement) && is_missing(edata)))
			note_part(notes, statement, edata);
	}
	PG_END_TRY();
}

/*
 * Execute a statement that makes the table itself.  The pg_restore that fills
 * the scratch database goes on after an error; the worker must not.
 */
static void
execute_whole(const Utility *utility, RestoreNotes *notes)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		execute(utility);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(context);

		restore_notes_add_trouble(notes, edata->sqlerrcode, edata->message);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

static void
process_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	Utility		utility = {pstmt, query, read_only_tree, context, params,
	environment, destination, completion};
	const ProgramSession *session = NULL;
	const RestoreMode *mode;

	/* several statements of one query are not at the top level */
	if (setting_session_token[0] != '\0' && !is_inside &&
		(context == PROCESS_UTILITY_TOPLEVEL || context == PROCESS_UTILITY_QUERY))
		session = program_session();
	if (session == NULL || session->notes == NULL ||
		restore_notes_mode(session->notes)->stage == STAGE_NONE)
	{
		execute(&utility);
		return;
	}

	mode = restore_notes_mode(session->notes);
	if (mode->stage == STAGE_SCRATCH)
	{
		if (is_useless(pstmt->utilityStmt))
			return;
		utility.pstmt = without_check(pstmt);
	}
	is_inside = true;
	PG_TRY();
	{
		if (may_leave_out(mode, pstmt->utilityStmt))
			execute_part(&utility, session->notes);
		else if (is_of_table(mode, pstmt->utilityStmt))
			execute_whole(&utility, session->notes);
		else
			execute(&utility);
	}
	PG_FINALLY();
	{
		is_inside = false;
	}
	PG_END_TRY();
}

/* Install the ProcessUtility hook.  Called by _PG_init. */
void
restore_parts_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
