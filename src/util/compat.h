/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between the supported server versions.
 *
 * This is the only file that tests PG_VERSION_NUM.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COMPAT_H
#define SNAPSHOT_WORKER_COMPAT_H

#include "catalog/pg_database.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "lib/dshash.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "snapshot_worker needs PostgreSQL 15 or later"
#endif

/*
 * The Makefile hides all symbols but those marked PGDLLEXPORT, so that our
 * symbols and those of other libraries do not replace each other.  The word is
 * empty before 16, and PG_FUNCTION_INFO_V1() does not use it for the function.
 * Files that use either include this header first.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname) (void); \
const Pg_finfo_record * \
CppConcat(pg_finfo_, funcname) (void) \
{ \
	static const Pg_finfo_record info = {1}; \
	return &info; \
} \
extern int	no_such_variable
#endif

/* The major version of the server, as a number. */
#define SERVER_MAJOR_VERSION	(PG_VERSION_NUM / 10000)

/* JSON parser callbacks return a result since 16. */
#if PG_VERSION_NUM >= 160000
typedef JsonParseErrorType JsonActionResult;
#define JSON_ACTION_DONE return JSON_SUCCESS
#else
typedef void JsonActionResult;
#define JSON_ACTION_DONE return
#endif

/* A lexer can be created in place since 17. */
static inline JsonLexContext *
compat_json_lexer(char *text, size_t len, int encoding)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, len, encoding, true);
#else
	return makeJsonLexContextCstringLen(text, (int) len, encoding, true);
#endif
}

/* pg_dump supports methods other than gzip since 16. */
#if PG_VERSION_NUM >= 160000
#define PG_DUMP_KNOWS_METHODS true
#ifdef USE_ZSTD
#define DEFAULT_COMPRESSION "zstd:1"
#else
#define DEFAULT_COMPRESSION "gzip:1"
#endif
#else
#define PG_DUMP_KNOWS_METHODS false
#define DEFAULT_COMPRESSION "gzip:1"
#endif

/* Wait events can have names since 17. */
#if PG_VERSION_NUM >= 170000
#define compat_wait_event(name) WaitEventExtensionNew(name)
#else
#define compat_wait_event(name) ((void) (name), PG_WAIT_EXTENSION)
#endif

/* A hash table in dynamic shared memory whose keys are bytes. */
static inline void
compat_dshash_parameters(dshash_parameters *parameters, size_t key_size,
						 size_t entry_size, int tranche)
{
	memset(parameters, 0, sizeof(*parameters));
	parameters->key_size = key_size;
	parameters->entry_size = entry_size;
	parameters->compare_function = dshash_memcmp;
	parameters->hash_function = dshash_memhash;
#if PG_VERSION_NUM >= 170000
	parameters->copy_function = dshash_memcpy;
#endif
	parameters->tranche_id = tranche;
}

/* One function checks the ownership of objects of any kind since 16. */
#if PG_VERSION_NUM >= 160000
#define compat_owns_table(oid, role) \
	object_ownercheck(RelationRelationId, oid, role)
#define compat_owns_schema(oid, role) \
	object_ownercheck(NamespaceRelationId, oid, role)
#define compat_owns_database(oid, role) \
	object_ownercheck(DatabaseRelationId, oid, role)
#else
#define compat_owns_table(oid, role)	pg_class_ownercheck(oid, role)
#define compat_owns_schema(oid, role)	pg_namespace_ownercheck(oid, role)
#define compat_owns_database(oid, role) pg_database_ownercheck(oid, role)
#endif

/* A set of events that no resource owner knows of; its owner was new in 17. */
#if PG_VERSION_NUM >= 170000
#define compat_create_wait_event_set(n)	CreateWaitEventSet(NULL, n)
#else
#define compat_create_wait_event_set(n) \
	CreateWaitEventSet(TopMemoryContext, n)
#endif

/* Errors of names can be values since 16. */
#if PG_VERSION_NUM >= 160000
#define compat_qualified_name(string)	stringToQualifiedNameList(string, NULL)
#else
#define compat_qualified_name(string)	stringToQualifiedNameList(string)
#endif

/* One function checks privileges on objects of any kind since 16. */
#if PG_VERSION_NUM >= 160000
#define compat_schema_aclcheck(oid, role, mode) \
	object_aclcheck(NamespaceRelationId, oid, role, mode)
#else
#define compat_schema_aclcheck(oid, role, mode) \
	pg_namespace_aclcheck(oid, role, mode)
#endif

/* All sessions, numbered from 1 to pgstat_fetch_stat_numbackends(). */
#if PG_VERSION_NUM >= 160000
#define compat_get_session(i)	pgstat_get_local_beentry_by_index(i)
#else
#define compat_get_session(i)	pgstat_fetch_stat_local_beentry(i)
#endif

/* The file of a relation, by its number: the type was renamed in 16. */
#if PG_VERSION_NUM >= 160000
#define compat_filenode(relation) ((relation)->rd_locator.relNumber)
#define compat_tablespace(relation) ((relation)->rd_locator.spcOid)
#else
#define compat_filenode(relation) ((relation)->rd_node.relNode)
#define compat_tablespace(relation) ((relation)->rd_node.spcNode)
#endif

/*
 * A database whose DROP was interrupted; early minor releases do not mark it.
 */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

#endif							/* SNAPSHOT_WORKER_COMPAT_H */
