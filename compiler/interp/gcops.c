// Page 0xfb: structs, arrays, i31, casts.  br_on_cast is in the loop, for it moves along the side table.
#include "compiler/interp/run.h"
#include "runtime/base/bits.h"

ValType zw_interp_heap_type(const Instance *in, const uint8_t **p, bool nullable)
{
  uint32_t heap = zw_fast_heaptype(p);
  return VT_REF | (nullable ? VT_NULL : 0) | (heap < HEAP_ABSTRACT ? type_id_of(in, heap) : heap);
}

bool zw_interp_ref_is(Interp *I, uint64_t ref, ValType target)
{
  if (!ref)
    return zw_is_nullable(target);
  uint32_t heap = zw_heap_type(target);
  if (zw_gc_is_func_type(target))
    return heap == HEAP_FUNC || (heap < HEAP_ABSTRACT && zw_type_sub(((const FuncRef *)(uintptr_t)ref)->type_id, heap));
  if (ref & 1 && heap >= HEAP_ABSTRACT) // an i31 may be tested before there is a heap
    return heap == HEAP_I31 || heap == HEAP_EQ || heap == HEAP_ANY || heap == HEAP_EXTERN;
  return !(ref & 1) && zw_interp_heap(I) && zw_gc_is(I->heap, (GcRef)ref, target);
}

static Step done(const uint8_t *pc, Value *sp) { return (Step){ pc, sp }; }
static uint8_t *address_of(const Interp *I, GcRef r, uint32_t offset) { return zw_gc_base(I->heap) + r + offset; }

// ---- structs ----

static Step struct_new(Interp *I, const TypeInfo *t, bool fields, const uint8_t *pc, Value *sp)
{
  GcRef r = zw_gc_struct_new(I->heap, t->id);
  if (!r)
    return trap_step(I, TRAP_alloc_failure);
  if (fields) {
    sp -= t->n;
    for (uint32_t i = 0; i < t->n; i++)
      zw_gc_write(address_of(I, r, t->offsets[i]), t->sizes[i], &sp[i]);
  }
  *sp++ = (Value){ .u64 = r };
  return done(pc, sp);
}

static Step struct_field(Interp *I, Op op, const TypeInfo *t, uint32_t field, const uint8_t *pc, Value *sp)
{
  if (op == OP_struct_set) {
    sp -= 2;
    if (!sp[0].u64)
      return trap_step(I, TRAP_null_struct);
    zw_gc_write(address_of(I, sp[0].u32, t->offsets[field]), t->sizes[field], &sp[1]);
    return done(pc, sp);
  }
  if (!sp[-1].u64)
    return trap_step(I, TRAP_null_struct);
  sp[-1] = zw_gc_read(address_of(I, sp[-1].u32, t->offsets[field]), t->sizes[field], op == OP_struct_get_s);
  return done(pc, sp);
}

// ---- arrays ----

static Step push_array(Interp *I, GcRef r, const uint8_t *pc, Value *sp)
{
  if (!r)
    return trap_step(I, TRAP_alloc_failure);
  *sp++ = (Value){ .u64 = r };
  return done(pc, sp);
}

static Step array_new_fixed(Interp *I, const TypeInfo *t, uint32_t n, const uint8_t *pc, Value *sp)
{
  GcRef r = zw_gc_array_new(I->heap, t->id, n);
  sp -= n;
  for (uint32_t i = 0; i < n && r; i++)
    zw_gc_write(address_of(I, r, GC_ARRAY_DATA + i * t->elem_bytes), t->elem_bytes, &sp[i]);
  return push_array(I, r, pc, sp);
}

static Step array_new(Interp *I, Op op, const TypeInfo *t, const uint8_t *pc, Value *sp)
{
  uint32_t n = sp[-1].u32;
  GcRef r = zw_gc_array_new(I->heap, t->id, n);
  sp--;
  if (op == OP_array_new) {
    sp--;
    if (r && !zw_gc_array_fill(I->heap, r, 0, *sp, n))
      BUG("a new array is too short");
  }
  return push_array(I, r, pc, sp);
}


static void copy_elems(Interp *I, Instance *in, uint32_t seg, GcRef a, const TypeInfo *t, uint32_t at, uint32_t from, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    Value v = { .u64 = zw_elem_get(in, seg, from + i) };
    zw_gc_write(address_of(I, a, GC_ARRAY_DATA + (at + i) * t->elem_bytes), t->elem_bytes, &v);
  }
}

static Step array_new_segment(Interp *I, Frame *fr, Op op, const TypeInfo *t, uint32_t seg, const uint8_t *pc, Value *sp)
{
  uint32_t n = sp[-1].u32, from = sp[-2].u32;
  const uint8_t *bytes = NULL;
  if (op == OP_array_new_data) {
    if (!zw_in_range(from, (uint64_t)n * t->elem_bytes, zw_data_segment(fr->in, seg, &bytes)))
      return trap_step(I, TRAP_oob);
  } else if (!zw_in_range(from, n, zw_elem_count(fr->in, seg)))
    return trap_step(I, TRAP_table_oob);
  GcRef r = zw_gc_array_new(I->heap, t->id, n);
  if (r && op == OP_array_new_data && n)
    memcpy(address_of(I, r, GC_ARRAY_DATA), bytes + from, (size_t)n * t->elem_bytes);
  if (r && op == OP_array_new_elem)
    copy_elems(I, fr->in, seg, r, t, 0, from, n);
  return push_array(I, r, pc, sp - 2);
}

static Step array_init(Interp *I, Frame *fr, Op op, const TypeInfo *t, uint32_t seg, const uint8_t *pc, Value *sp)
{
  sp -= 4;
  GcRef a = sp[0].u32;
  uint32_t at = sp[1].u32, from = sp[2].u32, n = sp[3].u32;
  if (!a)
    return trap_step(I, TRAP_null_array);
  if (!zw_in_range(at, n, zw_gc_length(I->heap, a)))
    return trap_step(I, TRAP_array_oob);
  if (op == OP_array_init_data) {
    const uint8_t *bytes;
    uint64_t have = zw_data_segment(fr->in, seg, &bytes);
    return zw_gc_array_init(I->heap, a, at, bytes, have, from, n) ? done(pc, sp) : trap_step(I, TRAP_oob);
  }
  if (!zw_in_range(from, n, zw_elem_count(fr->in, seg)))
    return trap_step(I, TRAP_table_oob);
  copy_elems(I, fr->in, seg, a, t, at, from, n);
  return done(pc, sp);
}

static Step array_element(Interp *I, Op op, const TypeInfo *t, const uint8_t *pc, Value *sp)
{
  sp -= op == OP_array_set ? 3 : 2;
  GcRef a = sp[0].u32;
  if (!a)
    return trap_step(I, TRAP_null_array);
  if (sp[1].u32 >= zw_gc_length(I->heap, a))
    return trap_step(I, TRAP_array_oob);
  uint8_t *p = zw_gc_base(I->heap) + a + GC_ARRAY_DATA + (uint64_t)sp[1].u32 * t->elem_bytes;
  if (op == OP_array_set)
    zw_gc_write(p, t->elem_bytes, &sp[2]);
  else
    *sp++ = zw_gc_read(p, t->elem_bytes, op == OP_array_get_s);
  return done(pc, sp);
}

static Step array_fill(Interp *I, const uint8_t *pc, Value *sp)
{
  sp -= 4;
  if (!sp[0].u64)
    return trap_step(I, TRAP_null_array);
  return zw_gc_array_fill(I->heap, sp[0].u32, sp[1].u32, sp[2], sp[3].u32) ? done(pc, sp) : trap_step(I, TRAP_array_oob);
}

static Step array_copy(Interp *I, const uint8_t *pc, Value *sp)
{
  sp -= 5;
  if (!sp[0].u64 || !sp[2].u64)
    return trap_step(I, TRAP_null_array);
  bool ok = zw_gc_array_copy(I->heap, sp[0].u32, sp[1].u32, sp[2].u32, sp[3].u32, sp[4].u32);
  return ok ? done(pc, sp) : trap_step(I, TRAP_array_oob);
}

// ---- i31 and casts: these work without a heap ----

static Step without_type(Interp *I, Frame *fr, Op op, const uint8_t *pc, Value *sp)
{
  ValType type;
  bool is;
  switch (op) {
  case OP_ref_i31: sp[-1].u64 = zw_i31_new(sp[-1].u32); break;
  case OP_i31_get_s: case OP_i31_get_u:
    if (!sp[-1].u64)
      return trap_step(I, TRAP_null_i31);
    sp[-1].u64 = op == OP_i31_get_s ? zw_i31_get_s(sp[-1].u32) : zw_i31_get_u(sp[-1].u32);
    break;
  case OP_any_convert_extern: case OP_extern_convert_any: break; // the same word
  case OP_array_len:
    if (!sp[-1].u64 || !zw_interp_heap(I))
      return trap_step(I, TRAP_null_array);
    sp[-1].u64 = zw_gc_length(I->heap, sp[-1].u32);
    break;
  default: // ref.test, ref.cast and their null forms
    type = zw_interp_heap_type(fr->in, &pc, op == OP_ref_test_null || op == OP_ref_cast_null);
    is = zw_interp_ref_is(I, sp[-1].u64, type);
    if (op == OP_ref_test || op == OP_ref_test_null)
      sp[-1].u64 = is;
    else if (!is)
      return trap_step(I, TRAP_cast_failure);
  }
  return done(pc, sp);
}

Step zw_interp_gc(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp)
{
  Op op = zw_op_from_code(0xfb, number);
  if (op == OP_array_len || number >= 20)
    return without_type(I, fr, op, pc, sp);
  const TypeInfo *t = zw_type_info(type_id_of(fr->in, zw_fast_u32(&pc)));
  uint32_t second = zw_op_info[op].imm == IMM_TYPE ? 0 : zw_fast_u32(&pc);
  safepoint(I, fr, pc, sp);
  if (!zw_interp_heap(I))
    return trap_step(I, TRAP_alloc_failure);
  switch (op) {
  case OP_struct_new: case OP_struct_new_default: return struct_new(I, t, op == OP_struct_new, pc, sp);
  case OP_struct_get: case OP_struct_get_s: case OP_struct_get_u: case OP_struct_set: return struct_field(I, op, t, second, pc, sp);
  case OP_array_new: case OP_array_new_default: return array_new(I, op, t, pc, sp);
  case OP_array_new_fixed: return array_new_fixed(I, t, second, pc, sp);
  case OP_array_new_data: case OP_array_new_elem: return array_new_segment(I, fr, op, t, second, pc, sp);
  case OP_array_get: case OP_array_get_s: case OP_array_get_u: case OP_array_set: return array_element(I, op, t, pc, sp);
  case OP_array_fill: return array_fill(I, pc, sp);
  case OP_array_copy: return array_copy(I, pc, sp);
  case OP_array_init_data: case OP_array_init_elem: return array_init(I, fr, op, t, second, pc, sp);
  default: BUG("0xfb %u in checked code", number);
  }
}
