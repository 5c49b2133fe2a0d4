/*-------------------------------------------------------------------------
 *
 * restore_report.c
 *	  What a restore reports to the session that requested it.
 *
 * The session creates a segment of dynamic shared memory for the report, and
 * passes its handle with the request.  The worker writes into it before it
 * sets the outcome of the run, and the session reads it after that, so they
 * need no lock.  The segment lives as long as the session's query.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/restore_report.h"

/* Room for the warnings; what does not fit is only in the server's log. */
#define REPORT_SIZE		((size_t) 256 * 1024)

/* How many warnings have their texts; later ones only name the object. */
#define REPORT_FULL_WARNINGS	100

struct RestoreReport
{
	RestoreTotals totals;
	int			warnings;
	size_t		used;
	char		text[FLEXIBLE_ARRAY_MEMBER];	/* object, message and detail
												 * of each warning, all with
												 * the byte that ends them */
};

#define REPORT_TEXT_SIZE	(REPORT_SIZE - offsetof(RestoreReport, text))

/* Create an empty report.  Raises an error when no memory is left. */
dsm_segment *
restore_report_create(void)
{
	dsm_segment *segment = dsm_create(REPORT_SIZE, 0);

	memset(dsm_segment_address(segment), 0, offsetof(RestoreReport, text));
	return segment;
}

/*
 * Attach to the report of a session until this process ends.  Returns NULL if
 * the session has given it up.
 */
RestoreReport *
restore_report_attach(dsm_handle handle)
{
	dsm_segment *segment = dsm_attach(handle);

	if (segment == NULL)
		return NULL;
	dsm_pin_mapping(segment);
	return dsm_segment_address(segment);
}

/* Add a warning, if there is room for it. */
void
restore_report_add(RestoreReport *report, const RestoreWarning *warning)
{
	bool		full = report->warnings < REPORT_FULL_WARNINGS;
	const char *parts[] = {
		warning->object,
		full ? warning->message : "",
		full ? warning->detail : "",
	};
	size_t		size = 0;

	for (size_t i = 0; i < lengthof(parts); i++)
		size += strlen(parts[i]) + 1;
	if (size > REPORT_TEXT_SIZE - report->used)
		return;
	for (size_t i = 0; i < lengthof(parts); i++)
	{
		size = strlen(parts[i]) + 1;
		memcpy(report->text + report->used, parts[i], size);
		report->used += size;
	}
	report->warnings++;
}

void
restore_report_set_totals(RestoreReport *report, const RestoreTotals *totals)
{
	report->totals = *totals;
}

/*
 * Read the report: the totals, and the warnings as a list of RestoreWarning,
 * palloc'd.  Their texts stay in the segment; after the first ones, they have
 * no message.
 */
List *
restore_report_read(dsm_segment *segment, RestoreTotals *totals)
{
	const RestoreReport *report = dsm_segment_address(segment);
	const char *p = report->text;
	List	   *warnings = NIL;

	*totals = report->totals;
	for (int i = 0; i < report->warnings; i++)
	{
		RestoreWarning *warning = palloc(sizeof(RestoreWarning));

		warning->object = p;
		warning->message = warning->object + strlen(warning->object) + 1;
		warning->detail = warning->message + strlen(warning->message) + 1;
		p = warning->detail + strlen(warning->detail) + 1;
		warnings = lappend(warnings, warning);
	}
	return warnings;
}
