/*-------------------------------------------------------------------------
 *
 * retention.h
 *	  The rules of retention: which snapshots to keep, given a list: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_RETENTION_H
#define SNAPSHOT_WORKER_RETENTION_H

#include "store/store.h"

/* How many to keep by each rule; 0 disables all but the first two. */
typedef struct RetentionRules
{
	int			scheduled;		/* newest scheduled ones, at least 1 */
	int			requested;		/* newest requested ones, at least 1 */
	int			days;			/* age */
	int			daily;			/* the newest of each of this many days */
	int			weekly;			/* ISO weeks */
	int			monthly;
	int			yearly;
	int			unarchived;		/* newest ones that wait to be archived */
} RetentionRules;

/* Reasons to keep a snapshot, as a set; the empty set removes it. */
typedef enum RetentionReason
{
	KEPT_SCHEDULED = 1 << 0,	/* among the newest scheduled ones */
	KEPT_BY_DAYS = 1 << 1,
	KEPT_DAILY = 1 << 2,
	KEPT_WEEKLY = 1 << 3,
	KEPT_MONTHLY = 1 << 4,
	KEPT_YEARLY = 1 << 5,
	KEPT_FAILED = 1 << 6,		/* bad, but among the newest */
	KEPT_PINNED = 1 << 7,
	KEPT_FOREIGN = 1 << 8,		/* another cluster's */
	KEPT_TO_ARCHIVE = 1 << 9,	/* by no other rule */
	KEPT_GONE = 1 << 10,		/* its database no longer exists */
	KEPT_REQUESTED = 1 << 11	/* among the newest requested ones */
} RetentionReason;

extern int *retention_judge(const List *snapshots, uint64 system_identifier,
							const char *newest, const RetentionRules *rules,
							TimestampTz now);
extern char *retention_describe(int reasons);

#endif							/* SNAPSHOT_WORKER_RETENTION_H */
