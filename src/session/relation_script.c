/*-------------------------------------------------------------------------
 *
 * relation_script.c
 *	  The statements of a dump that make one relation.
 *
 * pg_restore can select a table, but not what belongs to it.  So we take the
 * script of the whole dump, let the server's parser read it, and keep the
 * statements about the relation: its definition, defaults, constraints,
 * indexes, statistics objects, triggers, rules, policies, owned sequences,
 * owner, comments, labels and privileges.
 *
 * A first pass collects the names of its indexes, statistics objects and owned
 * sequences, because statements about these do not name the relation.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "session/dump_partitions.h"
#include "session/dump_script.h"
#include "session/relation_script.h"

typedef struct Wanted
{
	DumpTableName relation;
	List	   *parts;			/* of DumpTableName: indexes, statistics
								 * objects, sequences */
} Wanted;

static bool
is_name(const DumpTableName *name, const RangeVar *relation)
{
	return relation != NULL && relation->schemaname != NULL &&
		strcmp(relation->schemaname, name->schema) == 0 &&
		strcmp(relation->relname, name->table) == 0;
}

/* Is this the relation itself? */
static bool
is_relation(const Wanted *wanted, const RangeVar *relation)
{
	return is_name(&wanted->relation, relation);
}

/* Is this the relation, or one of its parts? */
static bool
is_wanted(const Wanted *wanted, const RangeVar *relation)
{
	ListCell   *lc;

	if (is_relation(wanted, relation))
		return true;
	foreach(lc, wanted->parts)
	{
		if (is_name(lfirst(lc), relation))
			return true;
	}
	return false;
}

/* As is_wanted(), for a list of names: schema, relation, and others. */
static bool
is_wanted_list(const Wanted *wanted, const Node *object)
{
	const List *names = (const List *) object;
	RangeVar	relation = {0};

	if (object == NULL || !IsA(object, List) || list_length(names) < 2 ||
		!IsA(linitial(names), String) || !IsA(lsecond(names), String))
		return false;
	relation.schemaname = strVal(linitial(names));
	relation.relname = strVal(lsecond(names));
	return is_wanted(wanted, &relation);
}

static void
add_part(Wanted *wanted, const char *schema, const char *name)
{
	DumpTableName *part = palloc(sizeof(DumpTableName));

	dump_table_name(part, schema, name);
	wanted->parts = lappend(wanted->parts, part);
}

/* Return the column that owns a sequence, as a list of names, or NULL. */
static const Node *
owner_of(const AlterSeqStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		const DefElem *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "owned_by") == 0)
			return option->arg;
	}
	return NULL;
}

static bool
has_relation(const Wanted *wanted, const List *relations)
{
	ListCell   *lc;

	foreach(lc, relations)
	{
		if (IsA(lfirst(lc), RangeVar) && is_wanted(wanted, lfirst(lc)))
			return true;
	}
	return false;
}

/* Note an index, a statistics object or a sequence of the relation. */
static void
note_part(Wanted *wanted, Node *node)
{
	if (IsA(node, IndexStmt))
	{
		const IndexStmt *stmt = (const IndexStmt *) node;

		if (is_relation(wanted, stmt->relation) && stmt->idxname != NULL)
			add_part(wanted, stmt->relation->schemaname, stmt->idxname);
	}
	else if (IsA(node, CreateStatsStmt))
	{
		const CreateStatsStmt *stmt = (const CreateStatsStmt *) node;

		if (has_relation(wanted, stmt->relations) &&
			list_length(stmt->defnames) == 2)
			add_part(wanted, strVal(linitial(stmt->defnames)),
					 strVal(lsecond(stmt->defnames)));
	}
	else if (IsA(node, AlterSeqStmt))
	{
		const AlterSeqStmt *stmt = (const AlterSeqStmt *) node;
		const Node *owner = owner_of(stmt);

		if (owner != NULL && is_wanted_list(wanted, owner) &&
			stmt->sequence->schemaname != NULL)
			add_part(wanted, stmt->sequence->schemaname,
					 stmt->sequence->relname);
	}
}

/* Does ALTER TABLE attach the relation, as a partition, to another one? */
static bool
attaches(const Wanted *wanted, const AlterTableStmt *stmt)
{
	const AlterTableCmd *cmd = list_length(stmt->cmds) == 1 ?
	linitial_node(AlterTableCmd, stmt->cmds) : NULL;

	return cmd != NULL && cmd->subtype == AT_AttachPartition &&
		is_wanted(wanted, castNode(PartitionCmd, cmd->def)->name);
}

/* Does ALTER TABLE attach another relation to this one? */
static bool
attaches_another(const AlterTableStmt *stmt)
{
	return list_length(stmt->cmds) == 1 &&
		linitial_node(AlterTableCmd, stmt->cmds)->subtype == AT_AttachPartition;
}

/* Is a statement about the relation, or about one of its parts? */
static bool
is_about(const Wanted *wanted, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateStmt:
			return is_relation(wanted, ((CreateStmt *) node)->relation);
		case T_CreateForeignTableStmt:
			return is_relation(wanted,
							   ((CreateForeignTableStmt *) node)->base.relation);
		case T_ViewStmt:
			return is_relation(wanted, ((ViewStmt *) node)->view);
		case T_CreateTableAsStmt:
			return is_relation(wanted, ((CreateTableAsStmt *) node)->into->rel);
		case T_AlterTableStmt:
			return attaches(wanted, (AlterTableStmt *) node) ||
				(is_wanted(wanted, ((AlterTableStmt *) node)->relation) &&
				 !attaches_another((AlterTableStmt *) node));
		case T_IndexStmt:
			return is_relation(wanted, ((IndexStmt *) node)->relation);
		case T_CreateStatsStmt:
			return has_relation(wanted, ((CreateStatsStmt *) node)->relations);
		case T_AlterStatsStmt:
			return is_wanted_list(wanted,
								  (Node *) ((AlterStatsStmt *) node)->defnames);
		case T_CreateSeqStmt:
			return is_wanted(wanted, ((CreateSeqStmt *) node)->sequence);
		case T_AlterSeqStmt:
			return is_wanted(wanted, ((AlterSeqStmt *) node)->sequence);
		case T_CreateTrigStmt:
			return is_relation(wanted, ((CreateTrigStmt *) node)->relation);
		case T_RuleStmt:
			return is_relation(wanted, ((RuleStmt *) node)->relation);
		case T_CreatePolicyStmt:
			return is_relation(wanted, ((CreatePolicyStmt *) node)->table);
		case T_AlterOwnerStmt:
			return ((AlterOwnerStmt *) node)->objectType == OBJECT_STATISTIC_EXT &&
				is_wanted_list(wanted, ((AlterOwnerStmt *) node)->object);
		case T_AlterObjectDependsStmt:
			return is_wanted(wanted, ((AlterObjectDependsStmt *) node)->relation);
		case T_CommentStmt:
			return is_wanted_list(wanted, ((CommentStmt *) node)->object);
		case T_SecLabelStmt:
			return is_wanted_list(wanted, ((SecLabelStmt *) node)->object);
		case T_GrantStmt:
			return has_relation(wanted, ((GrantStmt *) node)->objects);
		default:
			return false;
	}
}

/*
 * Is a comment or a label on an object whose names begin with a schema and a
 * relation?  Those of a function, say, have a schema and a name, too.
 */
static bool
names_relation(Node *node)
{
	ObjectType	type;

	if (IsA(node, CommentStmt))
		type = ((CommentStmt *) node)->objtype;
	else if (IsA(node, SecLabelStmt))
		type = ((SecLabelStmt *) node)->objtype;
	else
		return true;
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_COLUMN:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
		case OBJECT_STATISTIC_EXT:
		case OBJECT_TABCONSTRAINT:
		case OBJECT_TRIGGER:
		case OBJECT_RULE:
		case OBJECT_POLICY:
			return true;
		default:
			return false;
	}
}

/* Settings in the script that the next statements depend on. */
static const char *const settings[] = {
	"default_tablespace", "default_table_access_method",
};

/* Return the number of such a setting that a statement makes, or -1. */
static int
setting_of(Node *node)
{
	if (!IsA(node, VariableSetStmt) || ((VariableSetStmt *) node)->name == NULL)
		return -1;
	for (size_t i = 0; i < lengthof(settings); i++)
	{
		if (strcmp(((VariableSetStmt *) node)->name, settings[i]) == 0)
			return (int) i;
	}
	return -1;
}

/* Append a statement of the script, with the comment before it. */
static void
append_statement(StringInfo result, const char *script, const RawStmt *stmt)
{
	const char *start = script + stmt->stmt_location;
	size_t		len = stmt->stmt_len > 0 ? (size_t) stmt->stmt_len :
	strlen(start);

	while (len > 0 && isspace((unsigned char) *start))
	{
		start++;
		len--;
	}
	if (result->len > 0)
		appendStringInfoString(result, "\n");
	appendBinaryStringInfo(result, start, (int) len);
	appendStringInfoString(result, ";\n");
}

/*
 * Return the statements of a script that make a relation, with what belongs to
 * it, palloc'd; "" if the script does not make it.  Modifies the script.
 * Raises an error if it cannot be parsed.
 */
char *
relation_script(char *script, const char *schema, const char *name)
{
	List	   *parsed = dump_script_parse(script);
	const RawStmt *current[lengthof(settings)] = {NULL};
	const RawStmt *emitted[lengthof(settings)] = {NULL};
	Wanted		wanted = {0};
	StringInfoData result;
	ListCell   *lc;

	initStringInfo(&result);
	dump_table_name(&wanted.relation, schema, name);
	foreach(lc, parsed)
	{
		CHECK_FOR_INTERRUPTS();
		note_part(&wanted, lfirst_node(RawStmt, lc)->stmt);
	}
	foreach(lc, parsed)
	{
		const RawStmt *stmt = lfirst_node(RawStmt, lc);
		int			setting = setting_of(stmt->stmt);

		CHECK_FOR_INTERRUPTS();
		if (setting >= 0)
			current[setting] = stmt;
		if (!names_relation(stmt->stmt) || !is_about(&wanted, stmt->stmt))
			continue;
		for (size_t i = 0; i < lengthof(settings); i++)
		{
			if (current[i] != emitted[i])
				append_statement(&result, script, current[i]);
			emitted[i] = current[i];
		}
		append_statement(&result, script, stmt);
	}
	return result.data;
}
