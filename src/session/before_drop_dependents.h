/*-------------------------------------------------------------------------
 *
 * before_drop_dependents.h
 *	  Find the objects that the server drops along with an object.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BEFORE_DROP_DEPENDENTS_H
#define SNAPSHOT_WORKER_BEFORE_DROP_DEPENDENTS_H

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

extern List *dependents_add(List *objects, Oid class_id, Oid object,
							int column);
extern bool dependents_find(const List *objects, DropBehavior behavior,
							List **tables);

#endif							/* SNAPSHOT_WORKER_BEFORE_DROP_DEPENDENTS_H */
