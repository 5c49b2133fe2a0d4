/*-------------------------------------------------------------------------
 *
 * verified_mark.c
 *	  The mark of a verified snapshot, verified.json in its directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/replace_file.h"
#include "store/verified_mark.h"
#include "util/files.h"
#include "util/json_record.h"

#define VERIFICATION_MAX_SIZE	((size_t) 256 * 1024)

static const RecordMember members[] = {
	{"name", RECORD_STRING, offsetof(Verification, name)},
	{"verified_at", RECORD_TIME, offsetof(Verification, verified_at)},
	{"level", RECORD_STRING, offsetof(Verification, level)},
	{"problem", RECORD_STRING_OR_NULL, offsetof(Verification, problem)},
};

/*
 * Write the result of a verification into the snapshot's directory at path,
 * replacing the previous one.  Raises an error on failure.
 */
void
verified_mark_write(const char *path, const Verification *verification)
{
	replace_file(psprintf("%s/%s", path, VERIFICATION_FILE),
				 record_format(members, lengthof(members), verification));
}

/*
 * Read the last result for the snapshot of that name from its directory.
 * Returns false if there is no valid one.  Raises no error.
 */
bool
verified_mark_read(const char *path, const char *name,
				  Verification *verification)
{
	memset(verification, 0, sizeof(*verification));
	return record_load(psprintf("%s/%s", path, VERIFICATION_FILE),
					   VERIFICATION_MAX_SIZE, members, lengthof(members),
					   verification, name);
}

/* Are two results for the same snapshot equal? */
bool
verified_mark_equal(const Verification *a, const Verification *b)
{
	return a->verified_at == b->verified_at &&
		strcmp(a->level, b->level) == 0 &&
		(a->problem == NULL) == (b->problem == NULL) &&
		(a->problem == NULL || strcmp(a->problem, b->problem) == 0);
}
