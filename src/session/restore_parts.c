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
 * The worker first restores the definitions of all tables into a scratch
 * database, where some statements change (see scratch_statement.c).  There, a
 * statement about another table may fail.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "session/late_partitions.h"
#include "session/program_session.h"
#include "session/restore_parts.h"
#include "session/restore_watch.h"
#include "session/scratch_statement.h"
#include "session/table_statement.h"
#include "settings.h"
#include "util/errors.h"

/* The table that a statement is about. */
typedef struct Subject
{
	bool		is_wanted;		/* is, or belongs to, the one restored */
	Oid			table;			/* another that exists, or InvalidOid */
} Subject;

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

/* Return the OID of the table that is restored, or InvalidOid. */
static Oid
wanted_table(const RestoreMode *mode)
{
	return RangeVarGetRelid(makeRangeVar(pstrdup(mode->schema),
										 pstrdup(mode->table), -1),
							NoLock, true);
}

/*
 * Return the table that an index or a sequence belongs to, or the relation
 * itself.
 */
static Oid
table_of(Oid relation)
{
	char		kind = get_rel_relkind(relation);
	Oid			table;
	int32		column;

	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
		return IndexGetRelation(relation, true);
	if (kind == RELKIND_SEQUENCE &&
		(sequenceIsOwned(relation, DEPENDENCY_AUTO, &table, &column) ||
		 sequenceIsOwned(relation, DEPENDENCY_INTERNAL, &table, &column)))
		return table;
	return relation;
}

/* Return the table of a statistics object, or InvalidOid. */
static Oid
table_of_statistics(List *name)
{
	Oid			oid = get_statistics_object_oid(name, true);
	HeapTuple	tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(oid));
	Oid			table;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	table = ((Form_pg_statistic_ext) GETSTRUCT(tuple))->stxrelid;
	ReleaseSysCache(tuple);
	return table;
}

/* Return the table that a statement is about, if there is one. */
static Oid
find_table(const Node *statement)
{
	List	   *statistics = table_statement_statistics(statement);
	Oid			relation;

	if (statistics != NIL)
		return table_of_statistics(statistics);
	relation = RangeVarGetRelid(table_statement_relation(statement), NoLock,
								true);
	return OidIsValid(relation) ? table_of(relation) : InvalidOid;
}

/*
 * Find out whether a statement is about the table that is restored, or about
 * one of its partitions.
 */
static void
find_subject(const RestoreMode *mode, const Node *statement, Subject *subject)
{
	const RangeVar *relation = table_statement_relation(statement);
	Oid			wanted;

	subject->table = InvalidOid;
	subject->is_wanted = false;
	if (relation != NULL ? relation->schemaname == NULL :
		table_statement_statistics(statement) == NIL)
		return;
	if (mode->stage == STAGE_TABLE ||	/* nothing else is restored */
		(relation != NULL && strcmp(relation->schemaname, mode->schema) == 0 &&
		 strcmp(relation->relname, mode->table) == 0))
	{
		subject->is_wanted = true;
		return;
	}
	subject->table = find_table(statement);
	if (!OidIsValid(subject->table))
		return;
	wanted = wanted_table(mode);
	subject->is_wanted = OidIsValid(wanted) &&
		(subject->table == wanted ||
		 (get_rel_relispartition(subject->table) &&
		  list_member_oid(get_partition_ancestors(subject->table), wanted)));
}

/*
 * May a statement be left out if it fails?  A role that exists in the scratch
 * database exists everywhere, and so do a table and its columns after their
 * creation.  A subtransaction for the owner or the comment of each partition,
 * before the rows are read, would burden other sessions.
 */
static bool
may_leave_out(const RestoreMode *mode, const Node *statement)
{
	/* the grantor of a privilege need not have the rights that it had */
	if (mode->stage == STAGE_TABLE &&
		GetUserId() == GetAuthenticatedUserId() &&
		(table_statement_is_of_role(statement) ||
		 table_statement_is_comment(statement)))
		return false;
	return table_statement_is_part(statement);
}

/*
 * Note that a part of the table was left out, now or when the table is known
 * to belong to the wanted one.
 */
static void
note_part(RestoreNotes *notes, const Subject *subject, const Node *statement,
		  const char *message, const char *detail)
{
	if (subject->is_wanted)
		restore_watch_note(notes, table_statement_object(statement), message,
						   detail);
	else if (OidIsValid(subject->table))
		late_partitions_note(subject->table, table_statement_object(statement),
							 message);
}

/* Was an object missing? */
static bool
is_missing(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		edata->sqlerrcode == ERRCODE_UNDEFINED_TABLE;
}

/*
 * Has another session taken a name since the worker has chosen it?  What
 * follows, such as a comment, would then change an object of others.
 */
static bool
is_name_taken(const RestoreMode *mode, const ErrorData *edata)
{
	return mode->stage == STAGE_TABLE &&
		(edata->sqlerrcode == ERRCODE_DUPLICATE_TABLE ||
		 edata->sqlerrcode == ERRCODE_DUPLICATE_OBJECT);
}

/* Execute a statement that makes a part; if it fails, leave out the part. */
static void
execute_part(const Utility *utility, RestoreNotes *notes,
			 const Subject *subject)
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
		if (restore_watch_is_trouble(edata) ||
			is_name_taken(restore_notes_mode(notes), edata))
			ReThrowError(edata);
		if (!(table_statement_needs_part(statement) && is_missing(edata)))
			note_part(notes, subject, statement, edata->message,
					  edata->detail);
	}
	PG_END_TRY();
}

/*
 * Execute a statement that makes the table itself.  The pg_restore that fills
 * the scratch database goes on after an error; the worker must not.
 */
static void
execute_whole(const Utility *utility, RestoreNotes *notes,
			  const Subject *subject)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		execute(utility);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(context);

		if (subject->is_wanted)
			restore_notes_add_trouble(notes, edata->sqlerrcode, edata->message);
		else if (OidIsValid(subject->table))
			late_partitions_trouble(subject->table, edata->sqlerrcode,
									edata->message);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/* Execute a statement of pg_restore, or what remains of it. */
static void
execute_adapted(Utility *utility, RestoreNotes *notes)
{
	const RestoreMode *mode = restore_notes_mode(notes);
	const Node *statement = utility->pstmt->utilityStmt;
	const RangeVar *partition = table_statement_partition(statement);
	Subject		subject;
	char	   *message = NULL;

	find_subject(mode, statement, &subject);
	if (mode->stage == STAGE_SCRATCH)
		utility->pstmt = scratch_statement_adapt(utility->pstmt, mode->caller,
												 &message);
	if (message != NULL)
		note_part(notes, &subject, statement, message, NULL);
	if (utility->pstmt == NULL)
		return;

	if (may_leave_out(mode, statement))
		execute_part(utility, notes, &subject);
	else if (subject.is_wanted || OidIsValid(subject.table))
		execute_whole(utility, notes, &subject);
	else
		execute(utility);
	if (partition != NULL && mode->stage == STAGE_SCRATCH && subject.is_wanted)
		late_partitions_attached(RangeVarGetRelid(partition, NoLock, false),
								 notes);
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

	is_inside = true;
	PG_TRY();
	{
		execute_adapted(&utility, session->notes);
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
