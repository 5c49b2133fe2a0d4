/*-------------------------------------------------------------------------
 *
 * verify_outcome.c
 *	  Write the outcome of a verification beside the snapshot, and raise it.
 *
 * Three problems count against a snapshot: files that do not match its
 * manifest, a dump that pg_restore cannot read, and restored contents that
 * differ.  Each one is a Fault, which is written beside the snapshot and
 * raised as an error of class "data corrupted".  No other error of a
 * verification has that class.
 *
 * Servers that share the snapshot directory may verify the same snapshot at
 * the same time.  A verification that ends later but is less thorough must not
 * erase the problem that another one has found.  A verification therefore
 * clears a problem only if it began after the problem was found, and has at
 * least the same level.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "utils/timestamp.h"

#include "store/marks.h"
#include "store/snapshot_lock.h"
#include "util/errors.h"
#include "worker/verify_outcome.h"

/*
 * Has the snapshot's directory been removed?  A removed snapshot is not
 * damaged.
 */
bool
verify_outcome_is_removed(const StoredSnapshot *snapshot)
{
	struct stat st;

	return lstat(snapshot->path, &st) != 0 && errno == ENOENT;
}

void
verify_outcome_raise_removed(const StoredSnapshot *snapshot)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("snapshot \"%s\" was removed while it was verified",
					snapshot->name)));
}

/* Return the level of a verification. */
static VerifyLevel
level_of(const Verification *verification)
{
	VerifyLevel level = VERIFY_RESTORE;

	while (level > VERIFY_CHECKSUM &&
		   strcmp(verification->level, settings_verify_name(level)) != 0)
		level--;
	return level;
}

/*
 * Raise an error if a known problem is beyond this level of verification,
 * which therefore cannot clear it.
 */
static void
check_deeper_problem(const StoredSnapshot *snapshot, const Verification *known,
					 VerifyLevel level)
{
	if (known->problem == NULL || level_of(known) <= level)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 level_of(known) == VERIFY_RESTORE ?
			 errmsg("an earlier restore of snapshot \"%s\" found a problem",
					snapshot->name) :
			 errmsg("an earlier verification of the dump of snapshot \"%s\" found a problem",
					snapshot->name),
			 errdetail_internal("%s", known->problem),
			 level_of(known) == VERIFY_RESTORE ?
			 errhint("Its files match its manifest. Only another restore can show that the problem is gone: use restore => true.") :
			 errhint("Its files match its manifest. Only reading the dump again can show that the problem is gone: use snapshot_verify().")));
}

/*
 * Raise an error if another server found a problem during this verification.
 */
static void
check_newer_problem(const StoredSnapshot *snapshot, const Verification *known)
{
	if (known->problem == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a concurrent verification of snapshot \"%s\" found a problem",
					snapshot->name),
			 errdetail_internal("%s", known->problem),
			 errhint("Verify the snapshot again.")));
}

/*
 * Write the outcome of a verification; problem is NULL if the snapshot is
 * good.
 */
static void
write_mark(const StoredSnapshot *snapshot, VerifyLevel level, char *problem)
{
	Verification verification = {0};

	verification.name = snapshot->name;
	verification.verified_at = GetCurrentTimestamp();
	verification.level = pstrdup(settings_verify_name(level));
	verification.problem = problem;
	verified_mark_write(snapshot->path, &verification);
}

/*
 * Return the level to write for a good snapshot.  The caller has locked the
 * snapshot for marking.  Raises an error when a known problem remains.
 */
static VerifyLevel
good_level(const StoredSnapshot *snapshot, VerifyLevel level, bool keep)
{
	Verification known;

	if (!verified_mark_read(snapshot->path, snapshot->name, &known))
		return level;
	check_deeper_problem(snapshot, &known, level);
	if (!store_is_verified(snapshot) ||
		!verified_mark_equal(&known, &snapshot->verification))
	{
		check_newer_problem(snapshot, &known);
		keep = true;
	}
	return keep && known.problem == NULL ? Max(level, level_of(&known)) : level;
}

/*
 * Write that a snapshot is good up to a level.  snapshot is its state before
 * the verification.  If keep is set, a higher level of an earlier verification
 * of the same bytes is kept.  Raises an error when a known problem remains, or
 * when the outcome cannot be written.
 */
void
verify_outcome_good(const StoredSnapshot *snapshot, VerifyLevel level, bool keep)
{
	volatile VerifyLevel written = level;
	int			fd = snapshot_lock_for_marking(snapshot->path);

	PG_TRY();
	{
		written = good_level(snapshot, level, keep);
		write_mark(snapshot, written, NULL);
	}
	PG_FINALLY();
	{
		int			held = fd;

		snapshot_unlock(&held);
	}
	PG_END_TRY();
	ereport(LOG,
			(errmsg("verified snapshot \"%s\" (%s)", snapshot->name,
					settings_verify_name(written))));
}

/*
 * Write a problem that was found at a level.  A failure to write is a WARNING,
 * because the error to raise is the problem.
 */
static void
write_problem(const StoredSnapshot *snapshot, VerifyLevel level,
			  char *problem)
{
	MemoryContext caller = CurrentMemoryContext;
	int			fd = snapshot_lock_for_marking(snapshot->path);

	PG_TRY();
	{
		write_mark(snapshot, level, problem);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch_and_abort(caller);

		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not write the outcome of a verification: %s",
						edata->message)));
	}
	PG_END_TRY();
	snapshot_unlock(&fd);
}

/*
 * Write a problem beside a snapshot, and raise it as an error.  If the
 * snapshot has been removed meanwhile, the error says so instead.
 */
void
verify_outcome_bad(const StoredSnapshot *snapshot, const Fault *fault)
{
	if (verify_outcome_is_removed(snapshot))
		verify_outcome_raise_removed(snapshot);
	write_problem(snapshot, fault->level,
				  fault->detail == NULL ? pstrdup(fault->message) :
				  psprintf("%s\n%s", fault->message, fault->detail));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("%s", fault->message),
			 fault->detail != NULL ?
			 errdetail_internal("%s", fault->detail) : 0,
			 fault->hint != NULL ? errhint("%s", fault->hint) : 0));
}
