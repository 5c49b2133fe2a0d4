/*-------------------------------------------------------------------------
 *
 * restore_result.c
 *	  The warnings and the row of snapshot_restore(), from the worker's report.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "session/restore_result.h"
#include "session/sql_util.h"

/* Give the hint for an object that was left out, by its name. */
static int
hint_of(const char *object)
{
	if (strncmp(object, "FK CONSTRAINT ", strlen("FK CONSTRAINT ")) != 0)
		return 0;
	return errhint("Repair the rows, and add the foreign key. NOT VALID adds it without a check of existing rows.");
}

/* Raise a warning of the report; return whether it had a text. */
static bool
raise_warning(const RestoreWarning *warning)
{
	const char *detail = sql_clean_text(warning->detail);

	if (warning->message[0] == '\0')
		return false;
	if (warning->object[0] == '\0')
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg_internal("%s", sql_clean_text(warning->message))));
	else
		ereport(WARNING,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not restore %s: %s",
						sql_clean_text(warning->object),
						sql_clean_text(warning->message)),
				 detail[0] != '\0' ? errdetail_internal("%s", detail) : 0,
				 hint_of(warning->object)));
	return true;
}

/*
 * Read the report of a restore: raise its warnings, and return the names of
 * the objects that were left out, an array of text.  Detaches from the report.
 */
Datum
restore_result_left_out(dsm_segment *report, RestoreTotals *totals)
{
	List	   *warnings = restore_report_read(report, totals);
	ArrayBuildState *left_out = initArrayResult(TEXTOID, CurrentMemoryContext,
												false);
	int64		raised = 0;
	ListCell   *lc;

	foreach(lc, warnings)
	{
		const RestoreWarning *warning = lfirst(lc);

		if (raise_warning(warning) && warning->object[0] != '\0')
			raised++;
		if (warning->object[0] != '\0')
			left_out = accumArrayResult(left_out, sql_text_datum(warning->object),
										false, TEXTOID, CurrentMemoryContext);
	}
	if (raised < totals->left_out)
		ereport(WARNING,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not restore " INT64_FORMAT " more objects",
						totals->left_out - raised),
				 errdetail("The server log names each of them, with its error.")));
	dsm_detach(report);
	return makeArrayResult(left_out, CurrentMemoryContext);
}

/*
 * Raise the warnings of a restore, and return its row: the database, tables
 * and rows restored, seconds taken, and objects left out.
 */
Datum
restore_result(FunctionCallInfo fcinfo, const char *target,
			   dsm_segment *report)
{
	RestoreTotals totals;
	Datum		left_out = restore_result_left_out(report, &totals);
	Datum		values[5] = {0};
	bool		nulls[5] = {0};
	int			i = 0;

	values[i++] = sql_name_datum(target);
	values[i++] = Int64GetDatum(totals.tables);
	values[i++] = Int64GetDatum(totals.rows);
	values[i++] = Float8GetDatum(totals.seconds);
	values[i++] = left_out;
	Assert(i == lengthof(values));
	return sql_row_datum(fcinfo, values, nulls);
}
