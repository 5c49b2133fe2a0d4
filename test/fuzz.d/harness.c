/*-------------------------------------------------------------------------
 *
 * harness.c
 *	  libFuzzer inside of a real server process.
 *
 * The parsers call the server's own JSON parser, memory contexts, encodings
 * and timestamp arithmetic; so the fuzzer is loaded into a server in
 * single-user mode, by LOAD, and never comes back from there.  Its command
 * line is in the environment: FUZZ_TARGET, and FUZZ_ARGUMENTS, one on a line.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "fmgr.h"
#include "fuzz.h"
#include "utils/memutils.h"

#include "util/files.h"

PG_MODULE_MAGIC;

#define MAX_ARGUMENTS	32

FuzzFile	fuzz_file;

static fuzz_target target;
static MemoryContext memory;

extern PGDLLEXPORT void _PG_init(void);
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*callback) (const uint8 *data, size_t size));
extern char *__wrap_files_read(const char *path, size_t limit, size_t *len,
							   const char **problem);
extern char *__wrap_files_read_end(const char *path, size_t limit,
								   size_t *len, const char **problem);

void
fuzz_broken_promise(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
	abort();
}

/* In place of files_read: every file has what is in fuzz_file. */
char *
__wrap_files_read(const char *path, size_t limit, size_t *len,
				  const char **problem)
{
	char	   *text = palloc(fuzz_file.size + 1);

	memcpy(text, fuzz_file.data, fuzz_file.size);
	text[fuzz_file.size] = '\0';
	*len = fuzz_file.size;
	return text;
}

char *
__wrap_files_read_end(const char *path, size_t limit, size_t *len,
					  const char **problem)
{
	return __wrap_files_read(path, limit, len, problem);
}

/* Nothing that is fuzzed may raise an error. */
static int
run_one(const uint8 *data, size_t size)
{
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		target(data, size);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(TopMemoryContext);
		fprintf(stderr, "raised an error: %s\n", CopyErrorData()->message);
		abort();
	}
	PG_END_TRY();
	MemoryContextReset(memory);
	return 0;
}

void
_PG_init(void)
{
	static const int own_signals[] = {SIGALRM, SIGFPE, SIGINT, SIGTERM};
	char	   *argv_space[MAX_ARGUMENTS + 1] = {"fuzz"};
	char	  **argv = argv_space;
	int			argc = 1;
	char	   *arguments = pstrdup(getenv("FUZZ_ARGUMENTS"));

	target = fuzz_find_target(getenv("FUZZ_TARGET"));
	memory = fuzz_memory_create();
	for (char *p = strtok(arguments, "\n"); p != NULL && argc < MAX_ARGUMENTS;
		 p = strtok(NULL, "\n"))
		argv[argc++] = p;

	/* libFuzzer leaves signals alone that the server has taken */
	for (size_t i = 0; i < lengthof(own_signals); i++)
		signal(own_signals[i], SIG_DFL);
	exit(LLVMFuzzerRunDriver(&argc, &argv, run_one));
}
