// Allocation: bump through an open region; regions come from free runs, which the sweep leaves in bins by size.
//
// Nothing but the heads says where objects are, so every cell below `top` belongs to an object, to a free run or to
// the open region.  A run of one cell cannot hold a link: it stays out of the bins until a sweep merges it.
#include "runtime/gc/heap.h"

enum { REGION_BYTES = 32 << 10, GROW_BYTES = 1 << 20, HANDLE_MAX = 1 << 28 };

static bool zeal_default;

void zw_gc_set_zeal_default(bool on) { zeal_default = on; }
void zw_gc_set_zeal(GcHeap *h, bool on)
{
  h->zeal = on;
  h->bump->limit = on ? 0 : h->limit;
  if (on)
    zw_gc_collect(h); // from now on every free cell has the pattern
}
uint8_t *zw_gc_base(const GcHeap *h) { return h->base; }

GcHeap *zw_gc_new(uint64_t max_bytes)
{
  GcHeap *h = zw_alloc(sizeof *h);
  if (!h)
    return NULL;
  h->base = zw_os_reserve(GC_RESERVE);
  h->stack = zw_os_reserve(GC_RESERVE);
  size_t page = zw_os_page_size();
  if (!h->base || !h->stack || !zw_os_commit(h->base + GC_FIRST - page, page)) { // the page of GC_NO_OBJECT
    zw_gc_delete(h);
    return NULL;
  }
  h->bump = (GcBump *)(void *)(h->base + GC_CURSOR);
  h->top = h->committed = GC_FIRST;
  uint64_t most = GC_RESERVE - GC_FIRST;
  h->cap = GC_FIRST + (max_bytes && max_bytes < most ? zw_align_up(max_bytes, page) : most);
  h->threshold = GC_MIN_THRESHOLD;
  h->zeal = zeal_default;
  return h;
}

void zw_gc_delete(GcHeap *h)
{
  if (!h)
    return;
  if (h->base)
    zw_os_unmap(h->base, GC_RESERVE);
  if (h->stack)
    zw_os_unmap(h->stack, GC_RESERVE);
  zw_free(h->handles);
  zw_free(h);
}

void zw_gc_add_roots(GcHeap *h, GcRoots *r)
{
  r->next = h->roots;
  h->roots = r;
}

void zw_gc_remove_roots(GcHeap *h, GcRoots *r)
{
  for (GcRoots **p = &h->roots; *p; p = &(*p)->next)
    if (*p == r) {
      *p = r->next;
      return;
    }
}

// ---- free runs ----

static uint32_t bin_of(uint64_t bytes) { return 63 - zw_clz64(bytes); }

void zw_gc_free_run(GcHeap *h, uint64_t at, uint64_t bytes)
{
  FreeRun *f = (FreeRun *)(void *)(h->base + at);
  f->head = (GcHead){ GC_ID_FREE, (uint32_t)(bytes / GC_CELL) << GC_SIZE_SHIFT };
  if (bytes >= sizeof *f) {
    uint32_t b = bin_of(bytes);
    f->next = h->bins[b], f->pad = 0;
    h->bins[b] = (uint32_t)at;
  }
}

void zw_gc_close_region(GcHeap *h)
{
  uint64_t cursor = h->bump->cursor;
  if (cursor < h->limit) {
    // What is given back was zeroed when the region was opened; under zeal a free cell has the pattern.
    if (h->zeal)
      memset(h->base + cursor, GC_POISON, h->limit - cursor);
    zw_gc_free_run(h, cursor, h->limit - cursor);
  }
  h->bump->cursor = h->bump->limit = h->limit = 0;
}

static void check_poison(const GcHeap *h, uint64_t at, uint64_t bytes)
{
  for (uint64_t i = sizeof(FreeRun); i < bytes; i++)
    if (h->base[at + i] != GC_POISON)
      BUG("write to a freed object at heap offset %llx", (unsigned long long)(at + i));
}

// Take a run of at least `bytes`; 0 = none.
static uint64_t take_run(GcHeap *h, uint64_t bytes, uint64_t *run_bytes)
{
  uint32_t b = bin_of(bytes);
  uint32_t *link = NULL;
  // Runs of the first bin may be too small: look at eight of them, then at the bins where any run will do.
  uint32_t *p = &h->bins[b];
  for (int tries = 0; *p && tries < 8; tries++) {
    FreeRun *f = (FreeRun *)(void *)(h->base + *p);
    if (gc_size(&f->head) >= bytes) {
      link = p;
      break;
    }
    p = &f->next;
  }
  for (b++; !link && b < GC_BINS; b++)
    if (h->bins[b])
      link = &h->bins[b];
  if (!link)
    return 0;
  uint32_t at = *link;
  FreeRun *f = (FreeRun *)(void *)(h->base + at);
  *link = f->next;
  *run_bytes = gc_size(&f->head);
  return at;
}

static bool grow(GcHeap *h, uint64_t bytes, uint64_t *at, uint64_t *run_bytes)
{
  uint64_t want = zw_align_up(bytes, REGION_BYTES);
  if (h->cap - h->top < want)
    want = h->cap - h->top;
  if (want < bytes)
    return false;
  if (h->committed - h->top < want) {
    uint64_t step = want > GROW_BYTES ? want : GROW_BYTES, page = zw_os_page_size();
    uint64_t end = zw_align_up(h->top + step, page);
    end = end > h->cap ? h->cap : end;
    if (!zw_os_commit(h->base + h->committed, end - h->committed))
      return false;
    h->committed = end;
  }
  *at = h->top, *run_bytes = want;
  h->top += want;
  return true;
}

// Open a region with room for `bytes`.
static bool open_region(GcHeap *h, uint64_t bytes)
{
  uint64_t run_bytes = 0;
  uint64_t at = take_run(h, bytes, &run_bytes);
  bool fresh = !at;
  if (fresh && !grow(h, bytes, &at, &run_bytes))
    return false;
  if (fresh && h->zeal) { // treat it like any other run
    memset(h->base + at, GC_POISON, run_bytes);
    fresh = false;
  }
  uint64_t take = bytes > REGION_BYTES ? bytes : REGION_BYTES;
  take = take > run_bytes ? run_bytes : take;
  if (h->zeal)
    check_poison(h, at, run_bytes);
  if (take < run_bytes)
    zw_gc_free_run(h, at + take, run_bytes - take);
  if (!fresh)
    memset(h->base + at, 0, take);
  h->bump->cursor = at, h->limit = at + take;
  h->bump->limit = h->zeal ? 0 : h->limit;
  h->since += take;
  return true;
}

// `bytes` > 0, a multiple of GC_CELL.
static GcRef alloc_slow(GcHeap *h, uint64_t bytes)
{
  ASSERT(!h->collecting);
  zw_gc_close_region(h);
  bool collected = false;
  if (h->zeal || h->since + bytes > h->threshold)
    zw_gc_collect(h), collected = true;
  while (!open_region(h, bytes)) {
    if (collected)
      return 0;
    zw_gc_collect(h), collected = true;
  }
  return (GcRef)h->bump->cursor;
}

static GcRef alloc(GcHeap *h, uint32_t id, uint64_t bytes)
{
  if (bytes > GC_RESERVE - GC_FIRST)
    return 0;
  GcRef r = (GcRef)h->bump->cursor;
  if (__builtin_expect(h->limit - h->bump->cursor < bytes || h->zeal, 0)) {
    r = alloc_slow(h, bytes);
    if (!r)
      return 0;
  }
  h->bump->cursor += bytes;
  h->stats.allocated_objects++;
  h->stats.allocated_bytes += bytes;
  *zw_gc_head(h, r) = (GcHead){ id, (uint32_t)(bytes / GC_CELL) << GC_SIZE_SHIFT };
  return r;
}

GcRef zw_gc_struct_new(GcHeap *h, uint32_t type_id)
{
  const TypeInfo *t = zw_type_info(type_id);
  return alloc(h, type_id, t->offsets[t->n]);
}

static uint64_t array_bytes(uint64_t elem_bytes, uint32_t length) { return zw_align_up(GC_ARRAY_DATA + elem_bytes * length, GC_CELL); }

GcRef zw_gc_array_new(GcHeap *h, uint32_t type_id, uint32_t length)
{
  GcRef r = alloc(h, type_id, array_bytes(zw_type_info(type_id)->elem_bytes, length));
  if (r)
    memcpy(h->base + r + GC_ARRAY_LENGTH, &length, 4);
  return r;
}

GcRef zw_gc_exn_new(GcHeap *h, const void *tag, uint32_t type_id)
{
  GcRef r = alloc(h, GC_ID_EXN, EXN_VALUES + sizeof(Value) * (uint64_t)zw_type_info(type_id)->n);
  if (r) {
    memcpy(h->base + r + EXN_TAG, &tag, sizeof tag);
    zw_put32(h->base + r + EXN_TYPE, type_id);
  }
  return r;
}

GcRef zw_gc_box(GcHeap *h, void *host)
{
  GcRef r = alloc(h, GC_ID_HOST, BOX_POINTER + sizeof host);
  if (r)
    memcpy(h->base + r + BOX_POINTER, &host, sizeof host);
  return r;
}

const void *zw_gc_exn_tag(const GcHeap *h, GcRef exn)
{
  const void *tag;
  memcpy(&tag, h->base + exn + EXN_TAG, sizeof tag);
  return tag;
}
Value *zw_gc_exn_values(GcHeap *h, GcRef exn) { return (Value *)(void *)(h->base + exn + EXN_VALUES); }
bool zw_gc_is_box(const GcHeap *h, GcRef r) { return r && !(r & 1) && zw_gc_head(h, r)->type_id == GC_ID_HOST; }
void *zw_gc_unbox(const GcHeap *h, GcRef r)
{
  void *p;
  ASSERT(zw_gc_is_box(h, r));
  memcpy(&p, h->base + r + BOX_POINTER, sizeof p);
  return p;
}

uint64_t zw_gc_size_by_type(const GcHeap *h, GcRef r)
{
  const GcHead *o = zw_gc_head(h, r);
  switch (o->type_id) {
  case GC_ID_FREE: return gc_size(o);
  case GC_ID_HOST: return BOX_POINTER + sizeof(void *);
  case GC_ID_EXN: return EXN_VALUES + sizeof(Value) * (uint64_t)zw_type_info(zw_get32(h->base + r + EXN_TYPE))->n;
  }
  const TypeInfo *t = zw_type_info(o->type_id);
  return t->kind == COMP_STRUCT ? t->offsets[t->n] : array_bytes(t->elem_bytes, zw_gc_length(h, r));
}

// ---- handles ----

uint32_t zw_gc_handle_new(GcHeap *h, GcRef r)
{
  uint32_t i = h->free_handle;
  if (i)
    h->free_handle = h->handles[i] >> 1;
  else {
    if (h->nhandles == h->handles_cap) {
      uint32_t cap = h->handles_cap ? 2 * h->handles_cap : 64;
      uint32_t *p = cap > HANDLE_MAX ? NULL : zw_realloc(h->handles, h->handles_cap * sizeof *p, cap * sizeof *p);
      if (!p)
        return 0;
      h->handles = p, h->handles_cap = cap;
      h->nhandles = h->nhandles ? h->nhandles : 1; // 0 is no handle
    }
    i = h->nhandles++;
  }
  h->handles[i] = r;
  return i;
}

void zw_gc_handle_delete(GcHeap *h, uint32_t handle)
{
  if (!handle)
    return;
  ASSERT(handle < h->nhandles);
  h->handles[handle] = h->free_handle << 1 | 1; // odd: the marker passes over it as over an i31
  h->free_handle = handle;
}

GcRef zw_gc_handle_get(const GcHeap *h, uint32_t handle)
{
  ASSERT(handle && handle < h->nhandles);
  return h->handles[handle];
}

GcStats zw_gc_stats(const GcHeap *h)
{
  GcStats s = h->stats;
  s.heap_bytes = h->committed - GC_FIRST;
  return s;
}
