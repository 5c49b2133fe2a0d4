/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  A memory context in which every chunk is an allocation of its own.
 *
 * The server's contexts carve chunks out of large blocks, inside of which the
 * address sanitizer sees no bounds.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fuzz.h"
#include "lib/ilist.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM < 160000

typedef struct FuzzContext
{
	MemoryContextData header;
	dlist_head	chunks;
} FuzzContext;

/* The server finds the context of a chunk in the word before it. */
typedef struct Chunk
{
	dlist_node	node;
	Size		size;
	MemoryContext context;
} Chunk;

static Chunk *
chunk_of(void *pointer)
{
	return (Chunk *) pointer - 1;
}

static void *
fuzz_alloc(MemoryContext context, Size size)
{
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);

	if (chunk == NULL)
		return NULL;
	dlist_push_head(&((FuzzContext *) context)->chunks, &chunk->node);
	chunk->size = size;
	chunk->context = context;
	return chunk + 1;
}

static void
fuzz_free(MemoryContext context, void *pointer)
{
	dlist_delete(&chunk_of(pointer)->node);
	free(chunk_of(pointer));
}

static void *
fuzz_realloc(MemoryContext context, void *pointer, Size size)
{
	void	   *moved = fuzz_alloc(context, size);

	if (moved != NULL)
	{
		memcpy(moved, pointer, Min(size, chunk_of(pointer)->size));
		fuzz_free(context, pointer);
	}
	return moved;
}

static void
fuzz_reset(MemoryContext context)
{
	dlist_head *chunks = &((FuzzContext *) context)->chunks;

	while (!dlist_is_empty(chunks))
		free(dlist_container(Chunk, node, dlist_pop_head_node(chunks)));
}

static void
fuzz_delete(MemoryContext context)
{
	fuzz_reset(context);
	free(context);
}

static Size
fuzz_chunk_space(MemoryContext context, void *pointer)
{
	return sizeof(Chunk) + chunk_of(pointer)->size;
}

static bool
fuzz_is_empty(MemoryContext context)
{
	return dlist_is_empty(&((FuzzContext *) context)->chunks);
}

static void
fuzz_stats(MemoryContext context, MemoryStatsPrintFunc print, void *passthru,
		   MemoryContextCounters *totals, bool print_to_stderr)
{
}

static const MemoryContextMethods methods = {
	fuzz_alloc,
	fuzz_free,
	fuzz_realloc,
	fuzz_reset,
	fuzz_delete,
	fuzz_chunk_space,
	fuzz_is_empty,
	fuzz_stats
};

MemoryContext
fuzz_memory_create(void)
{
	FuzzContext *context = malloc(sizeof(FuzzContext));

	if (context == NULL)
		abort();
	dlist_init(&context->chunks);
	/* the server knows its own kinds only */
	MemoryContextCreate(&context->header, T_AllocSetContext, &methods,
						TopMemoryContext, "fuzzing");
	return &context->header;
}

#else

/* From 16 on the kinds of contexts are fixed: only whole blocks are watched. */
MemoryContext
fuzz_memory_create(void)
{
	return AllocSetContextCreate(TopMemoryContext, "fuzzing",
								 ALLOCSET_SMALL_SIZES);
}

#endif
