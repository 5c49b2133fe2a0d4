/*-------------------------------------------------------------------------
 *
 * test_step.h
 *	  Places where a test can stop a process; empty in normal builds.
 *
 * A build with -DSNAPSHOT_WORKER_TEST_STEPS waits at a place as long as the
 * file "hold_snapshot_at" in the data directory consists of its name.  The
 * process's activity shows the place meanwhile.
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
