/*-------------------------------------------------------------------------
 *
 * restore_watch.c
 *	  Adapt statements of our own pg_restore to what this server lacks.
 *
 * In the sessions of a run's pg_restore only (see program_tokens.c):
 *
 * - A tablespace that does not exist becomes the default one.  The option
 *   --no-tablespaces would also ignore those that exist.  In the restore of
 *   one table, so does an access method.
 * - With no_owner, a policy is restored without the roles that do not exist,
 *   and left out if none of its roles exists; so is a user mapping.  The
 *   options --no-owner and --no-privileges do not apply to these.
 * - If pg_restore goes on after errors, each GRANT fails alone.  It sends all
 *   those of an object as one query, and without them even their REVOKE from
 *   PUBLIC would be undone.
 * - The first error that the dump cannot have caused is noted, such as a full
 *   disk or a canceled statement.  When pg_restore goes on after errors, its
 *   output does not tell these from others: it has no SQLSTATE.
 *
 * The worker learns of all that from the notes (restore_notes.c).
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "commands/policy.h"
#include "commands/tablespace.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/resowner.h"

#include "session/program_session.h"
#include "session/restore_watch.h"
#include "settings.h"
#include "tools/restore_errors.h"
#include "util/errors.h"

static ProcessUtility_hook_type prev_process_utility = NULL;
static emit_log_hook_type prev_emit_log_hook = NULL;

/* Is a statement of pg_restore being executed? */
static bool is_inside = false;

/* Return the name of a role that does not exist, or NULL. */
static const char *
missing_role(const RoleSpec *role)
{
	if (role->roletype != ROLESPEC_CSTRING ||
		OidIsValid(get_role_oid(role->rolename, true)))
		return NULL;
	return role->rolename;
}

/* Return the message about a role that is missing, palloc'd. */
char *
restore_watch_no_role(const char *role)
{
	return psprintf("role \"%s\" does not exist", role);
}

/* Return a table's name as pg_restore prints it. */
static char *
table_name(const RangeVar *table)
{
	return table->schemaname == NULL ? pstrdup(table->relname) :
		psprintf("%s.%s", table->schemaname, table->relname);
}

/*
 * Note and log that an object was left out: the notes may have no room for it.
 * The detail can be NULL.
 */
void
restore_watch_note(RestoreNotes *notes, const char *object,
				   const char *message, const char *detail)
{
	if (restore_notes_add(notes, object, message))
		ereport(LOG,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("could not restore %s: %s", object, message),
				 detail != NULL ? errdetail_internal("%s", detail) : 0));
}

/* Note and log that an object was changed. */
static void
note_change(RestoreNotes *notes, const char *message)
{
	if (restore_notes_add(notes, "", message))
		ereport(LOG,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg_internal("%s", message)));
}

/* Return the string that a SET gives to a setting, or NULL. */
static char *
set_string(const VariableSetStmt *statement, const char *setting)
{
	A_Const    *value;

	if (statement->kind != VAR_SET_VALUE ||
		strcmp(statement->name, setting) != 0 ||
		list_length(statement->args) != 1 ||
		!IsA(linitial(statement->args), A_Const))
		return NULL;
	value = linitial(statement->args);
	if (value->isnull || !IsA(&value->val, String) ||
		strVal(&value->val)[0] == '\0')
		return NULL;
	return strVal(&value->val);
}

/* Return the same SET with another string. */
static PlannedStmt *
set_instead(const PlannedStmt *pstmt, const char *string)
{
	PlannedStmt *copy = copyObject(unconstify(PlannedStmt *, pstmt));
	A_Const    *value;

	value = linitial(((VariableSetStmt *) copy->utilityStmt)->args);
	strVal(&value->val) = pstrdup(string);
	return copy;
}

/*
 * If a SET names a tablespace that does not exist, return a SET of the default
 * one.  In the restore of one table, do the same for access methods.  In the
 * restore of a whole database, a SET of a missing one fails, as the creation
 * of that one has failed before.
 */
static PlannedStmt *
adapt_set(PlannedStmt *pstmt, RestoreNotes *notes)
{
	const VariableSetStmt *statement = (VariableSetStmt *) pstmt->utilityStmt;
	const char *space = set_string(statement, "default_tablespace");
	const char *method = set_string(statement, "default_table_access_method");

	if (method != NULL && restore_notes_mode(notes)->stage != STAGE_NONE &&
		!OidIsValid(get_table_am_oid(method, true)))
	{
		note_change(notes,
					psprintf("access method \"%s\" does not exist, using the default access method",
							 method));
		return set_instead(pstmt,
						   GetConfigOptionResetString("default_table_access_method"));
	}
	if (space != NULL && !OidIsValid(get_tablespace_oid(space, true)))
	{
		note_change(notes,
					psprintf("tablespace \"%s\" does not exist, using the default tablespace",
							 space));
		return set_instead(pstmt, "");
	}
	return pstmt;
}

/*
 * Return the statement of a policy without the roles that do not exist, or
 * NULL if none of them exists.
 */
static PlannedStmt *
adapt_policy(PlannedStmt *pstmt, RestoreNotes *notes)
{
	CreatePolicyStmt *statement = (CreatePolicyStmt *) pstmt->utilityStmt;
	List	   *missing = NIL;
	ListCell   *lc;

	foreach(lc, statement->roles)
	{
		if (missing_role(lfirst(lc)) != NULL)
			missing = lappend(missing, unconstify(char *, missing_role(lfirst(lc))));
	}
	if (missing == NIL)
		return pstmt;
	if (list_length(missing) == list_length(statement->roles))
	{
		restore_watch_note(notes, psprintf("POLICY %s %s", table_name(statement->table),
										   statement->policy_name),
						   restore_watch_no_role(linitial(missing)), NULL);
		return NULL;
	}

	pstmt = copyObject(pstmt);
	statement = (CreatePolicyStmt *) pstmt->utilityStmt;
	foreach(lc, statement->roles)
	{
		if (missing_role(lfirst(lc)) != NULL)
			statement->roles = foreach_delete_current(statement->roles, lc);
	}
	foreach(lc, missing)
		note_change(notes,
					psprintf("policy \"%s\" of table \"%s\" is restored without a role: %s",
							 statement->policy_name,
							 table_name(statement->table),
							 restore_watch_no_role(lfirst(lc))));
	return pstmt;
}

/* Is a user mapping for a role that does not exist? */
static bool
lacks_user(const CreateUserMappingStmt *statement, RestoreNotes *notes)
{
	const char *missing = missing_role(statement->user);

	if (missing == NULL)
		return false;
	restore_watch_note(notes, psprintf("USER MAPPING %s SERVER %s", missing,
									   statement->servername),
					   restore_watch_no_role(missing), NULL);
	return true;
}

/* Is a comment on a policy that was left out? */
static bool
lacks_policy(const CommentStmt *statement)
{
	List	   *names;
	const char *policy;
	Oid			table;

	if (statement->objtype != OBJECT_POLICY)
		return false;
	names = list_copy((List *) statement->object);
	policy = strVal(llast(names));
	table = RangeVarGetRelid(makeRangeVarFromNameList(list_delete_last(names)),
							 AccessShareLock, true);
	return OidIsValid(table) &&
		!OidIsValid(get_relation_policy_oid(table, policy, true));
}

/*
 * Return the statement to execute in place of one of pg_restore, or NULL for
 * none.
 */
static PlannedStmt *
adapt_statement(PlannedStmt *pstmt, RestoreNotes *notes)
{
	Node	   *statement = pstmt->utilityStmt;

	if (IsA(statement, VariableSetStmt))
		return adapt_set(pstmt, notes);
	if (!restore_notes_mode(notes)->no_owner)
		return pstmt;
	if (IsA(statement, CreatePolicyStmt))
		return adapt_policy(pstmt, notes);
	if ((IsA(statement, CreateUserMappingStmt) &&
		 lacks_user((CreateUserMappingStmt *) statement, notes)) ||
		(IsA(statement, CommentStmt) &&
		 lacks_policy((CommentStmt *) statement)))
		return NULL;
	return pstmt;
}

/*
 * Can the dump not have caused this error?  A missing file can be the library
 * of an extension that is not installed, and a connection that fails that to a
 * foreign server.
 */
bool
restore_watch_is_trouble(const ErrorData *edata)
{
	if (edata->elevel == FATAL)
		return true;
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_TRANSACTION_ROLLBACK:
			return true;
		case ERRCODE_SYSTEM_ERROR:
			return edata->sqlerrcode != ERRCODE_UNDEFINED_FILE;
		default:
			return edata->sqlerrcode == ERRCODE_DATA_CORRUPTED ||
				edata->sqlerrcode == ERRCODE_INDEX_CORRUPTED ||
				edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	}
}

static void
execute(PlannedStmt *pstmt, const char *query, bool read_only_tree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *environment, DestReceiver *destination,
		QueryCompletion *completion)
{
	if (prev_process_utility)
		prev_process_utility(pstmt, query, read_only_tree, context, params,
							 environment, destination, completion);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params,
								environment, destination, completion);
}

/*
 * As execute(), but an error that the dump can have caused is a WARNING, which
 * restore_errors.c reads.
 */
static void
execute_or_warn(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		execute(pstmt, query, read_only_tree, context, params, environment,
				destination, completion);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(caller);

		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (restore_watch_is_trouble(edata))
			ReThrowError(edata);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg(RESTORE_WARNING "%s", edata->message)));
	}
	PG_END_TRY();
}

/*
 * Execute a statement of a program's session, and know meanwhile that others
 * are inside of it.
 */
static void
execute_outermost(PlannedStmt *pstmt, bool alone, const char *query,
				  bool read_only_tree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *environment,
				  DestReceiver *destination, QueryCompletion *completion)
{
	is_inside = true;
	PG_TRY();
	{
		if (alone)
			execute_or_warn(pstmt, query, read_only_tree, context, params,
							environment, destination, completion);
		else
			execute(pstmt, query, read_only_tree, context, params,
					environment, destination, completion);
	}
	PG_FINALLY();
	{
		is_inside = false;
	}
	PG_END_TRY();
}

static void
process_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	const ProgramSession *session = NULL;
	bool		alone;

	/* several statements of one query are not at the top level */
	if (setting_session_token[0] != '\0' && !is_inside &&
		(context == PROCESS_UTILITY_TOPLEVEL || context == PROCESS_UTILITY_QUERY))
		session = program_session();
	if (session == NULL || session->notes == NULL)
	{
		execute(pstmt, query, read_only_tree, context, params, environment,
				destination, completion);
		return;
	}
	pstmt = adapt_statement(pstmt, session->notes);
	if (pstmt == NULL)
		return;
	alone = IsA(pstmt->utilityStmt, GrantStmt) &&
		restore_notes_mode(session->notes)->go_on;
	execute_outermost(pstmt, alone, query, read_only_tree, context, params,
					  environment, destination, completion);
}

/* emit_log_hook: note an error that is not the dump's fault. */
static void
note_error(ErrorData *edata)
{
	RestoreNotes *notes = program_session_notes();

	if (notes != NULL && (edata->elevel == ERROR || edata->elevel == FATAL) &&
		restore_watch_is_trouble(edata))
		restore_notes_add_trouble(notes, edata->sqlerrcode, edata->message);
	if (prev_emit_log_hook)
		prev_emit_log_hook(edata);
}

/* Install the hooks.  Called by _PG_init. */
void
restore_watch_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = note_error;
}
