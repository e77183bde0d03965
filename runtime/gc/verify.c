// The heap's invariants, tested by walking it: see zw_gc_verify.
#include "runtime/gc/heap.h"

typedef struct Verify { GcHeap *h; uint8_t *starts; char *err; size_t err_bytes; } Verify;

static bool bad(Verify *v, uint64_t at, const char *what)
{
  zw_format(v->err, v->err_bytes, "object at %llx (type %u): %s", (unsigned long long)at,
            at < v->h->top ? zw_gc_head(v->h, (GcRef)at)->type_id : 0, what);
  return false;
}

static bool starts_object(const Verify *v, uint64_t at)
{
  uint64_t cell = (at - GC_FIRST) / GC_CELL;
  return at >= GC_FIRST && at < v->h->top && at % GC_CELL == 0 && v->starts[cell / 8] >> cell % 8 & 1;
}

static bool ref_ok(Verify *v, uint64_t holder, GcRef r, ValType type)
{
  if (r == 0)
    return true; // a fresh object holds null in fields that may not be null, until it is filled
  if (!(r & 1) && !starts_object(v, r))
    return bad(v, holder, "refers to no object");
  uint32_t heap = zw_heap_type(type);
  bool exn = !(r & 1) && zw_gc_head(v->h, r)->type_id == GC_ID_EXN;
  if ((heap == HEAP_EXN) != exn || !zw_gc_is(v->h, r, type))
    return bad(v, holder, "refers to an object of another type");
  return true;
}

static bool head_ok(Verify *v, uint64_t at)
{
  const GcHead *o = zw_gc_head(v->h, (GcRef)at);
  uint64_t bytes = gc_size(o);
  if (bytes == 0 || bytes > v->h->top - at)
    return bad(v, at, "size leaves the heap");
  if (o->mark_and_size & (GC_MARKED | GC_PENDING))
    return bad(v, at, "marked outside of a collection");
  if (gc_is_module_type(o->type_id) && (o->type_id == 0 || o->type_id > zw_types_count() || zw_type_info(o->type_id)->kind == COMP_FUNC))
    return bad(v, at, "no such object type");
  if (!gc_is_module_type(o->type_id) && o->type_id != GC_ID_FREE && o->type_id != GC_ID_EXN && o->type_id != GC_ID_HOST)
    return bad(v, at, "no such object type");
  if (zw_gc_size_by_type(v->h, (GcRef)at) != bytes)
    return bad(v, at, "size is not its type's");
  return true;
}

static bool refs_ok(Verify *v, uint64_t at)
{
  GcHeap *h = v->h;
  uint32_t id = zw_gc_head(h, (GcRef)at)->type_id;
  const uint8_t *p = h->base + at;
  if (id == GC_ID_EXN) {
    const TypeInfo *t = zw_type_info(zw_get32(p + EXN_TYPE));
    for (uint32_t i = 0; i < t->n; i++)
      if (zw_is_ref(t->types[i]) && !zw_gc_is_func_type(t->types[i]) && !ref_ok(v, at, zw_get32(p + EXN_VALUES + 16ull * i), t->types[i]))
        return false;
  }
  if (!gc_is_module_type(id))
    return true;
  const TypeInfo *t = zw_type_info(id);
  if (t->kind == COMP_ARRAY && t->nrefs) {
    uint32_t n = zw_gc_length(h, (GcRef)at);
    for (uint32_t i = 0; i < n; i++)
      if (!ref_ok(v, at, zw_get32(p + GC_ARRAY_DATA + 4ull * i), t->types[0]))
        return false;
  }
  if (t->kind == COMP_STRUCT && t->nrefs)
    for (uint32_t i = 0; i < t->n; i++)
      if (zw_is_ref(t->types[i]) && !zw_gc_is_func_type(t->types[i]) && !ref_ok(v, at, zw_get32(p + t->offsets[i]), t->types[i]))
        return false;
  return true;
}

static bool bins_ok(Verify *v)
{
  GcHeap *h = v->h;
  for (uint32_t b = 0; b < GC_BINS; b++)
    for (uint32_t at = h->bins[b]; at; at = ((FreeRun *)(void *)(h->base + at))->next) {
      if (at < GC_FIRST || at >= h->top || at % GC_CELL)
        return bad(v, at, "a bin's link leaves the heap");
      const GcHead *o = zw_gc_head(h, at);
      if (o->type_id != GC_ID_FREE || gc_size(o) >> b != 1)
        return bad(v, at, "in a bin where it does not belong");
    }
  return true;
}

static bool walk(Verify *v)
{
  GcHeap *h = v->h;
  for (uint64_t at = GC_FIRST; at < h->top; at += gc_size(zw_gc_head(h, (GcRef)at))) {
    if (!head_ok(v, at))
      return false;
    uint64_t cell = (at - GC_FIRST) / GC_CELL;
    if (zw_gc_head(h, (GcRef)at)->type_id != GC_ID_FREE)
      v->starts[cell / 8] |= (uint8_t)(1 << cell % 8);
  }
  for (uint64_t at = GC_FIRST; at < h->top; at += gc_size(zw_gc_head(h, (GcRef)at)))
    if (!refs_ok(v, at))
      return false;
  return bins_ok(v);
}

bool zw_gc_verify(GcHeap *h, char *err, size_t err_bytes)
{
  zw_gc_close_region(h);
  size_t bytes = (size_t)zw_align_up((h->top - GC_FIRST) / GC_CELL / 8 + 1, zw_os_page_size());
  Verify v = { .h = h, .err = err, .err_bytes = err_bytes };
  if (h->top < GC_FIRST || h->top > h->committed || h->committed > h->cap)
    return bad(&v, h->top, "the heap's bounds are out of order");
  v.starts = zw_os_map(bytes);
  if (!v.starts) {
    zw_format(err, err_bytes, "no memory to verify with");
    return false;
  }
  bool ok = walk(&v);
  zw_os_unmap(v.starts, bytes);
  return ok;
}
