/*-------------------------------------------------------------------------
 *
 * late_partitions.h
 *	  Remember what fails of a table until it is a partition of the wanted one.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LATE_PARTITIONS_H
#define SNAPSHOT_WORKER_LATE_PARTITIONS_H

#include "shmem/restore_notes.h"

extern void late_partitions_note(Oid table, const char *object,
								 const char *message);
extern void late_partitions_trouble(Oid table, int sqlerrcode,
									const char *message);
extern void late_partitions_attached(Oid partition, RestoreNotes *notes);

#endif							/* SNAPSHOT_WORKER_LATE_PARTITIONS_H */
