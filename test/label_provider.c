/*
 * A module of the server that accepts any security label.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 */
#include "postgres.h"

#include "commands/seclabel.h"
#include "fmgr.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static void
accept_label(const ObjectAddress *object, const char *label)
{
	(void) object;
	(void) label;
}

void
_PG_init(void)
{
	register_label_provider("test", accept_label);
}
