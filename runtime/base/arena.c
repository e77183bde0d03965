// Arenas on zw_alloc's blocks.  What is handed out zeroed is cleared also where the OS has just given zeros: a page that is
// read first is mapped twice, and the second time all processors that run this process are interrupted.
// What is large has a block of its own: it can go before the rest does, and growing moves pages, not bytes.  Such blocks
// are kept for the next need as far as an arena wants that (spare_own_most): a page that is there costs nothing.
#include "runtime/base/arena.h"
#include "runtime/base/alloc.h"
#include "runtime/base/asan.h"
#include "runtime/base/bits.h"

struct ArenaOwn {
  ArenaOwn *older, *newer;
  uint64_t number;      // ascending; a mark remembers the newest
  size_t bytes;         // asked for, with this header
  size_t room;          // what there is; more than that when it is used again
  size_t dirty;         // what lies behind was never handed out
};
// invariant: bytes <= dirty <= room
STATIC_ASSERT((sizeof(ArenaOwn) + 16) % 64 == 0, "with zw_alloc's header what is behind it is aligned to 64 in its page");

enum { PAGE_BYTES = 4096, TOUCH_MOST = 4 << 20 }; // larger arrays of zeros may be sparse
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
  size_t bytes = chunk_bytes(c);
  a->bytes -= bytes;
  zw_asan_unpoison(c, bytes);
  if (c->lent) {
    zw_alloc_discard(c, bytes);
    zw_asan_poison(c, bytes); // until its owner frees it
  } else {
    zw_free(c);
  }
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

void zw_arena_lend(Arena *a, void *p, size_t bytes)
{
  ArenaChunk *c = (void *)zw_align_up((uintptr_t)p, 16);
  char *end = (char *)p + bytes;
  CHECK((char *)(c + 1) <= end);
  zw_asan_unpoison(c, sizeof *c);
  *c = (ArenaChunk){ .end = end, .lent = true };
  a->bytes += chunk_bytes(c);
  spare_chunk(a, c);
}

// Free space of the newest chunk from `next` on is ours again.
static void rewind_to(Arena *a, char *next)
{
  ArenaChunk *c = a->chunks;
  a->next = next;
  a->end = c ? c->end : NULL;
  if (c)
    zw_asan_poison(next, (size_t)(c->end - next));
}

static void drop_newest(Arena *a)
{
  ArenaChunk *c = a->chunks;
  a->chunks = c->older;
  spare_chunk(a, c);
  a->next = a->chunks ? a->chunks->next : NULL;
  a->end = a->chunks ? a->chunks->end : NULL;
}

// ---- blocks of their own ----

static void unlink_own(ArenaOwn **list, ArenaOwn *o)
{
  *(o->newer ? &o->newer->older : list) = o->older;
  if (o->older)
    o->older->newer = o->newer;
}

static void link_own(ArenaOwn **list, ArenaOwn *o)
{
  o->newer = NULL, o->older = *list;
  if (*list)
    (*list)->newer = o;
  *list = o;
}

static void unmap_own(ArenaOwn *o)
{
  zw_asan_unpoison(o, o->room);
  zw_free(o);
}

// A spare block is used again: its pages are there, which is most of what a large block costs.  The longest unused ones go.
static void spare_own(Arena *a, ArenaOwn *o)
{
  link_own(&a->spare_own, o);
  a->spare_own_bytes += o->room;
  zw_asan_poison(o + 1, o->room - sizeof *o);
  ArenaOwn *last = o;
  while (last->older) // there are a few dozen at most
    last = last->older;
  while (a->spare_own_bytes > a->spare_own_most) {
    ArenaOwn *newer = last->newer;
    unlink_own(&a->spare_own, last);
    a->spare_own_bytes -= last->room;
    unmap_own(last);
    last = newer;
  }
}

static void free_own(Arena *a, ArenaOwn *o)
{
  unlink_own(&a->own, o);
  a->bytes -= o->room;
  if (o->room <= a->spare_own_most)
    spare_own(a, o);
  else
    unmap_own(o);
}

static void free_spare_own(Arena *a)
{
  while (a->spare_own) {
    ArenaOwn *o = a->spare_own;
    unlink_own(&a->spare_own, o);
    unmap_own(o);
  }
  a->spare_own_bytes = 0;
}

// The smallest spare one that is large enough.
static ArenaOwn *take_spare_own(Arena *a, size_t all)
{
  ArenaOwn *best = NULL;
  for (ArenaOwn *o = a->spare_own; o; o = o->older)
    if (o->room >= all && (!best || o->room < best->room))
      best = o;
  if (!best)
    return NULL;
  unlink_own(&a->spare_own, best);
  a->spare_own_bytes -= best->room;
  return best;
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

// What was never handed out is zero, and only made sure to be there.
static void clear_own(const Arena *a, ArenaOwn *o, size_t all, size_t dirty)
{
  char *p = (char *)o, *end = p + all;
  if (dirty)
    memset(o + 1, 0, (all < dirty ? all : dirty) - sizeof *o);
  for (p += dirty; all <= TOUCH_MOST && !a->sparse && p < end; p += PAGE_BYTES)
    *(volatile char *)p = 0;
}

static void *new_own(Arena *a, size_t bytes, bool clear)
{
  size_t all = bytes + sizeof(ArenaOwn), dirty = 0;
  if (bytes > SIZE_MAX / 2 || too_much(a, all))
    return NULL;
  ArenaOwn *o = take_spare_own(a, all);
  size_t room = o ? o->room : all;
  if (o) {
    dirty = o->dirty;
    zw_asan_unpoison(o, all);
  } else if (!(o = zw_alloc(all))) {
    return NULL;
  }
  if (clear)
    clear_own(a, o, all, dirty);
  *o = (ArenaOwn){ .number = ++a->last_own, .bytes = all, .room = room, .dirty = all > dirty ? all : dirty };
  link_own(&a->own, o);
  a->bytes += room;
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
  ArenaOwn *o = bytes >= zw_arena_large(a) ? find_own(a, p) : NULL;
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
  if (all > o->room) {
    size_t before = o->room;
    o = zw_realloc(o, sizeof(ArenaOwn) + old_bytes, all);
    if (!o)
      return NULL;
    *(o->newer ? &o->newer->older : &a->own) = o;
    if (o->older)
      o->older->newer = o;
    o->room = all;
    a->bytes += all - before;
  }
  zw_asan_unpoison(o, all);
  o->bytes = all;
  o->dirty = all > o->dirty ? all : o->dirty;
  return o + 1;
}

// ---- arenas ----

void zw_arena_free(Arena *a)
{
  free_own_above(a, 0);
  while (a->chunks)
    drop_newest(a);
  zw_arena_trim(a);
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
    a->bytes += k->room;
    from->bytes -= k->room;
  }
  if (from->own && a->last_own == 0)
    a->last_own = 1; // a mark made from now on keeps them
  from->own = NULL;
}

void zw_arena_adopt(Arena *a, Arena *from)
{
  zw_arena_trim(from);
  adopt_own(a, from);
  ArenaChunk *c = from->chunks;
  if (!c)
    return;
  c->next = from->next;
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
  free_spare_own(a);
}

void zw_arena_give_back(Arena *a)
{
  zw_arena_trim(a);
  if (a->chunks)
    zw_alloc_discard(a->next, (size_t)(a->end - a->next));
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
  if (a->chunks)
    a->chunks->next = a->next;
  if (c && (size_t)(c->end - chunk_start(c)) >= need) {
    a->spare = NULL;
  } else {
    // A quarter more than there is, so that a fifth stays unused at most.  With zw_alloc's header it is one of its sizes.
    size_t bytes = a->chunks ? zw_align_up(a->bytes / 4, 8192) - 16 : a->first_bytes ? a->first_bytes : FIRST_CHUNK;
    size_t most = a->large ? 2 * a->large : a->bytes >= LARGE_ARENA ? LARGE_CHUNK : MAX_CHUNK;
    if (bytes > most)
      bytes = most;
    if (a->tight && a->chunks && bytes > FIRST_CHUNK && a->bytes < LARGE_ARENA) { // above it huge pages are worth more
      bytes = zw_align_up(bytes / 4, 8192) - 16;
      if (bytes < need * 4)
        bytes = need;
    }
    if (bytes < need + sizeof(ArenaChunk))
      bytes = need + sizeof(ArenaChunk);
    if (too_much(a, bytes))
      return false;
    c = zw_alloc(bytes);
    if (!c)
      return false;
    c->end = (char *)c + bytes;
    c->lent = false;
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
  if (bytes >= zw_arena_large(a)) {
    void *own = new_own(a, bytes, clear);
    return own ? own : out_of_memory(a);
  }
  for (;;) {
    char *p = (char *)zw_align_up((uintptr_t)a->next, align);
    size_t room = a->end > p ? (size_t)(a->end - p) : 0;
    if (a->end && bytes <= room && redzone <= room - bytes) {
      a->next = p + bytes + redzone;
      zw_asan_unpoison(p, bytes);
      return clear ? memset(p, 0, bytes) : p;
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
  if (bytes < zw_arena_large(a) && old_bytes && extend(a, p, old_bytes, bytes))
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
  if (o && o->room > a->spare_own_most)
    move_down(q + (bytes - old_bytes), p, old_bytes);
  else
    memcpy(q + (bytes - old_bytes), p, old_bytes);
  if (o)
    free_own(a, o);
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
