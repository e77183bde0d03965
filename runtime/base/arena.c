// Arenas on zw_alloc's blocks.  Memory is handed out zeroed without clearing it twice: a chunk knows how far
// it was ever used (`dirty`), and only what lies below is cleared again.
// What is large has a block of its own: it can go before the rest does, and growing moves pages, not bytes.
#include "runtime/base/arena.h"
#include "runtime/base/alloc.h"
#include "runtime/base/asan.h"
#include "runtime/base/bits.h"

struct ArenaOwn {
  ArenaOwn *older, *newer;
  uint64_t number;      // ascending; a mark remembers the newest
  size_t bytes;
  uint64_t pad[2];
};
STATIC_ASSERT((sizeof(ArenaOwn) + 16) % 64 == 0, "with zw_alloc's header what is behind it is aligned to 64 in its page");

enum { FIRST_CHUNK = (8 << 10) - 16, MAX_CHUNK = 1 << 20, LARGE_ARENA = 8 << 20, LARGE_CHUNK = (2 << 20) - 32 /* with its header one huge page */ };

static char *chunk_start(ArenaChunk *c) { return (char *)(c + 1); }
static size_t chunk_bytes(ArenaChunk *c) { return (size_t)(c->end - (char *)c); }

void zw_arena_init(Arena *a, void (*nomem)(void *arg), void *nomem_arg)
{
  *a = (Arena){ .nomem = nomem, .nomem_arg = nomem_arg };
}

static void free_chunk(Arena *a, ArenaChunk *c)
{
  if (!c)
    return;
  a->bytes -= chunk_bytes(c);
  zw_asan_unpoison(c, chunk_bytes(c));
  zw_free(c);
}

// Of a chunk that is dropped and the spare one, keep the larger.
static void spare_chunk(Arena *a, ArenaChunk *c)
{
  if (a->spare && chunk_bytes(a->spare) >= chunk_bytes(c)) {
    free_chunk(a, c);
    return;
  }
  free_chunk(a, a->spare);
  a->spare = c;
}

// Free space of the newest chunk from `next` on is ours again.
static void rewind_to(Arena *a, char *next)
{
  ArenaChunk *c = a->chunks;
  if (c && a->next > c->dirty)
    c->dirty = a->next;
  a->next = next;
  a->end = c ? c->end : NULL;
  if (c)
    zw_asan_poison(next, (size_t)(c->end - next));
}

static void drop_newest(Arena *a)
{
  ArenaChunk *c = a->chunks;
  if (a->next > c->dirty)
    c->dirty = a->next;
  a->chunks = c->older;
  spare_chunk(a, c);
  // The next newest was full when c was made; its `dirty` was set then.
  a->next = a->chunks ? a->chunks->dirty : NULL;
  a->end = a->chunks ? a->chunks->end : NULL;
}

// ---- blocks of their own ----

static void free_own(Arena *a, ArenaOwn *o)
{
  *(o->newer ? &o->newer->older : &a->own) = o->older;
  if (o->older)
    o->older->newer = o->newer;
  a->bytes -= o->bytes;
  zw_asan_unpoison(o, o->bytes);
  zw_free(o);
}

static void free_own_above(Arena *a, uint64_t number)
{
  while (a->own && a->own->number > number)
    free_own(a, a->own);
}

static bool too_much(const Arena *a, size_t more)
{
  return a->max_bytes && (a->bytes > a->max_bytes || more > a->max_bytes - a->bytes);
}

static void *new_own(Arena *a, size_t bytes)
{
  size_t all = bytes + sizeof(ArenaOwn);
  if (bytes > SIZE_MAX / 2 || too_much(a, all))
    return NULL;
  ArenaOwn *o = zw_alloc(all);
  if (!o)
    return NULL;
  *o = (ArenaOwn){ .older = a->own, .number = ++a->last_own, .bytes = all };
  if (a->own)
    a->own->newer = o;
  a->own = o;
  a->bytes += all;
  return o + 1;
}

static ArenaOwn *find_own(const Arena *a, const void *p) // there are a few dozen at most
{
  ArenaOwn *o = a->own;
  while (o && (const void *)(o + 1) != p)
    o = o->older;
  return o;
}

// The block that the array of so many bytes is, wholly: it may also be the first of several in one block.
static ArenaOwn *find_own_array(const Arena *a, const void *p, size_t bytes)
{
  ArenaOwn *o = bytes >= ARENA_OWN_BYTES ? find_own(a, p) : NULL;
  return o && o->bytes == bytes + sizeof(ArenaOwn) ? o : NULL;
}

void zw_arena_drop(Arena *a, const void *p)
{
  ArenaOwn *o = find_own(a, p);
  if (o)
    free_own(a, o);
}

static void *grow_own(Arena *a, ArenaOwn *o, size_t old_bytes, size_t bytes)
{
  size_t all = bytes + sizeof(ArenaOwn);
  if (bytes > SIZE_MAX / 2 || too_much(a, bytes - old_bytes))
    return NULL;
  size_t before = o->bytes;
  o = zw_realloc(o, sizeof(ArenaOwn) + old_bytes, all);
  if (!o)
    return NULL;
  *(o->newer ? &o->newer->older : &a->own) = o;
  if (o->older)
    o->older->newer = o;
  o->bytes = all;
  a->bytes += all - before;
  return o + 1;
}

// ---- arenas ----

void zw_arena_free(Arena *a)
{
  free_own_above(a, 0);
  while (a->chunks)
    drop_newest(a);
  free_chunk(a, a->spare);
  a->spare = NULL;
  ASSERT(a->bytes == 0);
}

// They become a's oldest ones, as the chunks do, and keep numbers above 0; a's marks must not be released any more.
static void adopt_own(Arena *a, Arena *from)
{
  ArenaOwn *o = a->own;
  while (o && o->older)
    o = o->older;
  if (o)
    o->older = from->own;
  else
    a->own = from->own;
  if (from->own)
    from->own->newer = o;
  for (ArenaOwn *k = from->own; k; k = k->older) {
    k->number = 1;
    a->bytes += k->bytes;
    from->bytes -= k->bytes;
  }
  if (from->own && a->last_own == 0)
    a->last_own = 1; // a mark made from now on keeps them
  from->own = NULL;
}

void zw_arena_adopt(Arena *a, Arena *from)
{
  free_chunk(from, from->spare);
  from->spare = NULL;
  adopt_own(a, from);
  ArenaChunk *c = from->chunks;
  if (!c)
    return;
  if (from->next > c->dirty)
    c->dirty = from->next;
  // They go below a's oldest chunk, so that what is free in a's newest one stays in use.
  ArenaChunk **at = &a->chunks;
  while (*at)
    at = &(*at)->older;
  *at = c;
  if (a->chunks == c) { // a was empty
    a->next = from->next;
    a->end = from->end;
  }
  a->bytes += from->bytes;
  from->chunks = NULL;
  from->next = from->end = NULL;
  from->bytes = 0;
}

void zw_arena_reset(Arena *a)
{
  free_own_above(a, 0);
  while (a->chunks)
    drop_newest(a);
  ArenaChunk *c = a->spare;
  if (!c)
    return;
  a->spare = NULL;
  c->older = NULL;
  a->chunks = c;
  a->next = chunk_start(c);
  rewind_to(a, chunk_start(c));
}

void zw_arena_trim(Arena *a)
{
  free_chunk(a, a->spare);
  a->spare = NULL;
}

ArenaMark zw_arena_mark(const Arena *a) { return (ArenaMark){ a->chunks, a->next, a->last_own }; }

void zw_arena_release(Arena *a, ArenaMark m)
{
  free_own_above(a, m.own);
  while (a->chunks != m.chunk)
    drop_newest(a);
  if (a->chunks)
    rewind_to(a, m.next);
}

static __attribute__((noinline)) bool add_chunk(Arena *a, size_t need)
{
  ArenaChunk *c = a->spare;
  if (a->chunks && a->next > a->chunks->dirty)
    a->chunks->dirty = a->next;
  if (c && (size_t)(c->end - chunk_start(c)) >= need) {
    a->spare = NULL;
  } else {
    // A quarter more than there is, so that a fifth stays unused at most.  With zw_alloc's header it is one of its sizes.
    size_t bytes = a->chunks ? zw_align_up(a->bytes / 4, 8192) - 16 : a->first_bytes ? a->first_bytes : FIRST_CHUNK;
    size_t most = a->bytes >= LARGE_ARENA ? LARGE_CHUNK : MAX_CHUNK;
    if (bytes > most)
      bytes = most;
    if (bytes < need + sizeof(ArenaChunk))
      bytes = need + sizeof(ArenaChunk);
    if (too_much(a, bytes))
      return false;
    c = zw_alloc(bytes);
    if (!c)
      return false;
    c->end = (char *)c + bytes;
    c->dirty = chunk_start(c);
    a->bytes += bytes;
  }
  c->older = a->chunks;
  a->chunks = c;
  a->next = chunk_start(c);
  a->end = c->end;
  zw_asan_poison(a->next, (size_t)(a->end - a->next));
  return true;
}

static __attribute__((noinline)) void *out_of_memory(Arena *a)
{
  if (a->nomem) {
    a->nomem(a->nomem_arg);
    BUG("an arena's nomem returned");
  }
  return NULL;
}

static inline void *take(Arena *a, size_t bytes, size_t align, bool clear)
{
  ASSERT(align && align <= 64 && (align & (align - 1)) == 0);
  const size_t redzone = ZW_REDZONE;
  if (bytes >= ARENA_OWN_BYTES) {
    void *own = new_own(a, bytes);
    return own ? own : out_of_memory(a);
  }
  for (;;) {
    char *p = (char *)zw_align_up((uintptr_t)a->next, align);
    size_t room = a->end > p ? (size_t)(a->end - p) : 0;
    if (a->end && bytes <= room && redzone <= room - bytes) {
      a->next = p + bytes + redzone;
      zw_asan_unpoison(p, bytes);
      char *dirty = a->chunks->dirty;
      if (clear && p < dirty)
        memset(p, 0, bytes < (size_t)(dirty - p) ? bytes : (size_t)(dirty - p));
      return p;
    }
    size_t need;
    if (!zw_add_size(bytes, align + redzone, &need) || need > SIZE_MAX / 2 || !add_chunk(a, need))
      return out_of_memory(a);
  }
}

// The newest allocation becomes `bytes` long where it is, if there is room for that.
static bool extend(Arena *a, const void *p, size_t old_bytes, size_t bytes)
{
  if ((uintptr_t)p + old_bytes + ZW_REDZONE != (uintptr_t)a->next || bytes - old_bytes > (size_t)(a->end - a->next))
    return false;
  zw_asan_unpoison(p, bytes);
  a->next += bytes - old_bytes;
  return true;
}

void *zw_arena_grow(Arena *a, void *p, size_t used, size_t old_bytes, size_t bytes)
{
  ArenaOwn *o = find_own_array(a, p, old_bytes);
  if (o) {
    void *q = grow_own(a, o, old_bytes, bytes);
    return q ? q : out_of_memory(a);
  }
  if (bytes < ARENA_OWN_BYTES && old_bytes && extend(a, p, old_bytes, bytes))
    return p;
  void *q = take(a, bytes, 16, false);
  if (q && used)
    memcpy(q, p, used);
  return q;
}

// Copied from its end in pieces, and each is given back when it is copied: there are never two of all.
static void move_down(char *to, char *from, size_t bytes)
{
  enum { PIECE = 64 << 10 };
  while (bytes) {
    size_t n = bytes < PIECE ? bytes : PIECE;
    bytes -= n;
    memcpy(to + bytes, from + bytes, n);
    zw_alloc_discard(from + bytes, n);
  }
}

void *zw_arena_grow_down(Arena *a, void *p, size_t old_bytes, size_t bytes)
{
  char *q = take(a, bytes, 16, false);
  ArenaOwn *o = find_own_array(a, p, old_bytes);
  if (!q)
    return NULL;
  if (o) {
    move_down(q + (bytes - old_bytes), p, old_bytes);
    free_own(a, o);
  } else {
    memcpy(q + (bytes - old_bytes), p, old_bytes);
  }
  return q;
}

void *zw_arena_slow(Arena *a, size_t bytes, size_t align) { return take(a, bytes, align, true); }

void *zw_arena_stale_slow(Arena *a, size_t n, size_t size, size_t align)
{
  size_t bytes;
  if (!zw_mul_size(n, size, &bytes))
    bytes = SIZE_MAX;
  return take(a, bytes, align, false);
}

void *zw_arena_array_slow(Arena *a, size_t n, size_t size, size_t align)
{
  size_t bytes;
  if (!zw_mul_size(n, size, &bytes))
    bytes = SIZE_MAX; // fails below like any size that is too large
  return zw_arena_slow(a, bytes, align);
}

char *zw_arena_str(Arena *a, const char *s, size_t len)
{
  char *p = zw_arena_slow(a, len + 1, 1);
  if (p && len)
    memcpy(p, s, len);
  return p;
}
