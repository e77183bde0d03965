// References, structures and arrays.  spec: valid-instr-struct and its neighbours
#include "compiler/wasm/check_int.h"

const TypeDef *zw_check_comp_type(Module *m, uint32_t index, CompKind kind, uint64_t at)
{
  static const char *const names[] = { "function", "structure", "array" };
  if (index >= m->ntypes)
    zw_fail(m->ctx, ERR_invalid, at, "unknown type %u", index);
  if (m->types[index].kind != kind)
    zw_fail(m->ctx, ERR_invalid, at, "unknown type %u: it is not a %s type", index, names[kind]);
  return &m->types[index];
}

void zw_check_defaultable(Module *m, const TypeDef *t, uint64_t at)
{
  if (!t->defaultable)
    zw_fail(m->ctx, ERR_type_mismatch, at, "type %u has a field without default value", (uint32_t)(t - m->types));
}

static const TypeDef *read_comp(FuncCheck *f, CompKind kind, uint32_t *index)
{
  *index = zw_read_u32(&f->r);
  return zw_check_comp_type(f->m, *index, kind, zw_here(f));
}

static ValType ref_null(uint32_t heap) { return VT_REF | VT_NULL | heap; }
static bool is_packed(ValType t) { return t == VT_I8 || t == VT_I16; }

static void check_struct_new(FuncCheck *f, bool defaults)
{
  uint32_t x;
  const TypeDef *t = read_comp(f, COMP_STRUCT, &x);
  if (defaults) {
    zw_check_defaultable(f->m, t, zw_here(f));
  } else { // one operand after the other: a list of them would have to be made from the fields
    for (uint32_t i = t->nfields; i-- > 0;)
      zw_pop(f, zw_unpacked(t->fields[i].type));
  }
  zw_push_type(f, VT_REF | x);
}

// struct.get and its kin: plain on unpacked fields, _s and _u on packed ones.
static void check_packing(FuncCheck *f, ValType storage, bool plain)
{
  if (is_packed(storage) == plain)
    zw_fail(f->c, ERR_type_mismatch, zw_here(f),
            plain ? "a packed field needs _s or _u" : "_s and _u need a packed field");
}

static void check_struct_access(FuncCheck *f)
{
  uint32_t x;
  const TypeDef *t = read_comp(f, COMP_STRUCT, &x);
  const FieldType *field = &t->fields[zw_read_index(f, t->nfields, "field")];
  zw_effect(f, EFF_TRAP);
  if (f->op == OP_struct_set) {
    if (!field->mutable_)
      CHECK_FAIL(f, "immutable field");
    zw_pop_list(f, (ValType[]){ ref_null(x), zw_unpacked(field->type) }, 2);
    zw_effect(f, EFF_GC);
    return;
  }
  check_packing(f, field->type, f->op == OP_struct_get);
  zw_pop(f, ref_null(x));
  zw_push_type(f, zw_unpacked(field->type));
}

static const FieldType *read_array(FuncCheck *f, uint32_t *x) { return read_comp(f, COMP_ARRAY, x)->fields; }

static void need_mutable(FuncCheck *f, const FieldType *elem)
{
  if (!elem->mutable_)
    CHECK_FAIL(f, "immutable array");
}

static void check_array_new(FuncCheck *f)
{
  uint32_t x;
  const FieldType *elem = read_array(f, &x);
  ValType t = zw_unpacked(elem->type);
  zw_effect(f, EFF_TRAP);
  switch ((uint32_t)f->op) {
  case OP_array_new: zw_pop_list(f, (ValType[]){ t, VT_I32 }, 2); break;
  case OP_array_new_default:
    zw_check_defaultable(f->m, &f->m->types[x], zw_here(f));
    zw_pop(f, VT_I32);
    break;
  default: { // array.new_fixed
    uint32_t n = zw_read_u32(&f->r);
    if (n > LIMIT_ARRAY_NEW_FIXED)
      zw_fail(f->c, ERR_limit, zw_here(f), "array.new_fixed of %u; at most %u are allowed", n, LIMIT_ARRAY_NEW_FIXED);
    while (n--)
      zw_pop(f, t);
  }
  }
  zw_push_type(f, VT_REF | x);
}

// Elements that bytes can be read into.
static void need_plain_elements(FuncCheck *f, const FieldType *elem)
{
  if (zw_is_ref(elem->type))
    CHECK_FAIL(f, "array type is not numeric or vector");
}

static void need_segment_elements(FuncCheck *f, const FieldType *elem)
{
  ValType from = f->m->elems[zw_read_index(f, f->m->nelems, "elem segment")].type;
  if (!zw_subtype(f->m, from, elem->type)) {
    char a[64], b[64];
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "elements of type %s do not fit into %s", zw_type_text(f->m, from, a),
            zw_type_text(f->m, elem->type, b));
  }
}

static void check_array_segment(FuncCheck *f)
{
  uint32_t x;
  const FieldType *elem = read_array(f, &x);
  bool init = f->op == OP_array_init_data || f->op == OP_array_init_elem;
  if (init)
    need_mutable(f, elem);
  if (f->op == OP_array_new_data || f->op == OP_array_init_data) {
    need_plain_elements(f, elem);
    zw_read_data_index(f);
  } else {
    need_segment_elements(f, elem);
  }
  zw_effect(f, EFF_TRAP);
  if (init) {
    zw_pop_list(f, (ValType[]){ ref_null(x), VT_I32, VT_I32, VT_I32 }, 4);
    zw_effect(f, EFF_GC);
    return;
  }
  zw_pop_list(f, (ValType[]){ VT_I32, VT_I32 }, 2);
  zw_push_type(f, VT_REF | x);
}

static void check_array_access(FuncCheck *f)
{
  uint32_t x;
  const FieldType *elem = read_array(f, &x);
  zw_effect(f, EFF_TRAP);
  if (f->op == OP_array_set || f->op == OP_array_fill) {
    need_mutable(f, elem);
    ValType want[] = { ref_null(x), VT_I32, zw_unpacked(elem->type), VT_I32 };
    zw_pop_list(f, want, f->op == OP_array_fill ? 4 : 3);
    zw_effect(f, EFF_GC);
    return;
  }
  check_packing(f, elem->type, f->op == OP_array_get);
  zw_pop_list(f, (ValType[]){ ref_null(x), VT_I32 }, 2);
  zw_push_type(f, zw_unpacked(elem->type));
}

static void check_array_copy(FuncCheck *f)
{
  uint32_t x, y;
  const FieldType *to = read_array(f, &x), *from = read_array(f, &y);
  need_mutable(f, to);
  if (!zw_subtype(f->m, from->type, to->type))
    CHECK_FAIL(f, "array types do not match");
  zw_pop_list(f, (ValType[]){ ref_null(x), VT_I32, ref_null(y), VT_I32, VT_I32 }, 5);
  zw_effect(f, EFF_GC | EFF_TRAP);
}

// ---- references ----

static void check_ref_func(FuncCheck *f)
{
  uint32_t k = zw_read_index(f, f->m->nfuncs, "function");
  if (!f->m->funcs[k].declared_ref)
    CHECK_FAIL(f, "undeclared function reference");
  zw_push_type(f, VT_REF | f->m->funcs[k].type);
}

static ValType non_null(uint32_t heap) { return heap == HEAP_BOT ? VT_REF | HEAP_BOT : VT_REF | heap; }

static void check_as_non_null(FuncCheck *f)
{
  bool nullable;
  uint32_t heap = zw_pop_ref(f, &nullable);
  zw_effect(f, EFF_TRAP);
  zw_push_type(f, non_null(heap));
}

static void conditional_branch(FuncCheck *f, Ctrl *label)
{
  if (!f->dead)
    zw_branch(f, label);
}

static void check_br_on_null(FuncCheck *f)
{
  Ctrl *label = zw_read_label(f);
  ValType one;
  BlockType t = zw_label_type(f, label, &one);
  bool nullable;
  uint32_t heap = zw_pop_ref(f, &nullable);
  zw_pop_list(f, t.results, t.nresults);
  zw_push_list(f, t.results, t.nresults);
  conditional_branch(f, label);
  zw_push_type(f, non_null(heap));
  if (!f->dead)
    zw_fall_through(f);
}

static void check_br_on_non_null(FuncCheck *f)
{
  Ctrl *label = zw_read_label(f);
  ValType one;
  BlockType t = zw_label_type(f, label, &one);
  bool nullable;
  uint32_t heap = zw_pop_ref(f, &nullable);
  if (!t.nresults || !zw_subtype(f->m, non_null(heap), t.results[t.nresults - 1])) {
    char a[64];
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "the label does not take %s", zw_type_text(f->m, non_null(heap), a));
  }
  zw_pop_list(f, t.results, t.nresults - 1);
  zw_push_list(f, t.results, t.nresults - 1);
  if (f->dead)
    return;
  zw_branch(f, label);
  zw_fall_through(f);
}

static void check_test_or_cast(FuncCheck *f)
{
  uint32_t heap = zw_read_heaptype(&f->r, f->m);
  bool null = f->op == OP_ref_test_null || f->op == OP_ref_cast_null;
  zw_pop(f, ref_null(zw_heap_top(f->m, heap)));
  if (f->op == OP_ref_test || f->op == OP_ref_test_null) {
    zw_push_type(f, VT_I32);
    return;
  }
  zw_effect(f, EFF_TRAP);
  zw_push_type(f, null ? ref_null(heap) : VT_REF | heap);
}

// from minus to: what is left when a cast to `to` has failed.
static ValType cast_rest(ValType from, ValType to) { return zw_is_nullable(to) ? from & ~VT_NULL : from; }

static void check_br_on_cast(FuncCheck *f)
{
  enum { NULL_FROM = 1, NULL_TO = 2 };
  uint8_t flags = zw_read_u8(&f->r);
  if (flags > (NULL_FROM | NULL_TO))
    zw_fail(f->c, ERR_malformed, zw_here(f), "malformed cast flags");
  Ctrl *label = zw_read_label(f);
  ValType one;
  BlockType t = zw_label_type(f, label, &one);
  ValType from = VT_REF | (flags & NULL_FROM ? VT_NULL : 0) | zw_read_heaptype(&f->r, f->m);
  ValType to = VT_REF | (flags & NULL_TO ? VT_NULL : 0) | zw_read_heaptype(&f->r, f->m);
  ValType rest = cast_rest(from, to);
  bool on_success = f->op == OP_br_on_cast;
  ValType taken = on_success ? to : rest, left = on_success ? rest : to;
  char a[64], b[64];
  if (!zw_subtype(f->m, to, from))
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "a cast from %s to %s", zw_type_text(f->m, from, a),
            zw_type_text(f->m, to, b));
  if (!t.nresults || !zw_subtype(f->m, taken, t.results[t.nresults - 1]))
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "the label does not take %s", zw_type_text(f->m, taken, a));
  zw_pop(f, from);
  zw_pop_list(f, t.results, t.nresults - 1);
  zw_push_list(f, t.results, t.nresults - 1);
  conditional_branch(f, label);
  zw_push_type(f, left);
  if (!f->dead)
    zw_fall_through(f);
}

static void check_convert(FuncCheck *f, uint32_t from, uint32_t to)
{
  ValType got = f->sp[-1];
  zw_pop(f, ref_null(from));
  zw_push_type(f, VT_REF | (got != VT_MARK && zw_is_nullable(got) ? VT_NULL : 0) | to);
}

void zw_check_gc_op(FuncCheck *f)
{
  bool nullable;
  switch ((uint32_t)f->op) {
  case OP_ref_null: zw_push_type(f, ref_null(zw_read_heaptype(&f->r, f->m))); return;
  case OP_ref_is_null:
    zw_pop_ref(f, &nullable);
    zw_push_type(f, VT_I32);
    return;
  case OP_ref_func: check_ref_func(f); return;
  case OP_ref_eq:
    zw_pop_list(f, (ValType[]){ ref_null(HEAP_EQ), ref_null(HEAP_EQ) }, 2);
    zw_push_type(f, VT_I32);
    return;
  case OP_ref_as_non_null: check_as_non_null(f); return;
  case OP_br_on_null: check_br_on_null(f); return;
  case OP_br_on_non_null: check_br_on_non_null(f); return;
  case OP_struct_new: check_struct_new(f, false); return;
  case OP_struct_new_default: check_struct_new(f, true); return;
  case OP_struct_get: case OP_struct_get_s: case OP_struct_get_u: case OP_struct_set: check_struct_access(f); return;
  case OP_array_new: case OP_array_new_default: case OP_array_new_fixed: check_array_new(f); return;
  case OP_array_new_data: case OP_array_new_elem: case OP_array_init_data: case OP_array_init_elem:
    check_array_segment(f);
    return;
  case OP_array_get: case OP_array_get_s: case OP_array_get_u: case OP_array_set: case OP_array_fill:
    check_array_access(f);
    return;
  case OP_array_len:
    zw_pop(f, ref_null(HEAP_ARRAY));
    zw_push_type(f, VT_I32);
    zw_effect(f, EFF_TRAP);
    return;
  case OP_array_copy: check_array_copy(f); return;
  case OP_ref_test: case OP_ref_test_null: case OP_ref_cast: case OP_ref_cast_null: check_test_or_cast(f); return;
  case OP_br_on_cast: case OP_br_on_cast_fail: check_br_on_cast(f); return;
  case OP_any_convert_extern: check_convert(f, HEAP_EXTERN, HEAP_ANY); return;
  case OP_extern_convert_any: check_convert(f, HEAP_ANY, HEAP_EXTERN); return;
  case OP_ref_i31:
    zw_pop(f, VT_I32);
    zw_push_type(f, VT_REF | HEAP_I31);
    return;
  case OP_i31_get_s: case OP_i31_get_u:
    zw_pop(f, ref_null(HEAP_I31));
    zw_push_type(f, VT_I32);
    zw_effect(f, EFF_TRAP);
    return;
  default: BUG("no check for %s", zw_op_info[f->op].text);
  }
}
