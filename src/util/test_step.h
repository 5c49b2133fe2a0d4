/*-------------------------------------------------------------------------
 *
 * test_step.h
 *	  Places at which a test can hold up a process; nothing in other builds.
 *
 * A build with -DSNAPSHOT_WORKER_TEST_STEPS waits at a place for as long as
 * the file "hold_snapshot_at" in the data directory consists of its name.
 * Meanwhile that shows in the process's activity.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TEST_STEP_H
#define SNAPSHOT_WORKER_TEST_STEP_H

#ifdef SNAPSHOT_WORKER_TEST_STEPS
extern void test_step(const char *name);
#else
#define test_step(name) ((void) 0)
#endif

#endif							/* SNAPSHOT_WORKER_TEST_STEP_H */
