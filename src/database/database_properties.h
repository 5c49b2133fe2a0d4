/*-------------------------------------------------------------------------
 *
 * database_properties.h
 *	  Save and restore what CREATE DATABASE and ALTER DATABASE have set.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASE_PROPERTIES_H
#define SNAPSHOT_WORKER_DATABASE_PROPERTIES_H

#include "store/manifest.h"

extern void properties_read(Manifest *manifest, MemoryContext context);
extern List *properties_missing_roles(const Manifest *manifest);
extern const char *properties_missing_tablespace(const Manifest *manifest);
extern Oid	properties_create_database(const Manifest *manifest,
									   const char *name);
extern void properties_apply(const Manifest *manifest, const char *name,
							 const char *new_owner);
extern void properties_name_is_taken(const char *database);
extern void properties_check_name_is_free(const char *database);

#endif							/* SNAPSHOT_WORKER_DATABASE_PROPERTIES_H */
