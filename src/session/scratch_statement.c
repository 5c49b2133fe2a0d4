/*-------------------------------------------------------------------------
 *
 * scratch_statement.c
 *	  Adapt a statement of a dump to a scratch database for one table.
 *
 * - A foreign key is not checked: the referenced table is empty.
 * - Event triggers are not restored, as they would fire at what the worker
 *   does next.  Materialized views stay empty.
 * - A table, sequence, statistics object or function whose owner does not
 *   exist belongs to the caller of the restore.  It would belong to a
 *   superuser otherwise, and then functions in indexes, those with SECURITY
 *   DEFINER, and the actions of foreign keys and rules would run as that.
 * - What a role granted that does not exist is left out.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "session/restore_watch.h"
#include "session/scratch_statement.h"

/* The grantor of the GRANTs that follow, if it does not exist; or "". */
static char missing_grantor[NAMEDATALEN] = "";

/* Is a statement of no use in a scratch database? */
static bool
is_useless(const Node *statement)
{
	return IsA(statement, CreateEventTrigStmt) ||
		IsA(statement, AlterEventTrigStmt) ||
		IsA(statement, RefreshMatViewStmt);
}

/*
 * Does a statement only make a role that does not exist the grantor of what
 * follows?
 */
static bool
sets_missing_grantor(const Node *statement)
{
	const VariableSetStmt *set = (const VariableSetStmt *) statement;
	const A_Const *value;

	if (!IsA(statement, VariableSetStmt) || set->name == NULL ||
		strcmp(set->name, "session_authorization") != 0)
		return false;
	missing_grantor[0] = '\0';
	if (set->kind != VAR_SET_VALUE || list_length(set->args) != 1 ||
		!IsA(linitial(set->args), A_Const))
		return false;
	value = linitial(set->args);
	if (value->isnull || !IsA(&value->val, String) ||
		OidIsValid(get_role_oid(strVal(&value->val), true)))
		return false;
	strlcpy(missing_grantor, strVal(&value->val), NAMEDATALEN);
	return true;
}

/* Return the role that a statement makes an owner, or NULL. */
static RoleSpec *
new_owner(Node *statement)
{
	if (IsA(statement, AlterTableStmt))
	{
		AlterTableCmd *command = linitial(((AlterTableStmt *) statement)->cmds);

		return command->subtype == AT_ChangeOwner ? command->newowner : NULL;
	}
	if (!IsA(statement, AlterOwnerStmt))
		return NULL;
	switch (((AlterOwnerStmt *) statement)->objectType)
	{
		case OBJECT_AGGREGATE:
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_STATISTIC_EXT:
			return ((AlterOwnerStmt *) statement)->newowner;
		default:
			return NULL;
	}
}

/* If a new owner does not exist, return the statement with the caller. */
static PlannedStmt *
adapt_owner(PlannedStmt *pstmt, Oid caller, char **message)
{
	const RoleSpec *owner = new_owner(pstmt->utilityStmt);
	char	   *name;

	if (owner == NULL || owner->roletype != ROLESPEC_CSTRING ||
		OidIsValid(get_role_oid(owner->rolename, true)))
		return pstmt;
	name = GetUserNameFromId(caller, true);
	if (name == NULL)
		return pstmt;
	*message = psprintf("role \"%s\" does not exist, so role \"%s\" is the owner",
						owner->rolename, name);
	pstmt = copyObject(pstmt);
	new_owner(pstmt->utilityStmt)->rolename = name;
	return pstmt;
}

/* Return the same statement, but do not let it check foreign keys. */
static PlannedStmt *
without_check(PlannedStmt *pstmt)
{
	ListCell   *lc;

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
 * Return the statement to execute in place of one of pg_restore, or NULL for
 * none.  *message is set to the reason why what it makes is not as in the
 * dump, or NULL.
 */
PlannedStmt *
scratch_statement_adapt(PlannedStmt *pstmt, Oid caller, char **message)
{
	*message = NULL;
	if (is_useless(pstmt->utilityStmt) ||
		sets_missing_grantor(pstmt->utilityStmt))
		return NULL;
	if (IsA(pstmt->utilityStmt, GrantStmt) && missing_grantor[0] != '\0')
	{
		*message = restore_watch_no_role(missing_grantor);
		return NULL;
	}
	pstmt = adapt_owner(pstmt, caller, message);
	if (IsA(pstmt->utilityStmt, AlterTableStmt))
		pstmt = without_check(pstmt);
	return pstmt;
}
