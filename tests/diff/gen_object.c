// Objects and references: structs, arrays, casts, what is known of a reference.
#include "gen_int.h"

bool gen_from_object(Gen *g, ValType t, uint32_t depth)
{
  uint32_t start = gen_rnd(g, g->nshapes);
  for (uint32_t k = 0; k < g->nshapes; k++) {
    uint32_t i = (start + k) % g->nshapes;
    const Shape *s = &g->shapes[i];
    for (uint32_t f = 0; f < s->n; f++) {
      bool packed = s->f[f] == VT_I8 || s->f[f] == VT_I16;
      if (!(packed ? t == VT_I32 : gen_subtype(g, s->f[f], t)))
        continue;
      gen_expr(g, gen_shape_ref(i, gen_chance(g, 10)), depth - 1);
      if (s->array) {
        gen_expr(g, VT_I32, depth - 1);
        i32_const(g, 7), op(g, OP_i32_and);
        op1(g, packed ? gen_chance(g, 50) ? OP_array_get_s : OP_array_get_u : OP_array_get, i);
      } else
        op2(g, packed ? gen_chance(g, 50) ? OP_struct_get_s : OP_struct_get_u : OP_struct_get, i, f);
      return true;
    }
  }
  return false;
}
static ValType unpacked(ValType t) { return t == VT_I8 || t == VT_I16 ? VT_I32 : t; }

static void new_object(Gen *g, uint32_t k, uint32_t depth)
{
  const Shape *s = &g->shapes[k];
  if (!s->array) {
    for (uint32_t f = 0; f < s->n; f++)
      gen_expr(g, unpacked(s->f[f]), depth - 1);
    op1(g, OP_struct_new, k);
    return;
  }
  if (gen_chance(g, 50)) {
    uint32_t n = gen_rnd(g, 10);
    for (uint32_t i = 0; i < n; i++)
      gen_expr(g, unpacked(s->f[0]), depth > 2 ? 2 : depth - 1);
    op2(g, OP_array_new_fixed, k, n);
    return;
  }
  if (!zw_is_ref(s->f[0]) && gen_has(g, GEN_BULK) && gen_chance(g, 30)) { // may trap, or the segment may be gone
    i32_const(g, gen_rnd(g, 20)), i32_const(g, gen_rnd(g, 5));
    op2(g, OP_array_new_data, k, 1);
    return;
  }
  gen_expr(g, unpacked(s->f[0]), depth - 1);
  if (gen_chance(g, 70))
    i32_const(g, gen_rnd(g, 20));
  else
    gen_expr(g, VT_I32, depth - 1), i32_const(g, 255), op(g, OP_i32_and);
  op1(g, OP_array_new, k);
}
void gen_object_stmt(Gen *g, uint32_t depth)
{
  uint32_t k = gen_rnd(g, g->nshapes);
  const Shape *s = &g->shapes[k];
  uint32_t f = s->n ? gen_rnd(g, s->n) : 0;
  if (!s->n || !s->mut[f])
    return;
  gen_expr(g, gen_shape_ref(k, gen_chance(g, 10)), depth - 1);
  if (!s->array) {
    gen_expr(g, unpacked(s->f[f]), depth - 1);
    op2(g, OP_struct_set, k, f);
    return;
  }
  uint32_t how = gen_rnd(g, !zw_is_ref(s->f[0]) && gen_has(g, GEN_BULK) ? 4 : 3);
  if (how == 0 && gen_chance(g, 50))
    gen_expr(g, VT_I32, depth - 1), i32_const(g, 7), op(g, OP_i32_and);
  else
    i32_const(g, gen_rnd(g, 6));
  if (how == 3) {
    i32_const(g, gen_rnd(g, 20)), i32_const(g, gen_rnd(g, 4));
    op2(g, OP_array_init_data, k, 1);
    return;
  }
  if (how == 0) {
    gen_expr(g, unpacked(s->f[0]), depth - 1);
    op1(g, OP_array_set, k);
  } else if (how == 1) {
    gen_expr(g, unpacked(s->f[0]), depth - 1);
    i32_const(g, gen_rnd(g, 6));
    op1(g, OP_array_fill, k);
  } else {
    gen_expr(g, gen_shape_ref(k, false), depth - 1);
    i32_const(g, gen_rnd(g, 4)), i32_const(g, gen_rnd(g, 4));
    op2(g, OP_array_copy, k, k);
  }
}
static void cast_target(Gen *g, Op null_form, Op form, uint32_t k)
{
  op(g, gen_chance(g, 30) ? null_form : form);
  heap_type(g->code, k);
}

void gen_ref_expr(Gen *g, ValType t, uint32_t depth)
{
  uint32_t heap = zw_heap_type(t);
  if (heap < g->nshapes && gen_chance(g, 60)) {
    new_object(g, heap, depth);
    return;
  }
  if (heap < g->nshapes && gen_chance(g, 15)) { // may trap
    gen_expr(g, VT_REF | VT_NULL | HEAP_ANY, depth - 1);
    op(g, zw_is_nullable(t) ? OP_ref_cast_null : OP_ref_cast);
    heap_type(g->code, heap);
    return;
  }
  if ((heap == HEAP_ANY || heap == HEAP_EQ) && gen_chance(g, 50)) {
    new_object(g, gen_rnd(g, g->nshapes), depth);
    return;
  }
  if (heap == HEAP_EXTERN && gen_has(g, GEN_GC) && gen_chance(g, 50)) {
    gen_expr(g, VT_REF | VT_NULL | HEAP_ANY, depth - 1);
    op(g, OP_extern_convert_any);
    return;
  }
  if (!gen_variable(g, t))
    gen_default_value(g, t);
}

// i32 facts about references
void gen_ref_fact(Gen *g, uint32_t depth)
{
  if (gen_has(g, GEN_GC)) {
    switch (gen_rnd(g, 5)) {
    case 0:
      gen_expr(g, VT_REF | VT_NULL | HEAP_ANY, depth - 1);
      cast_target(g, OP_ref_test_null, OP_ref_test, gen_chance(g, 60) ? gen_rnd(g, g->nshapes) : HEAP_ANY + gen_rnd(g, 6));
      return;
    case 1:
      gen_expr(g, VT_REF | VT_NULL | HEAP_EQ, depth - 1);
      gen_expr(g, VT_REF | VT_NULL | HEAP_EQ, depth - 1);
      op(g, OP_ref_eq);
      return;
    case 2:
      gen_expr(g, VT_REF | VT_NULL | HEAP_I31, depth - 1);
      op(g, gen_chance(g, 50) ? OP_i31_get_s : OP_i31_get_u);
      return;
    case 3:
      for (uint32_t k = 0; k < g->nshapes; k++)
        if (g->shapes[k].array) {
          gen_expr(g, gen_shape_ref(k, gen_chance(g, 10)), depth - 1);
          op(g, OP_array_len);
          return;
        }
      break;
    case 4: { // br_on_cast, inside a block of its own
      uint32_t k = gen_rnd(g, g->nshapes), from = gen_chance(g, 50) ? HEAP_ANY : HEAP_EQ;
      if (gen_chance(g, 40)) { // what is no such object, or null, goes on
        op(g, OP_block), byte(g->code, 0x7f);
        op(g, OP_block), val_type(g->code, VT_REF | VT_NULL | from);
        gen_expr(g, VT_REF | VT_NULL | from, 0);
        op(g, OP_br_on_cast_fail), byte(g->code, gen_chance(g, 50) ? 1 : 3), u32(g->code, 0), heap_type(g->code, from), heap_type(g->code, k);
        op(g, OP_ref_is_null);
        op1(g, OP_br, 1);
        op(g, OP_end);
        op(g, OP_ref_is_null);
        op(g, OP_end);
        return;
      }
      op(g, OP_block), byte(g->code, 0x7f);
      op(g, OP_block), val_type(g->code, gen_shape_ref(k, false));
      gen_expr(g, VT_REF | VT_NULL | HEAP_ANY, 0);
      op(g, OP_br_on_cast), byte(g->code, 1), u32(g->code, 0), heap_type(g->code, HEAP_ANY), heap_type(g->code, k);
      op(g, OP_ref_is_null);
      op1(g, OP_br, 1);
      op(g, OP_end);
      op(g, OP_drop);
      i32_const(g, 7);
      op(g, OP_end);
      return;
    }
    }
  }
  ValType t = gen_has(g, GEN_GC) && gen_chance(g, 50) ? VT_REF | VT_NULL | HEAP_ANY : gen_has(g, GEN_REFS) ? VT_FUNCREF : VT_I32;
  gen_expr(g, t, depth - 1);
  if (t != VT_I32)
    op(g, OP_ref_is_null);
}
