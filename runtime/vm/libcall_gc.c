// Library calls on structures and arrays; libcall.c has the rules.  The heap is there: the image says IMAGE_GC.  References
// that the caller holds are in its stack maps; those among the arguments need no root, because nothing here looks at one
// after an allocation.
#include "runtime/base/bits.h"
#include "runtime/gc/gc.h"
#include "runtime/vm/vm_int.h"

uint64_t zw_lib_struct_new(VmCtx *v, uint64_t what);
uint64_t zw_lib_array_new(VmCtx *v, uint64_t type, uint64_t length);
uint64_t zw_lib_array_new_data(VmCtx *v, uint64_t type, uint64_t seg, uint64_t from, uint64_t n);
uint64_t zw_lib_array_new_elem(VmCtx *v, uint64_t type, uint64_t seg, uint64_t from, uint64_t n);
void zw_lib_array_copy(VmCtx *v, uint64_t dst, uint64_t at, uint64_t src, uint64_t from, uint64_t n);
void zw_lib_array_fill(VmCtx *v, uint64_t array, uint64_t at, uint64_t n, uint64_t lo, uint64_t hi);
void zw_lib_array_init_data(VmCtx *v, uint64_t seg, uint64_t array, uint64_t at, uint64_t from, uint64_t n);
void zw_lib_array_init_elem(VmCtx *v, uint64_t seg, uint64_t array, uint64_t at, uint64_t from, uint64_t n);

static uint64_t made(VmCtx *v, GcRef r)
{
  zw_trap_unless(v, r != 0, TRAP_alloc_failure);
  return r;
}
static uint32_t type_id(const VmCtx *v, uint64_t type) { return zw_type_ids(v->instance)[type]; }

uint64_t zw_lib_array_new(VmCtx *v, uint64_t type, uint64_t length)
{
  return made(v, zw_gc_array_new(v->store->gc, type_id(v, type), (uint32_t)length));
}

uint64_t zw_lib_struct_new(VmCtx *v, uint64_t what)
{
  uint32_t id = type_id(v, (uint32_t)what);
  if (zw_type_info(id)->kind == COMP_ARRAY)
    return zw_lib_array_new(v, (uint32_t)what, what >> 32);
  return made(v, zw_gc_struct_new(v->store->gc, id));
}

static void put_elems(VmCtx *v, uint32_t seg, GcRef array, uint32_t at, uint32_t from, uint32_t n)
{
  const GcHeap *h = v->store->gc;
  uint32_t bytes = zw_type_info(zw_gc_head(h, array)->type_id)->elem_bytes;
  uint8_t *p = zw_gc_base(h) + array + GC_ARRAY_DATA + (uint64_t)at * bytes;
  for (uint32_t i = 0; i < n; i++, p += bytes) {
    Value e = { .u64 = zw_elem_get(v->instance, seg, from + i) };
    zw_gc_write(p, bytes, &e);
  }
}

uint64_t zw_lib_array_new_data(VmCtx *v, uint64_t type, uint64_t seg, uint64_t from, uint64_t n)
{
  const uint8_t *bytes;
  uint64_t have = zw_data_segment(v->instance, (uint32_t)seg, &bytes), elem = zw_type_info(type_id(v, type))->elem_bytes;
  zw_trap_unless(v, zw_in_range(from, n * elem, have), TRAP_oob);
  GcRef r = (GcRef)zw_lib_array_new(v, type, n);
  if (n)
    memcpy(zw_gc_base(v->store->gc) + r + GC_ARRAY_DATA, bytes + from, n * elem);
  return r;
}

uint64_t zw_lib_array_new_elem(VmCtx *v, uint64_t type, uint64_t seg, uint64_t from, uint64_t n)
{
  zw_trap_unless(v, zw_in_range(from, n, zw_elem_count(v->instance, (uint32_t)seg)), TRAP_table_oob);
  GcRef r = (GcRef)zw_lib_array_new(v, type, n);
  put_elems(v, (uint32_t)seg, r, 0, (uint32_t)from, (uint32_t)n);
  return r;
}

void zw_lib_array_copy(VmCtx *v, uint64_t dst, uint64_t at, uint64_t src, uint64_t from, uint64_t n)
{
  zw_trap_unless(v, zw_gc_array_copy(v->store->gc, (GcRef)dst, (uint32_t)at, (GcRef)src, (uint32_t)from, (uint32_t)n), TRAP_array_oob);
}

void zw_lib_array_fill(VmCtx *v, uint64_t array, uint64_t at, uint64_t n, uint64_t lo, uint64_t hi)
{
  Value value = { .u64x2 = { lo, hi } };
  zw_trap_unless(v, zw_gc_array_fill(v->store->gc, (GcRef)array, (uint32_t)at, value, (uint32_t)n), TRAP_array_oob);
}

void zw_lib_array_init_data(VmCtx *v, uint64_t seg, uint64_t array, uint64_t at, uint64_t from, uint64_t n)
{
  GcHeap *h = v->store->gc;
  const uint8_t *bytes;
  uint64_t have = zw_data_segment(v->instance, (uint32_t)seg, &bytes);
  zw_trap_unless(v, zw_in_range(at, n, zw_gc_length(h, (GcRef)array)), TRAP_array_oob);
  zw_trap_unless(v, zw_gc_array_init(h, (GcRef)array, (uint32_t)at, bytes, have, (uint32_t)from, (uint32_t)n), TRAP_oob);
}

void zw_lib_array_init_elem(VmCtx *v, uint64_t seg, uint64_t array, uint64_t at, uint64_t from, uint64_t n)
{
  zw_trap_unless(v, zw_in_range(at, n, zw_gc_length(v->store->gc, (GcRef)array)), TRAP_array_oob);
  zw_trap_unless(v, zw_in_range(from, n, zw_elem_count(v->instance, (uint32_t)seg)), TRAP_table_oob);
  put_elems(v, (uint32_t)seg, (GcRef)array, (uint32_t)at, (uint32_t)from, (uint32_t)n);
}
