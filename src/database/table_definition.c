/*-------------------------------------------------------------------------
 *
 * table_definition.c
 *	  A digest of all that the text of a table's COPY depends on but its rows.
 *
 * COPY writes each value with the output function of its type.  The digest
 * covers the columns, their types, the types that those are made of, and the
 * settings that output functions obey.  Equal digests before two COPYs of
 * equal rows mean equal text.
 *
 * Catalog rows are read from the caches that COPY itself uses, and not with
 * the MVCC snapshot.  Each row is in the digest with its raw xmin, which any
 * update changes: a label of an enum that is renamed and renamed back while
 * COPY runs leaves the same label in another row.  For that reason the digest
 * is computed before COPY starts, never after it.
 *
 * Volatility says nothing about an output function: byteaout() is immutable
 * and obeys "bytea_output".  So the output functions that count are listed
 * here.  Those of the list depend on the value, and on the settings below,
 * alone.  Types whose text depends on a catalog (regclass and its kin,
 * aclitem) or on a locale (money) are not in it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "database/table_definition.h"

/* Output functions of types that hold no other types, by their C functions. */
static const char *const scalar_output[] = {
	"bit_out", "boolout", "box_out", "bpcharout", "byteaout", "charout",
	"cidout", "cidr_out", "circle_out", "date_out", "float4out", "float8out",
	"inet_out", "int2out", "int2vectorout", "int4out", "int8out",
	"interval_out", "json_out", "jsonb_out", "jsonpath_out", "line_out",
	"lseg_out", "macaddr8_out", "macaddr_out", "nameout", "numeric_out",
	"oidout", "oidvectorout", "path_out", "pg_lsn_out", "point_out",
	"poly_out", "textout", "tidout", "time_out", "timestamp_out",
	"timestamptz_out", "timetz_out", "tsqueryout", "tsvectorout", "uuid_out",
	"varbit_out", "varcharout", "xid8out", "xidout", "xml_out",
};

/* Settings that one of these output functions obeys. */
static const char *const settings[] = {
	"DateStyle", "IntervalStyle", "TimeZone", "bytea_output",
	"client_encoding", "extra_float_digits",
};

/* What a digest is computed of. */
typedef struct Definition
{
	StringInfoData text;
	List	   *types;			/* OIDs of the types that are in it */
} Definition;

static bool add_type(Definition *definition, Oid type);

static TransactionId
raw_xmin(HeapTuple tuple)
{
	return HeapTupleHeaderGetRawXmin(tuple->t_data);
}

/*
 * Add a type's output function.  Returns its C function, palloc'd, or NULL
 * where it is not one of the server's own.  An extension's type can have one
 * of those, too, as citext has.
 */
static char *
add_output_function(Definition *definition, Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *source = NULL;
	Datum		value;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	value = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (!isnull &&
		((Form_pg_proc) GETSTRUCT(tuple))->prolang == INTERNALlanguageId)
		source = TextDatumGetCString(value);
	appendStringInfo(&definition->text, "function %u %u\n", function,
					 raw_xmin(tuple));
	ReleaseSysCache(tuple);
	return source;
}

static bool
is_scalar_output(const char *source)
{
	for (size_t i = 0; i < lengthof(scalar_output); i++)
	{
		if (strcmp(scalar_output[i], source) == 0)
			return true;
	}
	return false;
}

/* Add a column of a relation and its type. */
static bool
add_attribute(Definition *definition, Oid relation, AttrNumber number)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relation),
										Int16GetDatum(number));
	Form_pg_attribute attribute;
	bool		known;

	if (!HeapTupleIsValid(tuple))
		return false;
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	/* the row has the value of rows that are older than the column, too */
	appendStringInfo(&definition->text,
					 "attribute %u %d \"%s\" %u %d %d %d %d %u\n",
					 relation, number, NameStr(attribute->attname),
					 attribute->atttypid, attribute->atttypmod,
					 attribute->attisdropped, attribute->attgenerated,
					 attribute->atthasmissing, raw_xmin(tuple));
	known = attribute->attisdropped ||
		add_type(definition, attribute->atttypid);
	ReleaseSysCache(tuple);
	return known;
}

/* Add the columns of a composite type. */
static bool
add_row_type(Definition *definition, Oid type)
{
	TupleDesc	description = lookup_rowtype_tupdesc(type, -1);
	Oid			relation = get_typ_typrelid(type);
	bool		known = OidIsValid(relation);

	for (int i = 1; known && i <= description->natts; i++)
		known = add_attribute(definition, relation, i);
	ReleaseTupleDesc(description);
	return known;
}

typedef struct EnumLabel
{
	Oid			oid;
	TransactionId xmin;
	NameData	label;
} EnumLabel;

static int
compare_labels(const void *a, const void *b)
{
	const EnumLabel *x = a;
	const EnumLabel *y = b;

	return (x->oid > y->oid) - (x->oid < y->oid);
}

/* Add the labels of an enum. */
static void
add_enum_labels(Definition *definition, Oid type)
{
	CatCList   *list = SearchSysCacheList1(ENUMTYPOIDNAME,
										   ObjectIdGetDatum(type));
	EnumLabel  *labels = palloc(Max(list->n_members, 1) * sizeof(EnumLabel));

	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple	tuple = &list->members[i]->tuple;
		Form_pg_enum row = (Form_pg_enum) GETSTRUCT(tuple);

		labels[i].oid = row->oid;
		labels[i].xmin = raw_xmin(tuple);
		labels[i].label = row->enumlabel;
	}
	qsort(labels, list->n_members, sizeof(EnumLabel), compare_labels);
	for (int i = 0; i < list->n_members; i++)
		appendStringInfo(&definition->text, "label %u %u \"%s\"\n",
						 labels[i].oid, labels[i].xmin,
						 NameStr(labels[i].label));
	ReleaseSysCacheList(list);
	pfree(labels);
}

/* Add what a type is made of.  The C function of its output is given. */
static bool
add_parts(Definition *definition, Form_pg_type type, const char *output)
{
	switch (type->typtype)
	{
		case TYPTYPE_BASE:
			if (IsTrueArrayType(type))
				return strcmp(output, "array_out") == 0 &&
					add_type(definition, type->typelem);
			return is_scalar_output(output);
		case TYPTYPE_DOMAIN:
			return add_type(definition, type->typbasetype);
		case TYPTYPE_ENUM:
			add_enum_labels(definition, type->oid);
			return strcmp(output, "enum_out") == 0;
		case TYPTYPE_RANGE:
			return strcmp(output, "range_out") == 0 &&
				add_type(definition, get_range_subtype(type->oid));
		case TYPTYPE_MULTIRANGE:
			return strcmp(output, "multirange_out") == 0 &&
				add_type(definition, get_multirange_range(type->oid));
		case TYPTYPE_COMPOSITE:
			return strcmp(output, "record_out") == 0 &&
				add_row_type(definition, type->oid);
		default:
			return false;
	}
}

/* Add a type.  Returns false where its text cannot be relied on. */
static bool
add_type(Definition *definition, Oid type)
{
	HeapTuple	tuple;
	Form_pg_type form;
	char	   *output;
	bool		known;

	check_stack_depth();
	if (list_member_oid(definition->types, type))
		return true;
	definition->types = lappend_oid(definition->types, type);
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	appendStringInfo(&definition->text, "type %u %u %c %d %u %u %u %u\n",
					 type, raw_xmin(tuple), form->typtype, form->typdelim,
					 form->typelem, form->typbasetype, form->typrelid,
					 form->typoutput);
	output = add_output_function(definition, form->typoutput);
	known = output != NULL && add_parts(definition, form, output);
	ReleaseSysCache(tuple);
	return known;
}

/*
 * Write the digest of a table for a COPY of these columns, a list of String
 * nodes, into digest, SHA256_HEX_SIZE bytes.  Returns false where the text of
 * some column can change while rows and catalog rows do not.  The caller has
 * locked the table, and calls this before COPY starts.
 */
bool
table_definition_digest(Relation relation, const List *columns, char *digest)
{
	Definition	definition = {.types = NIL};
	Oid			oid = RelationGetRelid(relation);
	bool		known = columns != NIL &&
	pg_get_client_encoding() == GetDatabaseEncoding();
	ListCell   *lc;

	/* locks that pg_dump holds already do not bring caches up to date */
	AcceptInvalidationMessages();
	initStringInfo(&definition.text);
	for (size_t i = 0; i < lengthof(settings); i++)
		appendStringInfo(&definition.text, "setting %s\n",
						 GetConfigOption(settings[i], false, false));
	foreach(lc, columns)
	{
		AttrNumber	number = get_attnum(oid, strVal(lfirst(lc)));

		known = known && number > 0 &&
			add_attribute(&definition, oid, number);
	}
	if (known)
		file_digest_text(definition.text.data, definition.text.len, digest);
	pfree(definition.text.data);
	list_free(definition.types);
	return known;
}
