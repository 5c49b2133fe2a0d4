/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What fuzzes the parsers, inside of a real server process.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FUZZ_H
#define SNAPSHOT_WORKER_FUZZ_H

#include "store/staging.h"

/* What a file has that is to be read; see __wrap_files_read. */
typedef struct FuzzFile
{
	const uint8 *data;
	size_t		size;
} FuzzFile;

extern FuzzFile fuzz_file;

typedef void (*fuzz_target) (const uint8 *data, size_t size);

/* What has to be true of every input. */
#define PROMISE(condition) \
	do { \
		if (!(condition)) \
			fuzz_broken_promise(#condition, __FILE__, __LINE__); \
	} while (0)

extern void fuzz_broken_promise(const char *condition, const char *file,
								int line) pg_attribute_noreturn();
extern fuzz_target fuzz_find_target(const char *name);
extern MemoryContext fuzz_memory_create(void);

#endif							/* SNAPSHOT_WORKER_FUZZ_H */
