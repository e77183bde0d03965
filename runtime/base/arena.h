// Arenas: memory with one lifetime, freed whole.  The compiler allocates nowhere else.
#pragma once
#include "runtime/base/asan.h"
#include "runtime/base/assert.h"

typedef struct ArenaChunk {
  struct ArenaChunk *older;
  char *end;    // of the chunk
  char *next;   // where its free space began when a newer one was added
  bool lent;    // memory of somebody else
} ArenaChunk;
typedef struct ArenaOwn ArenaOwn;
enum { ARENA_OWN_BYTES = 256 << 10 }; // what is so large has a block of its own; less where memory counts (Arena.large)
typedef struct Arena {
  char *next, *end;                // free space of the newest chunk
  ArenaChunk *chunks;              // newest first
  ArenaChunk *spare;               // the largest one released, kept for the next need
  ArenaOwn *own;                   // large allocations, newest first: each is a block of its own
  uint64_t last_own;               // the newest one's number so far
  ArenaOwn *spare_own;             // those released and kept for the next need, the latest first
  uint64_t spare_own_bytes, spare_own_most; // in them; the most to keep, 0 = none
  uint64_t bytes;                  // in all chunks and blocks
  size_t large;                    // what is as large has a block of its own; 0 = ARENA_OWN_BYTES, and no more
  bool tight;                      // chunks are hardly larger than what needs them
  bool sparse;                     // large arrays of zeros are not touched before somebody writes to them
  size_t first_bytes;              // of the first chunk; 0 = a small one.  Pages that nobody touches cost nothing
  uint64_t max_bytes;              // more than this fails like out of memory; 0 = no limit
  void (*nomem)(void *arg);        // called instead of returning NULL; must not return.  May be NULL
  void *nomem_arg;
} Arena;
static inline size_t zw_arena_large(const Arena *a) { return a->large ? a->large : ARENA_OWN_BYTES; }
typedef struct ArenaMark { ArenaChunk *chunk; char *next; uint64_t own; } ArenaMark;

void zw_arena_init(Arena *a, void (*nomem)(void *arg), void *nomem_arg);
// Free everything.  The arena may be used again.
void zw_arena_free(Arena *a);
// Everything allocated in `from` belongs to `a` from now on; `from` is empty then.
void zw_arena_adopt(Arena *a, Arena *from);
// Keep the largest chunk for the next round, free the rest.
void zw_arena_reset(Arena *a);
// Memory of somebody else, who has no more use for it and outlives the arena: the next chunk, if it is large enough.  Its pages go
// back to the system when the arena would free it.
void zw_arena_lend(Arena *a, void *p, size_t bytes);
// Give back what is only kept for the next need.
void zw_arena_trim(Arena *a);
// The same, and the pages that are free in the newest chunk: what was in them is gone.
void zw_arena_give_back(Arena *a);
// Scratch use: everything allocated after mark is gone after release.
ArenaMark zw_arena_mark(const Arena *a);
void zw_arena_release(Arena *a, ArenaMark m);

// Zeroed; `align` a power of two up to 64.  NULL only when a->nomem is NULL.
void *zw_arena_slow(Arena *a, size_t bytes, size_t align);
// n objects of that size, stale: for large arrays that the caller writes before it reads them.  The product is checked.
void *zw_arena_stale_slow(Arena *a, size_t n, size_t size, size_t align);
void *zw_arena_array_slow(Arena *a, size_t n, size_t size, size_t align); // zeroed
// Something allocated here that nobody needs any more: its memory is free at once if it was large, else later.
void zw_arena_drop(Arena *a, const void *p);
// An array becomes longer; it may move, and then the old one is dropped.  What is behind its first `used` bytes is stale.
void *zw_arena_grow(Arena *a, void *p, size_t used, size_t old_bytes, size_t bytes);
// The same at its lower end: the last old_bytes of what is returned are the old array.
void *zw_arena_grow_down(Arena *a, void *p, size_t old_bytes, size_t bytes);

// What fits into the newest chunk takes a dozen instructions.  NULL: it does not, or there is more to do.
static inline __attribute__((always_inline)) char *zw_arena_quick(Arena *a, size_t n, size_t size, size_t align)
{
  uintptr_t p = ((uintptr_t)a->next + align - 1) & ~(uintptr_t)(align - 1);
  bool small = n < ARENA_OWN_BYTES && size < ARENA_OWN_BYTES && n * size < ARENA_OWN_BYTES;
  if (ZW_REDZONE > 0 || !small || (intptr_t)(n * size) >= (intptr_t)((uintptr_t)a->end - p))
    return NULL;
  a->next = (char *)p + n * size;
  return (char *)p;
}
static inline void *zw_arena_stale(Arena *a, size_t n, size_t size, size_t align)
{
  char *p = zw_arena_quick(a, n, size, align);
  return p ? p : zw_arena_stale_slow(a, n, size, align);
}
static inline void *zw_arena_array(Arena *a, size_t n, size_t size, size_t align)
{
  char *p = zw_arena_quick(a, n, size, align);
  return p ? __builtin_memset(p, 0, n * size) : zw_arena_array_slow(a, n, size, align);
}
static inline void *zw_arena_alloc(Arena *a, size_t bytes, size_t align) { return zw_arena_array(a, bytes, 1, align); }
#define zw_stale_array(a, T, n) ((T *)zw_arena_stale((a), (n), sizeof(T), _Alignof(T)))
#define zw_new(a, T) ((T *)zw_arena_alloc((a), sizeof(T), _Alignof(T)))
#define zw_new_array(a, T, n) ((T *)zw_arena_array((a), (n), sizeof(T), _Alignof(T)))
// Bytes copied into the arena with a NUL after them.
char *zw_arena_str(Arena *a, const char *s, size_t len);
