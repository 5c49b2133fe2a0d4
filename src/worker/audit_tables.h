/*-------------------------------------------------------------------------
 *
 * audit_tables.h
 *	  Compare tables that seem unchanged with what the base has of them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_AUDIT_TABLES_H
#define SNAPSHOT_WORKER_AUDIT_TABLES_H

#include "worker/run_context.h"

extern void audit_tables(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_AUDIT_TABLES_H */
