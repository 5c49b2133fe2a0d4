/*-------------------------------------------------------------------------
 *
 * errors.c
 *	  Conversion of errors to values and back.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "util/errors.h"

/*
 * Return the error that a PG_CATCH() block has caught, palloc'd in a memory
 * context, and switch to that context.  This ends the handling of the error;
 * ReThrowError() raises it again.  Does not abort the transaction.
 */
ErrorData *
error_catch(MemoryContext context)
{
	ErrorData  *edata;

	MemoryContextSwitchTo(context);
	edata = CopyErrorData();
	FlushErrorState();
	return edata;
}

/* As error_catch(), and abort the transaction, if there is one. */
ErrorData *
error_catch_and_abort(MemoryContext context)
{
	ErrorData  *edata = error_catch(context);

	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	return edata;
}

/*
 * Report an error from its texts, at any level.  An empty detail or hint, or
 * NULL, is left out.
 */
void
error_report(int elevel, int sqlerrcode, const char *message,
			 const char *detail, const char *hint)
{
	ErrorData	edata = {0};

	edata.elevel = elevel;
	edata.sqlerrcode = sqlerrcode;
	edata.message = unconstify(char *, message);
	if (detail != NULL && detail[0] != '\0')
		edata.detail = unconstify(char *, detail);
	if (hint != NULL && hint[0] != '\0')
		edata.hint = unconstify(char *, hint);
	ThrowErrorData(&edata);
}
