// P2: structures, arrays, i31, casts.
//
// An object is a 32-bit reference beside the base of the heap (abi/gcobj.h).  Accesses name the reference itself and no
// address made of it: what a reference keeps alive ends with its last use.  Checks stand before accesses as instructions
// of their own: null, then bounds.  A cast reads the type id in the object's head and one word of that type's row,
// whatever the depth of the hierarchy; null and i31 are steered to a head that has no type.
#include "compiler/zir/build_int.h"
#include "runtime/abi/gcobj.h"
#include "runtime/base/bits.h"

// Facts about arrays, where zb_was_checked has memories.
enum { FACT_INDEX_OF = (int)0x80000000 };

static Ref heap_base(Build *b) { return vm_load(b, VK_I64, offsetof(VmCtx, gc_base), AL_IMMUT); }

// ---- what types say of references ----
static bool has_no_i31(uint32_t heap)
{
  return heap < HEAP_ABSTRACT || heap == HEAP_STRUCT || heap == HEAP_ARRAY || heap == HEAP_FUNC || heap == HEAP_EXN;
}
static unsigned known_of_type(ValType t)
{
  return !zw_is_ref(t) ? 0 : (zw_is_nullable(t) ? 0 : GCA_NONNULL) | (has_no_i31(zw_heap_type(t)) ? GCA_NO_I31 : 0);
}
// By where it comes from; P2 does not carry types along.
unsigned zb_known_of_ref(const Build *b, Ref ref)
{
  if (!zw_ref_is_value(ref) || b->o->no_fold)
    return 0;
  const ZIns *i = &b->f->ins[ref], *call = i->op == OP_result ? &b->f->ins[i->a] : i;
  uint32_t k = i->op == OP_result ? i->b : 0;
  switch (call->op) {
  case OP_param: return known_of_type(b->m->types[b->f->type].func->params[i->a]);
  case OP_call: return known_of_type(zw_func_type(b->m, call->c)->results[k]);
  case OP_call_elem: return known_of_type(b->m->types[call->c].func->results[k]);
  case OP_gc_load: case OP_gc_elem: return i->fl & (GCA_NONNULL | GCA_NO_I31);
  case OP_gc_new: case OP_vm_addr: return GCA_NONNULL | GCA_NO_I31;
  case OP_ref_i31: return GCA_NONNULL;
  case OP_lib: break;
  default: return 0;
  }
  bool fresh = i->c == LIB_struct_new || i->c == LIB_array_new || i->c == LIB_array_new_data || i->c == LIB_array_new_elem;
  return fresh ? GCA_NONNULL | GCA_NO_I31 : 0;
}

// How a field or element is accessed.
static unsigned access_of(const Build *b, const FieldType *f, bool sign)
{
  uint32_t bytes = zw_gc_field_bytes(f->type, zw_val_kind(b->m, f->type) == VK_FUNCREF);
  return (unsigned)__builtin_ctz(bytes) | (sign && bytes < 4 ? GCA_SIGNED : 0) | known_of_type(f->type);
}
// The same load for whoever asks: of what never changes.
static Ref word_of(Build *b, Ref ref, uint32_t offset)
{
  return zb_number(b, zb_key(OP_gc_load, VK_I32, 2, ref, heap_base(b), offset));
}
static void store(Build *b, Ref ref, uint32_t offset, unsigned how, Ref v)
{
  append(b, OP_gc_store, VK_COUNT, how, xa_list(b, (Ref[]){ ref, heap_base(b), v }, 3), 0, offset);
}
// A zeroed object of so many bytes, by machine code when it is small.
static Ref new_object(Build *b, uint32_t type, uint32_t bytes)
{
  bytes = (uint32_t)zw_align_up(bytes, GC_CELL);
  if (bytes <= GC_BUMP_MOST)
    return append(b, OP_gc_new, VK_REF, 0, heap_base(b), bytes, type);
  return zb_lib(b, LIB_struct_new, VK_REF, (Ref[]){ i64_const(b, type) }, 1);
}
static Ref not(Build *b, Ref cond) { return un(b, OP_i32_eqz, cond); }
static Ref is_null(Build *b, Ref ref) { return un(b, OP_i64_eqz, ref); }

// ---- structures ----
static Key field_load(Build *b, const FieldType *f, Ref ref, bool sign)
{
  return zb_key(OP_gc_load, zw_val_kind(b->m, f->type), access_of(b, f, sign), ref, heap_base(b), f->at);
}

static void struct_new(Build *b, uint32_t type, bool fields)
{
  const TypeDef *t = &b->m->types[type];
  const FieldType *last = t->nfields ? &t->fields[t->nfields - 1] : NULL;
  Ref ref = new_object(b, type, last ? last->at + (1u << (access_of(b, last, false) & GCA_WIDTH)) : GC_HEAD_BYTES);
  if (fields) {
    b->sp -= t->nfields;
    for (uint32_t k = 0; k < t->nfields; k++) {
      const FieldType *f = &t->fields[k];
      Ref v = b->stack[b->sp + k];
      uint64_t c;
      if (!zb_is_const(b, v, &c) || c || zw_ref_type(b->f, v) == VK_V128) // it is zeroed
        store(b, ref, f->at, access_of(b, f, false), v);
      if (f->mutable_)
        zb_field_store(b, field_load(b, f, ref, false), v, true);
    }
  }
  push(b, ref);
}

static void struct_field(Build *b, Op op, const FieldType *f)
{
  if (op == OP_struct_set) {
    Ref v = pop(b), ref = pop(b);
    zb_null_check(b, ref, TRAP_null_struct);
    store(b, ref, f->at, access_of(b, f, false), v);
    zb_field_store(b, field_load(b, f, ref, false), v, false);
    return;
  }
  Ref ref = pop(b);
  zb_null_check(b, ref, TRAP_null_struct);
  Key load = field_load(b, f, ref, op == OP_struct_get_s);
  push(b, f->mutable_ ? zb_load_fact(b, load, ST_GC) : zb_number(b, load));
}

// ---- arrays ----
static Ref length(Build *b, Ref array) { return word_of(b, array, GC_ARRAY_LENGTH); }

// A value of any type as two words.
static void as_words(Build *b, Ref v, Ref out[2])
{
  out[1] = i64_const(b, 0);
  switch (zw_ref_type(b->f, v)) {
  case VK_F32: v = un(b, OP_i32_reinterpret_f32, v); break;
  case VK_F64: v = un(b, OP_i64_reinterpret_f64, v); break;
  case VK_V128:
    out[1] = zb_pure(b, OP_i64x2_extract_lane, VK_I64, v, 0, 1);
    v = zb_pure(b, OP_i64x2_extract_lane, VK_I64, v, 0, 0);
    break;
  case VK_I32: case VK_I64: case VK_FUNCREF: case VK_REF: case VK_COUNT: break;
  }
  out[0] = to_i64(b, v);
}
static void fill(Build *b, Ref array, Ref at, Ref n, Ref v)
{
  Ref word[2];
  as_words(b, v, word);
  zb_lib(b, LIB_array_fill, VK_COUNT, (Ref[]){ array, at, n, word[0], word[1] }, 5);
}

static Ref new_array(Build *b, uint32_t type, const FieldType *f, uint32_t n)
{
  uint64_t bytes = GC_ARRAY_DATA + ((uint64_t)n << (access_of(b, f, false) & GCA_WIDTH));
  if (bytes > GC_BUMP_MOST)
    return zb_lib(b, LIB_array_new, VK_REF, (Ref[]){ i32_const(b, type), i32_const(b, n) }, 2);
  Ref ref = new_object(b, type, (uint32_t)bytes);
  store(b, ref, GC_ARRAY_LENGTH, 2, i32_const(b, n));
  return ref;
}

static void array_new(Build *b, Op op, uint32_t type)
{
  Ref n, v = REF_NONE, t = i32_const(b, type);
  uint64_t c;
  if (op == OP_array_new_fixed) {
    uint32_t count = zw_fast_u32(&b->p);
    const FieldType *f = b->m->types[type].fields;
    unsigned how = access_of(b, f, false);
    Ref ref = new_array(b, type, f, count);
    b->sp -= count;
    for (uint32_t k = 0; k < count; k++)
      store(b, ref, GC_ARRAY_DATA + (k << (how & GCA_WIDTH)), how, b->stack[b->sp + k]);
    push(b, ref);
    return;
  }
  n = pop(b);
  if (op == OP_array_new)
    v = pop(b);
  Ref ref = !b->o->no_fold && zb_is_const(b, n, &c) ? new_array(b, type, b->m->types[type].fields, (uint32_t)c)
                                                    : zb_lib(b, LIB_array_new, VK_REF, (Ref[]){ t, n }, 2);
  if (v != REF_NONE && (!zb_is_const(b, v, &c) || c || zw_ref_type(b->f, v) == VK_V128))
    fill(b, ref, i32_const(b, 0), n, v);
  push(b, ref);
}

static void array_segment(Build *b, Op op, uint32_t type)
{
  Ref seg = i32_const(b, zw_fast_u32(&b->p)), n = pop(b), from = pop(b);
  if (op == OP_array_new_data || op == OP_array_new_elem) {
    unsigned id = op == OP_array_new_data ? LIB_array_new_data : LIB_array_new_elem;
    push(b, zb_lib(b, id, VK_REF, (Ref[]){ i32_const(b, type), seg, from, n }, 4));
    return;
  }
  Ref at = pop(b), array = pop(b);
  zb_null_check(b, array, TRAP_null_array);
  unsigned id = op == OP_array_init_data ? LIB_array_init_data : LIB_array_init_elem;
  zb_lib(b, id, VK_COUNT, (Ref[]){ seg, array, at, from, n }, 5);
}

static void array_element(Build *b, Op op, uint32_t type)
{
  const FieldType *f = b->m->types[type].fields;
  Ref v = op == OP_array_set ? pop(b) : REF_NONE, index = pop(b), array = pop(b);
  unsigned how = access_of(b, f, op == OP_array_get_s);
  zb_null_check(b, array, TRAP_null_array);
  if (!zw_ref_is_value(array) || !zb_was_checked(b, (uint32_t)FACT_INDEX_OF | array, index, 1))
    trapif(b, bin(b, OP_i32_ge_u, index, length(b, array)), TRAP_array_oob);
  if (op == OP_array_set)
    append(b, OP_gc_put, VK_COUNT, how, xa_list(b, (Ref[]){ array, heap_base(b), index, v }, 4), 0, 0);
  else
    push(b, append(b, OP_gc_elem, zw_val_kind(b->m, f->type), how, array, heap_base(b), index));
}

static void array_fill(Build *b)
{
  Ref n = pop(b), v = pop(b), at = pop(b), array = pop(b);
  zb_null_check(b, array, TRAP_null_array);
  fill(b, array, at, n, v);
}

static void array_copy(Build *b)
{
  Ref n = pop(b), from = pop(b), src = pop(b), at = pop(b), dst = pop(b);
  zb_null_check(b, dst, TRAP_null_array);
  zb_null_check(b, src, TRAP_null_array);
  zb_lib(b, LIB_array_copy, VK_COUNT, (Ref[]){ dst, at, src, from, n }, 5);
}

// ---- casts ----
// A word of the row of a type id.
static Ref row_word(Build *b, Ref rows, Ref id, uint32_t word)
{
  Ref place = bin(b, OP_i64_add, rows, bin(b, OP_i64_shl, to_i64(b, id), i64_const(b, 3)));
  return ptr_load(b, VK_I32, ptr_load(b, VK_I64, place, 0, AL_IMMUT), 4 * word, AL_IMMUT);
}
static Ref rows_of_types(Build *b) { return vm_load(b, VK_I64, offsetof(VmCtx, type_rows), AL_IMMUT); }

// Is the type with this id (0 = none) that type of the module or below it?
Ref zb_is_subtype(Build *b, Ref id, uint32_t type)
{
  const TypeDef *t = &b->m->types[type];
  Ref want = vm_load(b, VK_I32, b->f->layout.type_ids + 4 * type, AL_IMMUT);
  if (t->final)
    return bin(b, OP_i32_eq, id, want);
  if (t->depth >= GC_ROW_DEPTH)
    return zb_lib(b, LIB_sig_subtype, VK_I32, (Ref[]){ id, want }, 2);
  return bin(b, OP_i32_eq, row_word(b, rows_of_types(b), id, GC_ROW_DISPLAY + t->depth), want);
}

typedef struct Operand { Ref ref; bool nonnull, no_i31; } Operand; // what is known of it

static Ref is_i31(Build *b, Ref ref) { return bin(b, OP_i32_and, un(b, OP_i32_wrap_i64, ref), i32_const(b, 1)); }
// The id of its type, 0 for null and i31.
static Ref type_id(Build *b, const Operand *o)
{
  Ref ref = o->ref, none = zw_zir_const(b->f, VK_REF, GC_NO_OBJECT, 0);
  if (!o->no_i31)
    ref = zb_select(b, none, ref, is_i31(b, o->ref));
  if (!o->nonnull)
    ref = zb_select(b, none, ref, is_null(b, o->ref));
  return word_of(b, ref, 0);
}
// The kind in the row of its type: 0 for all that is no struct or array.
static Ref kind_of(Build *b, const Operand *o)
{
  Ref rows = rows_of_types(b);
  return row_word(b, rows, type_id(b, o), GC_ROW_KIND);
}
static Ref is_function_of(Build *b, const Operand *o, uint32_t type)
{
  Ref f = o->ref;
  if (!o->nonnull) { // a FuncRef of no type
    uint32_t at = offsetof(VmCtx, no_type) - offsetof(FuncRef, type_id);
    f = zb_select(b, append(b, OP_vm_addr, VK_FUNCREF, 0, at, 0, 0), f, is_null(b, f));
  }
  return zb_is_subtype(b, ptr_load(b, VK_I32, f, offsetof(FuncRef, type_id), AL_IMMUT), type);
}

// Is it of the heap type, and not null?  Null is asked for by itself: a condition that takes it for granted reads no head.
static Ref is_of(Build *b, const Operand *o, uint32_t heap)
{
  if (heap < HEAP_ABSTRACT)
    return b->m->types[heap].kind == COMP_FUNC ? is_function_of(b, o, heap) : zb_is_subtype(b, type_id(b, o), heap);
  switch (heap) {
  case HEAP_FUNC: case HEAP_EXTERN: case HEAP_ANY: case HEAP_EXN:
    return o->nonnull ? i32_const(b, 1) : not(b, is_null(b, o->ref));
  case HEAP_I31: return is_i31(b, o->ref);
  case HEAP_STRUCT: return bin(b, OP_i32_eq, kind_of(b, o), i32_const(b, COMP_STRUCT + 1));
  case HEAP_ARRAY: return bin(b, OP_i32_eq, kind_of(b, o), i32_const(b, COMP_ARRAY + 1));
  case HEAP_EQ: return bin(b, OP_i32_or, bin(b, OP_i32_ne, kind_of(b, o), i32_const(b, 0)), is_i31(b, o->ref));
  default: return i32_const(b, 0); // the bottom types have only null
  }
}
static Ref is_of_type(Build *b, const Operand *o, uint32_t heap, bool nullable)
{
  if (nullable && (heap == HEAP_FUNC || heap == HEAP_EXTERN || heap == HEAP_ANY || heap == HEAP_EXN))
    return i32_const(b, 1);
  Ref is = is_of(b, o, heap);
  return nullable && !o->nonnull ? bin(b, OP_i32_or, is, is_null(b, o->ref)) : is;
}

static void cast(Build *b, Op op)
{
  bool test = op == OP_ref_test || op == OP_ref_test_null, nullable = op == OP_ref_test_null || op == OP_ref_cast_null;
  uint32_t heap = zw_fast_heaptype(&b->p);
  Operand o = { .ref = pop(b) };
  unsigned known = zb_known_of_ref(b, o.ref);
  o.nonnull = known & GCA_NONNULL, o.no_i31 = known & GCA_NO_I31;
  if (test) {
    push(b, is_of_type(b, &o, heap, nullable));
    return;
  }
  if (!nullable)
    zb_null_check(b, o.ref, TRAP_cast_failure), o.nonnull = true;
  trapif(b, not(b, is_of_type(b, &o, heap, nullable)), TRAP_cast_failure);
  push(b, o.ref);
}

void zb_br_on_cast(Build *b, bool on_success)
{
  enum { NULL_FROM = 1, NULL_TO = 2 };
  uint8_t flags = *b->p++;
  uint32_t label = zw_fast_u32(&b->p), from = zw_fast_heaptype(&b->p), to = zw_fast_heaptype(&b->p);
  Operand o = { .ref = b->stack[b->sp - 1] };
  unsigned known = zb_known_of_ref(b, o.ref);
  o.nonnull = !(flags & NULL_FROM) || known & GCA_NONNULL, o.no_i31 = has_no_i31(from) || known & GCA_NO_I31;
  Ref is = is_of_type(b, &o, to, flags & NULL_TO);
  zb_br_if(b, OP_br, label, on_success ? is : not(b, is));
}

// ---- everything of page 0xfb that does not branch ----
void zb_gc_op(Build *b, Op op)
{
  uint32_t x;
  switch ((uint32_t)op) {
  case OP_struct_new: case OP_struct_new_default: struct_new(b, zw_fast_u32(&b->p), op == OP_struct_new); return;
  case OP_struct_get: case OP_struct_get_s: case OP_struct_get_u: case OP_struct_set:
    x = zw_fast_u32(&b->p);
    struct_field(b, op, &b->m->types[x].fields[zw_fast_u32(&b->p)]);
    return;
  case OP_array_new: case OP_array_new_default: case OP_array_new_fixed:
    array_new(b, op, zw_fast_u32(&b->p));
    return;
  case OP_array_new_data: case OP_array_new_elem: case OP_array_init_data: case OP_array_init_elem:
    array_segment(b, op, zw_fast_u32(&b->p));
    return;
  case OP_array_get: case OP_array_get_s: case OP_array_get_u: case OP_array_set:
    array_element(b, op, zw_fast_u32(&b->p));
    return;
  case OP_array_fill: zw_skip_imm(&b->p, op), array_fill(b); return;
  case OP_array_copy: zw_skip_imm(&b->p, op), array_copy(b); return;
  case OP_array_len: {
    Ref array = pop(b);
    zb_null_check(b, array, TRAP_null_array);
    push(b, length(b, array));
    return;
  }
  case OP_ref_test: case OP_ref_test_null: case OP_ref_cast: case OP_ref_cast_null: cast(b, op); return;
  case OP_any_convert_extern: case OP_extern_convert_any: return; // the same word
  case OP_ref_i31: push(b, append(b, OP_ref_i31, VK_REF, 0, pop(b), 0, 0)); return;
  case OP_i31_get_s: case OP_i31_get_u: {
    Ref ref = pop(b);
    zb_null_check(b, ref, TRAP_null_i31);
    push(b, bin(b, op == OP_i31_get_s ? OP_i32_shr_s : OP_i32_shr_u, un(b, OP_i32_wrap_i64, ref), i32_const(b, 1)));
    return;
  }
  default: BUG("op %u is not of the GC proposal", op);
  }
}
