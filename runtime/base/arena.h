// Arenas: memory with one lifetime, freed whole.  The compiler allocates nowhere else.
#pragma once
#include "runtime/base/assert.h"

typedef struct ArenaChunk ArenaChunk;
typedef struct Arena {
  char *next, *end;                // free space of the newest chunk
  ArenaChunk *chunks;              // newest first
  ArenaChunk *spare;               // the largest one released, kept for the next need
  uint64_t bytes;                  // in all chunks
  size_t first_bytes;              // of the first chunk; 0 = a small one.  Pages that nobody touches cost nothing
  uint64_t max_bytes;              // more than this fails like out of memory; 0 = no limit
  void (*nomem)(void *arg);        // called instead of returning NULL; must not return.  May be NULL
  void *nomem_arg;
} Arena;
typedef struct ArenaMark { ArenaChunk *chunk; char *next; } ArenaMark;

void zw_arena_init(Arena *a, void (*nomem)(void *arg), void *nomem_arg);
// Free everything.  The arena may be used again.
void zw_arena_free(Arena *a);
// Everything allocated in `from` belongs to `a` from now on; `from` is empty then.
void zw_arena_adopt(Arena *a, Arena *from);
// Keep the largest chunk for the next round, free the rest.
void zw_arena_reset(Arena *a);
// Scratch use: everything allocated after mark is gone after release.
ArenaMark zw_arena_mark(const Arena *a);
void zw_arena_release(Arena *a, ArenaMark m);

// Zeroed; `align` a power of two up to 64.  NULL only when a->nomem is NULL.
void *zw_arena_slow(Arena *a, size_t bytes, size_t align);
static inline void *zw_arena_alloc(Arena *a, size_t bytes, size_t align) { return zw_arena_slow(a, bytes, align); }
// n objects of T; the product is checked.
void *zw_arena_array(Arena *a, size_t n, size_t size, size_t align);
// The same without zeroes: for large arrays that the caller writes before it reads them.
// Of what was allocated last: make it longer in place, the new part stale.  False when there is no room or it was not the last.
bool zw_arena_extend(Arena *a, const void *p, size_t old_bytes, size_t bytes);
void *zw_arena_stale(Arena *a, size_t n, size_t size, size_t align);
#define zw_stale_array(a, T, n) ((T *)zw_arena_stale((a), (n), sizeof(T), _Alignof(T)))
#define zw_new(a, T) ((T *)zw_arena_alloc((a), sizeof(T), _Alignof(T)))
#define zw_new_array(a, T, n) ((T *)zw_arena_array((a), (n), sizeof(T), _Alignof(T)))
// Bytes copied into the arena with a NUL after them.
char *zw_arena_str(Arena *a, const char *s, size_t len);
