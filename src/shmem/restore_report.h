/*-------------------------------------------------------------------------
 *
 * restore_report.h
 *	  What a restore reports to the session that requested it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RESTORE_REPORT_H
#define SNAPSHOT_WORKER_RESTORE_REPORT_H

#include "nodes/pg_list.h"
#include "storage/dsm.h"

/* Room for a name in double quotes, a dot, and the byte that ends it. */
#define QUOTED_NAME_SIZE	(2 * NAMEDATALEN + 4)

typedef struct RestoreReport RestoreReport;

/* A WARNING of a restore. */
typedef struct RestoreWarning
{
	const char *object;			/* left out; "" for a change */
	const char *message;
	const char *detail;			/* "" for none */
} RestoreWarning;

typedef struct RestoreTotals
{
	int64		tables;			/* whose rows were restored */
	int64		rows;
	double		seconds;
	int64		left_out;		/* objects */
	char		table[2 * QUOTED_NAME_SIZE];	/* if one was restored: its
												 * qualified name */
} RestoreTotals;

extern dsm_segment *restore_report_create(void);
extern RestoreReport *restore_report_attach(dsm_handle handle);
extern void restore_report_add(RestoreReport *report,
							   const RestoreWarning *warning);
extern void restore_report_set_totals(RestoreReport *report,
									  const RestoreTotals *totals);
extern List *restore_report_read(dsm_segment *segment, RestoreTotals *totals);

#endif							/* SNAPSHOT_WORKER_RESTORE_REPORT_H */
