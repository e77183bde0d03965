// What instructions do with objects: fields, elements, casts, bulk array operations.
#include "runtime/base/bits.h"
#include "runtime/gc/heap.h"

bool zw_gc_is_func_type(ValType type)
{
  uint32_t heap = zw_heap_type(type);
  if (!zw_is_ref(type))
    return false;
  return heap < HEAP_ABSTRACT ? zw_type_info(heap)->kind == COMP_FUNC : zw_heap_is_func(heap);
}

bool zw_gc_is(const GcHeap *h, GcRef r, ValType target)
{
  uint32_t heap = zw_heap_type(target);
  if (r == 0)
    return zw_is_nullable(target);
  uint32_t id = r & 1 ? 0 : zw_gc_head(h, r)->type_id;
  bool object = id != 0 && gc_is_module_type(id);
  if (heap < HEAP_ABSTRACT)
    return object && zw_type_sub(id, heap);
  switch (heap) {
  case HEAP_ANY: case HEAP_EXTERN: case HEAP_EXN: return true; // its hierarchy is known from validation
  case HEAP_EQ: return id == 0 || object;
  case HEAP_I31: return id == 0;
  case HEAP_STRUCT: return object && zw_type_info(id)->kind == COMP_STRUCT;
  case HEAP_ARRAY: return object && zw_type_info(id)->kind == COMP_ARRAY;
  }
  return false; // the bottom types have only null
}

// ---- arrays ----

static uint8_t *element(const GcHeap *h, GcRef a, const TypeInfo *t, uint32_t i)
{
  return h->base + a + GC_ARRAY_DATA + (uint64_t)t->elem_bytes * i;
}

bool zw_gc_array_fill(GcHeap *h, GcRef a, uint32_t at, Value v, uint32_t n)
{
  const TypeInfo *t = zw_type_info(zw_gc_head(h, a)->type_id);
  if (!zw_in_range(at, n, zw_gc_length(h, a)))
    return false;
  uint8_t *p = element(h, a, t, at);
  if (t->elem_bytes == 1)
    memset(p, v.bytes[0], n);
  else
    for (uint32_t i = 0; i < n; i++, p += t->elem_bytes)
      memcpy(p, &v, t->elem_bytes);
  return true;
}

bool zw_gc_array_copy(GcHeap *h, GcRef dst, uint32_t d, GcRef src, uint32_t s, uint32_t n)
{
  const TypeInfo *dt = zw_type_info(zw_gc_head(h, dst)->type_id), *st = zw_type_info(zw_gc_head(h, src)->type_id);
  if (!zw_in_range(d, n, zw_gc_length(h, dst)) || !zw_in_range(s, n, zw_gc_length(h, src)))
    return false;
  CHECK(dt->elem_bytes == st->elem_bytes);
  memmove(element(h, dst, dt, d), element(h, src, st, s), (size_t)n * dt->elem_bytes);
  return true;
}

bool zw_gc_array_init(GcHeap *h, GcRef a, uint32_t at, const uint8_t *data, uint64_t data_bytes, uint32_t src, uint32_t n)
{
  const TypeInfo *t = zw_type_info(zw_gc_head(h, a)->type_id);
  uint64_t bytes = (uint64_t)n * t->elem_bytes;
  if (!zw_in_range(at, n, zw_gc_length(h, a)) || !zw_in_range(src, bytes, data_bytes))
    return false;
  if (bytes)
    memcpy(element(h, a, t, at), data + src, bytes);
  return true;
}
