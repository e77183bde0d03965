// Collection: mark from the roots with an explicit stack, then one sweep over the cells in address order that
// merges dead objects and free runs into new runs.
//
// The stack holds at most one entry per object; when the OS gives no page for it, objects are left "pending" and the
// heap is walked for them, so that a collection needs no memory to succeed.
#include "runtime/gc/heap.h"

enum { STACK_STEP = 64 << 10, SCAN_CHUNK = 128, KEEP_FREE = 4 << 20 };
#define STACK_MAX (GC_RESERVE / sizeof(MarkItem))

static bool push(GcHeap *h, GcRef r, uint32_t index)
{
  if (h->stack_n == h->stack_committed) {
    if (h->stack_n == STACK_MAX || !zw_os_commit(h->stack + h->stack_n, STACK_STEP))
      return false;
    h->stack_committed += STACK_STEP / sizeof(MarkItem);
  }
  h->stack[h->stack_n++] = (MarkItem){ r, index };
  return true;
}

void zw_gc_mark(GcHeap *h, GcRef r)
{
  ASSERT(h->collecting);
  if (r == 0 || r & 1)
    return;
  GcHead *o = zw_gc_head(h, r);
  ASSERT(r >= GC_FIRST && r < h->top && r % GC_CELL == 0 && o->type_id != GC_ID_FREE);
  if (o->mark_and_size & GC_MARKED)
    return;
  o->mark_and_size |= GC_MARKED;
  if (!push(h, r, 0)) {
    o->mark_and_size |= GC_PENDING;
    h->overflow = true;
  }
}

bool zw_gc_is_marked(const GcHeap *h, GcRef r) { return zw_gc_head(h, r)->mark_and_size & GC_MARKED; }

// ---- proposals ----

static size_t starts_bytes(const GcHeap *h) { return (size_t)zw_align_up((h->top - GC_FIRST) / GC_CELL / 8 + 1, zw_os_page_size()); }

static bool find_starts(GcHeap *h)
{
  h->starts = zw_os_map(starts_bytes(h));
  for (uint64_t at = GC_FIRST; h->starts && at < h->top; at += gc_size(zw_gc_head(h, (GcRef)at)))
    if (zw_gc_head(h, (GcRef)at)->type_id != GC_ID_FREE) {
      uint64_t cell = (at - GC_FIRST) / GC_CELL;
      h->starts[cell / 8] |= (uint8_t)(1u << cell % 8);
    }
  return h->starts != NULL;
}

// Where the map of starts cannot be had, the heap is walked.
static bool is_object(GcHeap *h, uint64_t at)
{
  uint64_t cell = (at - GC_FIRST) / GC_CELL;
  if (h->starts || find_starts(h))
    return h->starts[cell / 8] >> cell % 8 & 1;
  uint64_t p = GC_FIRST;
  while (p < at)
    p += gc_size(zw_gc_head(h, (GcRef)p));
  return p == at && zw_gc_head(h, (GcRef)p)->type_id != GC_ID_FREE;
}

void zw_gc_propose(GcHeap *h, uint64_t word)
{
  if (word >= GC_FIRST && word < h->top && word % GC_CELL == 0 && is_object(h, word))
    zw_gc_mark(h, (GcRef)word);
}

// ---- marking ----

static void scan_exn(GcHeap *h, GcRef r)
{
  const TypeInfo *t = zw_type_info(zw_get32(h->base + r + EXN_TYPE));
  const uint8_t *values = (const uint8_t *)zw_gc_exn_values(h, r);
  for (uint32_t i = 0; i < t->n; i++)
    if (zw_is_ref(t->types[i]) && !zw_gc_is_func_type(t->types[i]))
      zw_gc_mark(h, zw_get32(values + 16ull * i));
}

// Mark what r refers to; of an array at most SCAN_CHUNK elements at a time, so that the stack stays shallow.
static void scan(GcHeap *h, GcRef r, uint32_t index)
{
  const uint8_t *p = h->base + r;
  uint32_t id = zw_gc_head(h, r)->type_id;
  if (id == GC_ID_EXN)
    scan_exn(h, r);
  if (!gc_is_module_type(id))
    return;
  const TypeInfo *t = zw_type_info(id);
  if (t->nrefs == 0)
    return;
  if (t->kind == COMP_STRUCT) {
    for (uint32_t i = 0; i < t->nrefs; i++)
      zw_gc_mark(h, zw_get32(p + t->refs[i]));
    return;
  }
  uint32_t n = zw_gc_length(h, r), end = n - index > SCAN_CHUNK ? index + SCAN_CHUNK : n;
  if (end < n && !push(h, r, end))
    end = n;
  for (uint32_t i = index; i < end; i++)
    zw_gc_mark(h, zw_get32(p + GC_ARRAY_DATA + 4ull * i));
}

static void drain(GcHeap *h)
{
  while (h->stack_n) {
    MarkItem it = h->stack[--h->stack_n];
    scan(h, it.ref, it.index);
  }
}

static void mark_pending(GcHeap *h)
{
  while (h->overflow) {
    h->overflow = false;
    for (uint64_t at = GC_FIRST; at < h->top; at += gc_size(zw_gc_head(h, (GcRef)at))) {
      GcHead *o = zw_gc_head(h, (GcRef)at);
      if (o->type_id != GC_ID_FREE && o->mark_and_size & GC_PENDING) {
        o->mark_and_size &= ~(uint32_t)GC_PENDING;
        scan(h, (GcRef)at, 0);
        drain(h);
      }
    }
  }
}

// The heap ends in a free run from `tail` on: give its pages back to the OS, except KEEP_FREE or as much again as
// lives, whichever is more.
static void free_tail(GcHeap *h, uint64_t tail)
{
  uint64_t keep = h->stats.live_bytes > KEEP_FREE ? h->stats.live_bytes : KEEP_FREE;
  uint64_t end = zw_align_up(tail + keep, zw_os_page_size());
  if (end < h->committed && zw_os_decommit(h->base + end, h->committed - end)) {
    h->committed = end;
    h->top = h->top > end ? end : h->top;
  }
  zw_gc_free_run(h, tail, h->top - tail);
}

void zw_gc_sweep(GcHeap *h)
{
  memset(h->bins, 0, sizeof h->bins);
  uint64_t live = 0, free_at = 0; // free_at: start of the run that is growing, 0 = none
  for (uint64_t at = GC_FIRST, bytes; at < h->top; at += bytes) {
    GcHead *o = zw_gc_head(h, (GcRef)at);
    bytes = gc_size(o);
    ASSERT(bytes != 0);
    if (o->type_id != GC_ID_FREE && o->mark_and_size & GC_MARKED) {
      o->mark_and_size &= ~(uint32_t)GC_MARKED;
      live += bytes;
      if (free_at)
        zw_gc_free_run(h, free_at, at - free_at);
      free_at = 0;
      continue;
    }
    if (!free_at)
      free_at = at;
    if (h->zeal)
      memset(o, GC_POISON, bytes);
  }
  h->stats.live_bytes = live;
  if (free_at)
    free_tail(h, free_at);
}

void zw_gc_collect(GcHeap *h)
{
  if (h->collecting)
    return;
  zw_gc_close_region(h);
  h->collecting = true;
  h->stats.collections++;
  for (GcRoots *r = h->roots; r; r = r->next)
    r->mark(r, h);
  if (h->starts)
    zw_os_unmap(h->starts, starts_bytes(h));
  h->starts = NULL;
  for (uint32_t i = 1; i < h->nhandles; i++)
    zw_gc_mark(h, h->handles[i]);
  drain(h);
  mark_pending(h);
  for (GcRoots *r = h->roots; r; r = r->next)
    if (r->marked)
      r->marked(r, h);
  zw_gc_sweep(h);
  if (h->stack_committed * sizeof(MarkItem) > KEEP_FREE && zw_os_decommit(h->stack, h->stack_committed * sizeof(MarkItem)))
    h->stack_committed = 0;
  h->threshold = h->stats.live_bytes > GC_MIN_THRESHOLD ? h->stats.live_bytes : GC_MIN_THRESHOLD;
  h->since = 0;
  h->collecting = false;
  if (h->zeal) {
    char err[160];
    if (!zw_gc_verify(h, err, sizeof err))
      BUG("GC heap: %s", err);
  }
}
