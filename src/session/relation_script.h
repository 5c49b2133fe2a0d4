/*-------------------------------------------------------------------------
 *
 * relation_script.h
 *	  The statements of a dump that make one relation.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RELATION_SCRIPT_H
#define SNAPSHOT_WORKER_RELATION_SCRIPT_H

extern char *relation_script(char *script, const char *schema,
							 const char *name);

#endif							/* SNAPSHOT_WORKER_RELATION_SCRIPT_H */
