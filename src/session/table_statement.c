/*-------------------------------------------------------------------------
 *
 * table_statement.c
 *	  What a statement of a dump makes, and of which table: pure.
 *
 * A table can do without some of its parts: indexes, constraints, triggers,
 * rules, policies, privileges, comments, statistics objects, and its owner
 * (see scratch_statement.c).  It cannot do without its columns with their
 * defaults, its sequences and partitions, and row-level security.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "nodes/makefuncs.h"

#include "session/table_statement.h"

static const AlterTableCmd *
first_command(const Node *statement)
{
	return linitial(((const AlterTableStmt *) statement)->cmds);
}

/* Return the first one of a list, if it is the name of a relation. */
static const RangeVar *
first_relation(const List *relations)
{
	if (relations == NIL || !IsA(linitial(relations), RangeVar))
		return NULL;
	return linitial(relations);
}

/*
 * Return the table of a comment or a label; the name of a column, a
 * constraint, a trigger and so on follows that of the table.
 */
static const RangeVar *
relation_of_name(ObjectType type, const Node *object)
{
	List	   *names;

	switch (type)
	{
		case OBJECT_TABLE:
			names = list_copy((const List *) object);
			break;
		case OBJECT_COLUMN:
		case OBJECT_TABCONSTRAINT:
		case OBJECT_TRIGGER:
		case OBJECT_RULE:
		case OBJECT_POLICY:
			names = list_copy_head((const List *) object,
								   list_length((const List *) object) - 1);
			break;
		default:
			return NULL;
	}
	return names == NIL ? NULL : makeRangeVarFromNameList(names);
}

/*
 * Return the table that a statement is about, or its index or sequence; NULL
 * if it is about none.
 */
const RangeVar *
table_statement_relation(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateStmt:
			return ((const CreateStmt *) statement)->relation;
		case T_AlterTableStmt:
			return ((const AlterTableStmt *) statement)->relation;
		case T_IndexStmt:
			return ((const IndexStmt *) statement)->relation;
		case T_CreateTrigStmt:
			return ((const CreateTrigStmt *) statement)->relation;
		case T_RuleStmt:
			return ((const RuleStmt *) statement)->relation;
		case T_CreatePolicyStmt:
			return ((const CreatePolicyStmt *) statement)->table;
		case T_AlterObjectDependsStmt:
			return ((const AlterObjectDependsStmt *) statement)->relation;
		case T_CreateStatsStmt:
			return first_relation(((const CreateStatsStmt *) statement)->relations);
		case T_GrantStmt:
			return first_relation(((const GrantStmt *) statement)->objects);
		case T_CommentStmt:
			return relation_of_name(((const CommentStmt *) statement)->objtype,
									((const CommentStmt *) statement)->object);
		case T_SecLabelStmt:
			return relation_of_name(((const SecLabelStmt *) statement)->objtype,
									((const SecLabelStmt *) statement)->object);
		default:
			return NULL;
	}
}

/* Return the name of the statistics object whose owner changes, or NIL. */
List *
table_statement_statistics(const Node *statement)
{
	const AlterOwnerStmt *alter = (const AlterOwnerStmt *) statement;

	return IsA(statement, AlterOwnerStmt) &&
		alter->objectType == OBJECT_STATISTIC_EXT ?
		(List *) alter->object : NIL;
}

/* Return the partition that a statement attaches to a table, or NULL. */
const RangeVar *
table_statement_partition(const Node *statement)
{
	if (!IsA(statement, AlterTableStmt) ||
		((const AlterTableStmt *) statement)->objtype != OBJECT_TABLE ||
		first_command(statement)->subtype != AT_AttachPartition)
		return NULL;
	return ((const PartitionCmd *) first_command(statement)->def)->name;
}

/* Can a table do without what this changes? */
static bool
is_part_command(const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddConstraint:
		case AT_ValidateConstraint:
		case AT_ChangeOwner:
		case AT_ClusterOn:
		case AT_ReplicaIdentity:
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableRule:
		case AT_EnableAlwaysRule:
		case AT_EnableReplicaRule:
		case AT_DisableRule:
			return true;
		default:
			return false;
	}
}

/* Can a table do without what this statement makes? */
bool
table_statement_is_part(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
		case T_CreateTrigStmt:
		case T_RuleStmt:
		case T_CreatePolicyStmt:
		case T_CreateStatsStmt:
		case T_AlterStatsStmt:
		case T_AlterOwnerStmt:
		case T_AlterObjectDependsStmt:
		case T_GrantStmt:
		case T_CommentStmt:
		case T_SecLabelStmt:
			return true;
		case T_AlterTableStmt:
			if (((const AlterTableStmt *) statement)->objtype == OBJECT_INDEX)
				return true;
			return list_length(((const AlterTableStmt *) statement)->cmds) == 1 &&
				is_part_command(first_command(statement));
		default:
			return false;
	}
}

/* Can a part only fail because of a role? */
bool
table_statement_is_of_role(const Node *statement)
{
	if (IsA(statement, AlterTableStmt))
		return first_command(statement)->subtype == AT_ChangeOwner;
	return IsA(statement, AlterOwnerStmt) || IsA(statement, GrantStmt);
}

/* Is a part the comment on a table or a column? */
bool
table_statement_is_comment(const Node *statement)
{
	const CommentStmt *comment = (const CommentStmt *) statement;

	return IsA(statement, CommentStmt) &&
		(comment->objtype == OBJECT_TABLE || comment->objtype == OBJECT_COLUMN);
}

/*
 * Does a statement only change another part?  If that was left out, so is
 * this, and nothing needs to be told.
 */
bool
table_statement_needs_part(const Node *statement)
{
	if (IsA(statement, AlterTableStmt))
		return ((const AlterTableStmt *) statement)->objtype == OBJECT_INDEX ||
			(first_command(statement)->subtype != AT_AddConstraint &&
			 first_command(statement)->subtype != AT_ChangeOwner &&
			 first_command(statement)->subtype != AT_ReplicaIdentity);
	return IsA(statement, CommentStmt) || IsA(statement, SecLabelStmt) ||
		IsA(statement, AlterStatsStmt) || IsA(statement, AlterOwnerStmt);
}

static char *
name_of(const char *schema, const char *name)
{
	return schema == NULL ? pstrdup(name) : psprintf("%s.%s", schema, name);
}

/* Return the kind and the name of what an ALTER TABLE makes of a table. */
static char *
altered_object(const AlterTableCmd *command, const char *table)
{
	const Constraint *constraint = (const Constraint *) command->def;

	switch (command->subtype)
	{
		case AT_AddConstraint:
			return psprintf("%s %s %s",
							constraint->contype == CONSTR_FOREIGN ?
							"FK CONSTRAINT" : "CONSTRAINT", table,
							constraint->conname != NULL ?
							constraint->conname : "");
		case AT_ChangeOwner:
			return psprintf("OWNER %s", table);
		case AT_ReplicaIdentity:
			return psprintf("REPLICA IDENTITY %s", table);
		default:
			return psprintf("TABLE %s", table);
	}
}

/*
 * Return the kind and the name of what a statement makes, as pg_restore prints
 * them where it does, palloc'd.  The statement is about a table, or about a
 * statistics object.
 */
char *
table_statement_object(const Node *statement)
{
	const RangeVar *relation = table_statement_relation(statement);
	char	   *table;

	if (table_statement_statistics(statement) != NIL)
		return psprintf("OWNER %s",
						NameListToString(table_statement_statistics(statement)));
	table = name_of(relation->schemaname, relation->relname);
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			return altered_object(first_command(statement), table);
		case T_IndexStmt:
			return psprintf("INDEX %s",
							name_of(relation->schemaname,
									((const IndexStmt *) statement)->idxname));
		case T_CreateTrigStmt:
			return psprintf("TRIGGER %s %s", table,
							((const CreateTrigStmt *) statement)->trigname);
		case T_RuleStmt:
			return psprintf("RULE %s %s", table,
							((const RuleStmt *) statement)->rulename);
		case T_CreatePolicyStmt:
			return psprintf("POLICY %s %s", table,
							((const CreatePolicyStmt *) statement)->policy_name);
		case T_CreateStatsStmt:
			return psprintf("STATISTICS %s",
							NameListToString(((const CreateStatsStmt *) statement)->defnames));
		case T_GrantStmt:
			return psprintf("ACL %s", table);
		case T_AlterObjectDependsStmt:
			return psprintf("DEPENDENCY %s", table);
		case T_CommentStmt:
			return psprintf("COMMENT %s", table);
		case T_SecLabelStmt:
			return psprintf("SECURITY LABEL %s", table);
		default:
			return psprintf("TABLE %s", table);
	}
}
