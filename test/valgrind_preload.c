/*
 * To be preloaded into a server that runs under valgrind.
 *
 * The packaged server is not built for it, so that valgrind would see only the
 * large blocks that palloc() cuts its chunks from: neither a use after pfree()
 * or after the end of a memory context, nor a write past the end of a chunk.
 * Here, each chunk gets a malloc() of its own, which valgrind watches to the
 * byte: an AllocSet does that for chunks above its allocChunkLimit, and the
 * limit is lowered to the size of the smallest, eight bytes, as soon as there
 * is a set.  Only these few stay unwatched.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>
#include <valgrind/memcheck.h>

#include "nodes/memnodes.h"
#include "utils/memutils.h"

#define SMALLEST_CHUNK	8
#define FREE_LISTS		11
#define COMPLAINT \
	"valgrind_preload: this server's memory contexts look unfamiliar\n"

#if PG_VERSION_NUM >= 160000
#define CHUNK_HEADER	8
#else
#define CHUNK_HEADER	16
#endif

/* Programs other than the server have this library too, but not these. */
#pragma weak GetMemoryChunkSpace

/* What the server keeps private, up to what is wanted of it. */
#define DEFINE_SET(name, type) \
typedef struct name \
{ \
	MemoryContextData header; \
	void	   *blocks; \
	void	   *free_lists[FREE_LISTS]; \
	type		init_size; \
	type		max_size; \
	type		next_size; \
	type		chunk_limit; \
} name

/* The sizes are narrower in newer servers. */
DEFINE_SET(WideSet, Size);
DEFINE_SET(NarrowSet, uint32);

static void
lower_limit(MemoryContext context, Size init_size, Size max_size)
{
	WideSet    *wide = (WideSet *) context;
	NarrowSet  *narrow = (NarrowSet *) context;

	if (wide->init_size == init_size && wide->max_size == max_size &&
		wide->next_size == init_size)
		wide->chunk_limit = SMALLEST_CHUNK;
	else if (narrow->init_size == init_size && narrow->max_size == max_size &&
			 narrow->next_size == init_size)
		narrow->chunk_limit = SMALLEST_CHUNK;
	else
	{
		(void) !write(STDERR_FILENO, COMPLAINT, sizeof(COMPLAINT) - 1);
		_exit(1);
	}
}

/* A chunk is rounded up to eight bytes: nobody may use those behind its end. */
static void *
guard_end(char *chunk, Size size)
{
	if (chunk != NULL && size > SMALLEST_CHUNK)
		(void) VALGRIND_MAKE_MEM_NOACCESS(chunk + size, MAXALIGN(size) - size);
	return chunk;
}

/* ... until the server resizes it, which takes it as it is. */
static void
unguard_end(char *chunk)
{
	Size		size = GetMemoryChunkSpace(chunk) - CHUNK_HEADER;
	unsigned char bits;

	for (char *byte = chunk + size - SMALLEST_CHUNK; byte < chunk + size; byte++)
	{
		/* not accessible */
		if (VALGRIND_GET_VBITS(byte, &bits, 1) == 3)
			(void) VALGRIND_MAKE_MEM_UNDEFINED(byte, 1);
	}
}

/* valgrind calls these in place of the functions of an executable. */
#define WRAPPER(function) I_WRAP_SONAME_FNNAME_ZU(NONE, function)

MemoryContext WRAPPER(AllocSetContextCreateInternal) (MemoryContext, const char *, Size, Size, Size);
MemoryContext
WRAPPER(AllocSetContextCreateInternal) (MemoryContext parent, const char *name,
										Size min_size, Size init_size, Size max_size)
{
	OrigFn		original;
	MemoryContext context;

	VALGRIND_GET_ORIG_FN(original);
	CALL_FN_W_5W(context, original, parent, name, min_size, init_size, max_size);
	lower_limit(context, init_size, max_size);
	return context;
}

#define WRAP_PALLOC(function) \
void *WRAPPER(function) (Size); \
void * \
WRAPPER(function) (Size size) \
{ \
	OrigFn		original; \
	void	   *chunk; \
\
	VALGRIND_GET_ORIG_FN(original); \
	CALL_FN_W_W(chunk, original, size); \
	return guard_end(chunk, size); \
}

#define WRAP_CONTEXT_ALLOC(function) \
void *WRAPPER(function) (MemoryContext, Size); \
void * \
WRAPPER(function) (MemoryContext context, Size size) \
{ \
	OrigFn		original; \
	void	   *chunk; \
\
	VALGRIND_GET_ORIG_FN(original); \
	CALL_FN_W_WW(chunk, original, context, size); \
	return guard_end(chunk, size); \
}

#define WRAP_REPALLOC(function) \
void *WRAPPER(function) (void *, Size); \
void * \
WRAPPER(function) (void *chunk, Size size) \
{ \
	OrigFn		original; \
\
	VALGRIND_GET_ORIG_FN(original); \
	unguard_end(chunk); \
	CALL_FN_W_WW(chunk, original, chunk, size); \
	return guard_end(chunk, size); \
}

WRAP_PALLOC(palloc)
WRAP_PALLOC(palloc0)
WRAP_CONTEXT_ALLOC(MemoryContextAlloc)
WRAP_CONTEXT_ALLOC(MemoryContextAllocZero)
WRAP_CONTEXT_ALLOC(MemoryContextAllocZeroAligned)
WRAP_CONTEXT_ALLOC(MemoryContextAllocHuge)
WRAP_REPALLOC(repalloc)
WRAP_REPALLOC(repalloc_huge)

/*
 * valgrind has the child that becomes a program run in memory of its own, from
 * which word of a failure does not come back.  So look beforehand.
 */
int
posix_spawn(pid_t *pid, const char *path,
			const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes,
			char *const argv[], char *const envp[])
{
	int			(*original) (pid_t *, const char *,
							 const posix_spawn_file_actions_t *,
							 const posix_spawnattr_t *,
							 char *const[], char *const[]);
	char		start[2];
	ssize_t		len;
	int			fd;

	if (access(path, X_OK) != 0)
		return errno;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
	{
		len = read(fd, start, sizeof(start));
		(void) close(fd);
		if (len < 0)
			return EACCES;
		if (len < 2 ||
			(memcmp(start, "#!", 2) != 0 && memcmp(start, "\177E", 2) != 0))
			return ENOEXEC;
	}
	*(void **) &original = dlsym(RTLD_NEXT, "posix_spawn");
	return original(pid, path, actions, attributes, argv, envp);
}
