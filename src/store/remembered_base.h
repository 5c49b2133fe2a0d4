/*-------------------------------------------------------------------------
 *
 * remembered_base.h
 *	  Which snapshot the data directory remembers as the base of a database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_REMEMBERED_BASE_H
#define SNAPSHOT_WORKER_REMEMBERED_BASE_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"

typedef struct RememberedBase
{
	char	   *name;			/* of the snapshot */
	char	   *nonce;			/* as in its base.json */
	int64		timeline;		/* of end_lsn */
	XLogRecPtr	end_lsn;		/* as in its base.json */
	TimestampTz full_at;		/* start of the last full run */
	int64		suspect;		/* 1 after an audit that found a difference */
} RememberedBase;

extern RememberedBase *remembered_base_read(Oid database);
extern void remembered_base_write(Oid database, const RememberedBase *base);
extern void remembered_base_forget_future(void);
extern const char *remembered_base_first_suspect(void);

#endif							/* SNAPSHOT_WORKER_REMEMBERED_BASE_H */
