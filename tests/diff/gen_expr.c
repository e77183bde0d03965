// Expressions: expr() leaves one value of a type on the stack.  Arithmetic instructions are drawn from the instruction table
// by their signatures, so that a new row is covered by being there.
#include "gen_int.h"

static void constant(Gen *g, ValType t)
{
  uint64_t v = gen_number(g);
  switch (t) {
  case VT_I32: i32_const(g, (uint32_t)v); return;
  case VT_I64: i64_const(g, v); return;
  case VT_F32: {
    uint32_t b = (uint32_t)v;
    if ((b & 0x7f800000) == 0x7f800000 && b & 0x7fffff)
      b = 0x7fc00000;
    op(g, OP_f32_const);
    bytes(g->code, &b, 4);
    return;
  }
  case VT_F64:
    if ((v & 0x7ff0000000000000) == 0x7ff0000000000000 && v & 0xfffffffffffff)
      v = 0x7ff8000000000000;
    op(g, OP_f64_const);
    bytes(g->code, &v, 8);
    return;
  case VT_V128:
    op(g, OP_v128_const);
    bytes(g->code, &v, 8);
    v = gen_number(g);
    bytes(g->code, &v, 8);
    return;
  }
  gen_default_value(g, t);
}

// A small value of any type without recursion into gen_expr().
void gen_default_value(Gen *g, ValType t)
{
  uint32_t heap = zw_heap_type(t);
  if (!zw_is_ref(t)) {
    constant(g, t);
    return;
  }
  if (heap == HEAP_FUNC && gen_chance(g, 60)) {
    op1(g, OP_ref_func, g->nhelpers + gen_rnd(g, g->nfuncs - g->nhelpers - g->nexports));
    return;
  }
  if (heap < g->nshapes && (!zw_is_nullable(t) || gen_chance(g, 70))) {
    const Shape *s = &g->shapes[heap];
    if (s->array)
      i32_const(g, gen_rnd(g, 9));
    op1(g, s->array ? OP_array_new_default : OP_struct_new_default, heap);
    return;
  }
  if ((heap == HEAP_ANY || heap == HEAP_EQ || heap == HEAP_I31) && gen_chance(g, 60)) {
    i32_const(g, (uint32_t)gen_number(g));
    op(g, OP_ref_i31);
    return;
  }
  op(g, OP_ref_null);
  heap_type(g->code, heap);
}

bool gen_subtype(const Gen *g, ValType a, ValType b)
{
  if (a == b)
    return true;
  if (!zw_is_ref(a) || !zw_is_ref(b) || (zw_is_nullable(a) && !zw_is_nullable(b)))
    return false;
  uint32_t x = zw_heap_type(a), y = zw_heap_type(b);
  while (x != y && x < HEAP_ABSTRACT && x < g->nshapes && g->shapes[x].super != UINT32_MAX && y < HEAP_ABSTRACT)
    x = g->shapes[x].super;
  if (x == y)
    return true;
  bool gc = x < g->nshapes || x == HEAP_I31 || x == HEAP_EQ;
  return (y == HEAP_EQ && gc) || (y == HEAP_ANY && gc);
}

bool gen_variable(Gen *g, ValType t)
{
  uint32_t start = gen_rnd(g, g->nlocals + g->nglobals), n = g->nlocals + g->nglobals;
  for (uint32_t k = 0; k < n; k++) {
    uint32_t i = (start + k) % n;
    if (i < g->nlocals ? gen_subtype(g, g->local[i], t) : gen_subtype(g, g->global[i - g->nlocals], t) && i - g->nlocals != g->nglobals - 1) {
      if (i < g->nlocals)
        op1(g, OP_local_get, i);
      else
        op1(g, OP_global_get, i - g->nlocals);
      return true;
    }
  }
  return false;
}

static bool chooses_nan(const char *id)
{
  static const char *const safe[] = { "_abs", "_neg", "copysign", "reinterpret", "convert", "splat", "replace", "extract", "pmin", "pmax", "_eq", "_ne", "_lt", "_gt", "_le", "_ge" };
  bool is_float = id[0] == 'f';
  for (uint32_t i = 0; i < ARRAY_COUNT(safe); i++)
    if (__builtin_strstr(id, safe[i]))
      return false;
  return is_float;
}
static void canonical(Gen *g, Op o)
{
  const char *id = zw_op_info[o].id;
  if (!chooses_nan(id))
    return;
  bool vector = id[3] == 'x', wide = id[1] == '6';
  op1(g, OP_call, g->canon[2 * vector + wide]);
}

static ValType sig_type(uint8_t letter) { return letter; } // ValKind of numbers and ValType agree
static bool usable(const Gen *g, Op o)
{
  const OpInfo *i = &zw_op_info[o];
  if (i->kind == OPK_TNUM)
    return true;
  if (i->kind != OPK_NUM || i->nout != 1)
    return false;
  if (i->feature == FEAT_RELAXED || i->feature == FEAT_WIDE)
    return false;
  return i->feature != FEAT_SIMD || gen_has(g, GEN_SIMD);
}
// An arithmetic instruction with this result.
static void arithmetic(Gen *g, ValType t, uint32_t depth)
{
  for (uint32_t tries = 0; tries < 400; tries++) {
    Op o = (Op)gen_rnd(g, OP_COUNT);
    const OpInfo *i = &zw_op_info[o];
    if (!usable(g, o) || i->out[0] != t || (i->kind == OPK_TNUM && !gen_chance(g, 15)))
      continue;
    for (uint32_t k = 0; k < i->nin; k++)
      gen_expr(g, sig_type(i->in[k]), depth - 1);
    op(g, o);
    if (i->flags & OPF_LANEIMM) {
      const char *x = __builtin_strchr(i->id, 'x');
      byte(g->code, gen_rnd(g, x[1] == '1' ? 16 : (uint32_t)(x[1] - '0')));
    }
    canonical(g, o);
    return;
  }
  constant(g, t);
}

// ---- memory ----

void gen_address(Gen *g, uint32_t memory, uint32_t depth)
{
  bool is64 = g->is64[memory];
  gen_expr(g, is64 ? VT_I64 : VT_I32, depth);
  if (gen_chance(g, 1))
    return; // anywhere
  if (is64)
    i64_const(g, 0xfff), op(g, OP_i64_and);
  else
    i32_const(g, 0xfff), op(g, OP_i32_and);
}
static void memarg(Gen *g, uint32_t memory, uint32_t align)
{
  static const uint64_t far[] = { 0xffff, 0x10000, 0x1ffff, 0xffffffff };
  u32(g->code, align | (memory ? 0x40 : 0));
  if (memory)
    u32(g->code, memory);
  u64(g->code, gen_chance(g, 99) ? gen_rnd(g, 100) : far[gen_rnd(g, ARRAY_COUNT(far))]);
}
static uint32_t log2_of(uint32_t width) { return width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : width == 8 ? 3 : 4; }

static bool usable_access(const Gen *g, Op o)
{
  const OpInfo *i = &zw_op_info[o];
  if ((i->kind != OPK_MEM && i->kind != OPK_LANE) || i->flags & (OPF_WAIT | OPF_NOTIFY))
    return false;
  if (i->flags & OPF_ATOMIC)
    return gen_has(g, GEN_ATOMICS);
  return i->feature != FEAT_SIMD || gen_has(g, GEN_SIMD);
}
// A load, store or atomic; result VT_BOT: a store.
bool gen_access_memory(Gen *g, ValType result, uint32_t depth)
{
  for (uint32_t tries = 0; tries < 400; tries++) {
    Op o = (Op)gen_rnd(g, OP_COUNT);
    const OpInfo *i = &zw_op_info[o];
    if (!usable_access(g, o) || (result == VT_BOT ? i->nout != 0 : i->nout != 1 || i->out[0] != result))
      continue;
    uint32_t memory = gen_rnd(g, g->nmemories);
    bool atomic = i->flags & OPF_ATOMIC;
    gen_address(g, memory, depth - 1);
    if (atomic && gen_chance(g, 90)) { // aligned, with the offset below
      if (g->is64[memory])
        i64_const(g, 0xff8), op(g, OP_i64_and);
      else
        i32_const(g, 0xff8), op(g, OP_i32_and);
    }
    for (uint32_t k = 1; k < i->nin; k++)
      gen_expr(g, sig_type(i->in[k]), depth - 1);
    op(g, o);
    if (atomic) {
      u32(g->code, log2_of(i->width) | (memory ? 0x40 : 0));
      if (memory)
        u32(g->code, memory);
      u32(g->code, 8 * gen_rnd(g, 10));
    } else
      memarg(g, memory, gen_rnd(g, log2_of(i->width) + 1));
    if (i->kind == OPK_LANE)
      byte(g->code, gen_rnd(g, 16 / i->width));
    return true;
  }
  return false;
}

void gen_expr(Gen *g, ValType t, uint32_t depth)
{
  if (depth == 0 || g->budget-- <= 0 || depth > 64) {
    if (!(gen_chance(g, 60) && gen_variable(g, t)))
      gen_default_value(g, t);
    return;
  }
  uint32_t how = gen_rnd(g, 100);
  if (how < 10 && gen_variable(g, t))
    return;
  if (how < 15) {
    gen_block(g, &t, 1, depth);
    return;
  }
  if (how < 22 && gen_call(g, &t, 1, false, depth))
    return;
  if (how < 26 && g->ntags) {
    gen_try_block(g, t, depth);
    return;
  }
  if (how < 31) {
    gen_expr(g, t, depth - 1);
    gen_expr(g, t, depth - 1);
    gen_expr(g, VT_I32, depth - 1);
    if (zw_is_ref(t))
      op(g, OP_select_t), u32(g->code, 1), val_type(g->code, t);
    else
      op(g, OP_select);
    return;
  }
  if (how < 38 && gen_has(g, GEN_GC) && gen_from_object(g, t, depth))
    return;
  if (how < 42 && t == VT_I32 && (gen_has(g, GEN_GC) || gen_has(g, GEN_REFS))) {
    gen_ref_fact(g, depth);
    return;
  }
  if (zw_is_ref(t)) {
    gen_ref_expr(g, t, depth);
    return;
  }
  if (how < 44 && t == VT_V128) {
    gen_expr(g, t, depth - 1);
    gen_expr(g, t, depth - 1);
    op(g, OP_i8x16_shuffle);
    for (int i = 0; i < 16; i++)
      byte(g->code, gen_rnd(g, 32));
    return;
  }
  if (how < 55 && gen_access_memory(g, t, depth))
    return;
  if (how < 57 && (t == VT_I32 || t == VT_I64)) {
    uint32_t m = gen_rnd(g, g->nmemories);
    if (g->is64[m] == (t == VT_I64)) {
      if (gen_chance(g, 30))
        constant(g, t), op1(g, OP_memory_grow, m);
      else
        op1(g, OP_memory_size, m);
      return;
    }
  }
  if (how < 60 && t == VT_I64 && gen_has(g, GEN_WIDE)) {
    bool four = gen_chance(g, 50);
    for (int i = 0; i < (four ? 4 : 2); i++)
      gen_expr(g, VT_I64, depth - 1);
    op(g, four ? gen_chance(g, 50) ? OP_i64_add128 : OP_i64_sub128 : gen_chance(g, 50) ? OP_i64_mul_wide_s : OP_i64_mul_wide_u);
    op(g, OP_i64_xor);
    return;
  }
  if (how < 65) {
    constant(g, t);
    return;
  }
  arithmetic(g, t, depth);
}
