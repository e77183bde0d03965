#include "compiler/base/region.h"
#include "runtime/base/alloc.h"
#include "runtime/base/asan.h"
#include "runtime/base/bits.h"

enum { FIRST_BYTES = 2 << 10, MOST_BYTES = (128 << 10) - 64, WORTH_IT = 64 << 10 /* of giving pages back */ };

size_t zw_region_leave(Region *in, void **p)
{
  if (!in || atomic_fetch_sub_explicit(&in->users, 1, memory_order_acq_rel) != 1)
    return 0;
  zw_asan_poison(in->p, in->bytes); // until the arena frees the chunk
  *p = in->p;
  return in->bytes;
}

void zw_region_done(Region *in)
{
  void *p;
  size_t bytes = zw_region_leave(in, &p);
  if (bytes >= WORTH_IT)
    zw_alloc_discard(p, bytes);
}

static void begin(Regions *r, size_t at_least)
{
  zw_region_done(r->now);
  size_t bytes = zw_align_up(FIRST_BYTES + r->all_bytes / 2, 16);
  if (bytes > MOST_BYTES)
    bytes = MOST_BYTES;
  if (bytes < at_least)
    bytes = at_least;
  r->all_bytes += bytes;
  r->now = zw_new(r->a, Region);
  r->now->p = zw_arena_stale(r->a, bytes, 1, 16);
  r->now->bytes = bytes;
  atomic_init(&r->now->users, 1);
  r->used = 0;
}

void *zw_region_alloc(Regions *r, size_t bytes, Region **in)
{
  bytes = zw_align_up(bytes, 16);
  if (!r->now || bytes > r->now->bytes - r->used)
    begin(r, bytes);
  void *p = r->now->p + r->used;
  r->used += bytes;
  atomic_fetch_add_explicit(&r->now->users, 1, memory_order_relaxed);
  *in = r->now;
  return p;
}
