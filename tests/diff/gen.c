// See gen.h.  Code is generated from types: expr() leaves one value of a type on the stack, stmt() leaves nothing.
// Arithmetic instructions are drawn from the instruction table by their signatures, so that a new row is covered by
// being there.
#include "gen.h"
#include "runtime/abi/valtype.h"
#include "runtime/base/arena.h"
#include "runtime/base/bits.h"
#include "runtime/base/leb.h"
#include "runtime/base/vec.h"

#define F(id) (1ull << FEAT_##id)
const GenWeight gen_weights[GEN_FEATURES] = {
  { "simd", 30, 20, F(SIMD) }, { "memory64", 25, 20, F(MEMORY64) }, { "multi-memory", 15, 0, F(MULTI_MEMORY) },
  { "gc", 25, 10, F(GC) }, { "exceptions", 15, 10, F(EH) }, { "legacy-exceptions", 8, 0, F(LEGACY_EH) },
  { "tail-call", 20, 0, F(TAIL_CALL) }, { "wide-arithmetic", 15, 0, F(WIDE) }, { "atomics", 15, 0, F(THREADS) },
  { "bulk", 40, 0, F(BULK) }, { "references", 40, 0, F(REF_TYPES) },
};
#undef F

enum { MAX_TYPES = 24, MAX_FUNCS = 24, MAX_LOCALS = 24, MAX_GLOBALS = 16, MAX_LABELS = 24, MAX_VALUES = 4, FUEL = 300 };

typedef struct Buf { Arena *a; uint8_t *p; uint32_t n, cap; } Buf;
typedef struct Sig { uint32_t np, nr; ValType p[MAX_VALUES], r[MAX_VALUES]; uint32_t type; } Sig;
typedef struct Shape { bool array; uint32_t n; ValType f[MAX_VALUES]; bool mut[MAX_VALUES]; uint32_t super; /* or -1 */ } Shape;
typedef struct Label { uint32_t n; ValType t[MAX_VALUES]; bool tries; } Label; // values that a branch to it carries

typedef struct Gen {
  Arena *a;
  uint64_t state;
  uint32_t features;
  bool is64[2];               // memories
  uint32_t nmemories;
  Shape shapes[6]; uint32_t nshapes;           // types 0 .. nshapes-1
  Sig sigs[MAX_TYPES]; uint32_t nsigs;         // types nshapes ..
  uint32_t func_sig[MAX_FUNCS], nfuncs, nhelpers, nexports; // helpers, internal functions, exports
  ValType global[MAX_GLOBALS]; uint32_t nglobals; // the last one is the fuel
  uint32_t ntags, tag_sig[3];
  uint32_t canon[4];          // helpers: f32, f64, f32x4, f64x2
  // of the function being made
  Buf *code;
  const Sig *sig;
  uint32_t func;
  ValType local[MAX_LOCALS]; uint32_t nlocals;
  Label label[MAX_LABELS]; uint32_t nlabels;
  int32_t budget;
} Gen;

// ---- choice ----

static uint32_t rnd(Gen *g, uint32_t n)
{
  uint64_t z = g->state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32) % n;
}
static bool chance(Gen *g, uint32_t percent) { return rnd(g, 100) < percent; }
static bool has(const Gen *g, uint32_t feature) { return (g->features & feature) != 0; }
static uint64_t number(Gen *g)
{
  static const uint64_t edges[] = { 0, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
                                    0xffffffff, 0x100000000, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 1, 0x7f800000, 0x7fc00000, 0x3f800000,
                                    0xff800000, 0x4f000000, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff8000000000000, 0x41e0000000000000 };
  if (chance(g, 60))
    return edges[rnd(g, ARRAY_COUNT(edges))];
  uint64_t hi = rnd(g, 0xffffffff);
  return chance(g, 50) ? rnd(g, 200) - (uint64_t)100 : hi << 32 | rnd(g, 0xffffffff);
}

// ---- bytes ----

static void byte(Buf *b, uint32_t v)
{
  if (b->n == b->cap)
    b->p = zw_vec_grow(b->a, b->p, b->n, &b->cap, b->n + 1, 1);
  b->p[b->n++] = (uint8_t)v;
}
static void bytes(Buf *b, const void *p, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    byte(b, ((const uint8_t *)p)[i]);
}
static void u32(Buf *b, uint32_t v) { uint8_t t[10]; bytes(b, t, zw_leb_write_u32(t, v)); }
static void u64(Buf *b, uint64_t v) { uint8_t t[10]; bytes(b, t, zw_leb_write_u64(t, v)); }
static void s64(Buf *b, int64_t v) { uint8_t t[10]; bytes(b, t, zw_leb_write_s64(t, v)); }
static void name(Buf *b, const char *s) { u32(b, (uint32_t)__builtin_strlen(s)); bytes(b, s, (uint32_t)__builtin_strlen(s)); }
static void section(Buf *out, uint32_t id, const Buf *body)
{
  byte(out, id);
  u32(out, body->n);
  bytes(out, body->p, body->n);
}

static void heap_type(Buf *b, uint32_t heap)
{
  static const uint8_t codes[] = { 0x70, 0x73, 0x6f, 0x72, 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x69, 0x74 };
  if (heap < HEAP_ABSTRACT)
    s64(b, heap);
  else
    byte(b, codes[heap - HEAP_ABSTRACT]);
}
static void val_type(Buf *b, ValType t)
{
  static const uint8_t codes[] = { 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0, 0x78, 0x77 };
  if (!zw_is_ref(t)) {
    byte(b, codes[t]);
    return;
  }
  byte(b, zw_is_nullable(t) ? 0x63 : 0x64);
  heap_type(b, zw_heap_type(t));
}

static void op(Gen *g, Op o)
{
  uint32_t code = zw_op_info[o].code;
  if (code >> 16) {
    byte(g->code, code >> 16 & 0xff);
    u32(g->code, code & 0xffff);
  } else
    byte(g->code, code);
}
static void op1(Gen *g, Op o, uint32_t x) { op(g, o), u32(g->code, x); }
static void op2(Gen *g, Op o, uint32_t x, uint32_t y) { op(g, o), u32(g->code, x), u32(g->code, y); }
static void i32_const(Gen *g, uint32_t v) { op(g, OP_i32_const), s64(g->code, (int32_t)v); }
static void i64_const(Gen *g, uint64_t v) { op(g, OP_i64_const), s64(g->code, (int64_t)v); }

// ---- types ----

static ValType shape_ref(uint32_t k, bool nullable) { return VT_REF | (nullable ? VT_NULL : 0) | k; }
static ValType number_type(Gen *g)
{
  uint32_t k = rnd(g, has(g, GEN_SIMD) ? 6 : 4);
  return k < 4 ? k : VT_V128;
}
static ValType value_type(Gen *g)
{
  if (has(g, GEN_GC) && chance(g, 30))
    return chance(g, 50) ? shape_ref(rnd(g, g->nshapes), chance(g, 50)) : VT_REF | VT_NULL | (HEAP_ANY + rnd(g, 3));
  if (has(g, GEN_REFS) && chance(g, 10))
    return chance(g, 60) ? VT_FUNCREF : VT_EXTERNREF;
  return number_type(g);
}
static bool same_types(const ValType *a, uint32_t na, const ValType *b, uint32_t nb)
{
  return na == nb && (na == 0 || memcmp(a, b, na * sizeof *a) == 0);
}
// The index in sigs of a function type, made if it is not there; when there is no room, of the first one.
static uint32_t sig_of(Gen *g, const ValType *p, uint32_t np, const ValType *r, uint32_t nr)
{
  for (uint32_t i = 0; i < g->nsigs; i++)
    if (same_types(g->sigs[i].p, g->sigs[i].np, p, np) && same_types(g->sigs[i].r, g->sigs[i].nr, r, nr))
      return i;
  if (g->nsigs == MAX_TYPES)
    return UINT32_MAX;
  Sig *s = &g->sigs[g->nsigs];
  *s = (Sig){ .np = np, .nr = nr, .type = g->nshapes + g->nsigs };
  if (np)
    memcpy(s->p, p, np * sizeof *p);
  if (nr)
    memcpy(s->r, r, nr * sizeof *r);
  return g->nsigs++;
}

// ---- expressions ----

static void expr(Gen *g, ValType t, uint32_t depth);
static void stmt(Gen *g, uint32_t depth);
static void stmts(Gen *g, uint32_t most, uint32_t depth)
{
  for (uint32_t n = rnd(g, most + 1); n; n--)
    stmt(g, depth);
}

static void default_value(Gen *g, ValType t);
static void constant(Gen *g, ValType t)
{
  uint64_t v = number(g);
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
    v = number(g);
    bytes(g->code, &v, 8);
    return;
  }
  default_value(g, t);
}

// A small value of any type without recursion into expr().
static void default_value(Gen *g, ValType t)
{
  uint32_t heap = zw_heap_type(t);
  if (!zw_is_ref(t)) {
    constant(g, t);
    return;
  }
  if (heap == HEAP_FUNC && chance(g, 60)) {
    op1(g, OP_ref_func, g->nhelpers + rnd(g, g->nfuncs - g->nhelpers - g->nexports));
    return;
  }
  if (heap < g->nshapes && (!zw_is_nullable(t) || chance(g, 70))) {
    const Shape *s = &g->shapes[heap];
    if (s->array)
      i32_const(g, rnd(g, 9));
    op1(g, s->array ? OP_array_new_default : OP_struct_new_default, heap);
    return;
  }
  if ((heap == HEAP_ANY || heap == HEAP_EQ || heap == HEAP_I31) && chance(g, 60)) {
    i32_const(g, (uint32_t)number(g));
    op(g, OP_ref_i31);
    return;
  }
  op(g, OP_ref_null);
  heap_type(g->code, heap);
}

static bool subtype(const Gen *g, ValType a, ValType b)
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

static bool variable(Gen *g, ValType t)
{
  uint32_t start = rnd(g, g->nlocals + g->nglobals), n = g->nlocals + g->nglobals;
  for (uint32_t k = 0; k < n; k++) {
    uint32_t i = (start + k) % n;
    if (i < g->nlocals ? subtype(g, g->local[i], t) : subtype(g, g->global[i - g->nlocals], t) && i - g->nlocals != g->nglobals - 1) {
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
  return i->feature != FEAT_SIMD || has(g, GEN_SIMD);
}
// An arithmetic instruction with this result.
static void arithmetic(Gen *g, ValType t, uint32_t depth)
{
  for (uint32_t tries = 0; tries < 400; tries++) {
    Op o = (Op)rnd(g, OP_COUNT);
    const OpInfo *i = &zw_op_info[o];
    if (!usable(g, o) || i->out[0] != t || (i->kind == OPK_TNUM && !chance(g, 15)))
      continue;
    for (uint32_t k = 0; k < i->nin; k++)
      expr(g, sig_type(i->in[k]), depth - 1);
    op(g, o);
    if (i->flags & OPF_LANEIMM) {
      const char *x = __builtin_strchr(i->id, 'x');
      byte(g->code, rnd(g, x[1] == '1' ? 16 : (uint32_t)(x[1] - '0')));
    }
    canonical(g, o);
    return;
  }
  constant(g, t);
}

// ---- memory ----

static void address(Gen *g, uint32_t memory, uint32_t depth)
{
  bool is64 = g->is64[memory];
  expr(g, is64 ? VT_I64 : VT_I32, depth);
  if (chance(g, 1))
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
  u64(g->code, chance(g, 99) ? rnd(g, 100) : far[rnd(g, ARRAY_COUNT(far))]);
}
static uint32_t log2_of(uint32_t width) { return width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : width == 8 ? 3 : 4; }

static bool usable_access(const Gen *g, Op o)
{
  const OpInfo *i = &zw_op_info[o];
  if ((i->kind != OPK_MEM && i->kind != OPK_LANE) || i->flags & (OPF_WAIT | OPF_NOTIFY))
    return false;
  if (i->flags & OPF_ATOMIC)
    return has(g, GEN_ATOMICS);
  return i->feature != FEAT_SIMD || has(g, GEN_SIMD);
}
// A load, store or atomic; result VT_BOT: a store.
static bool access_memory(Gen *g, ValType result, uint32_t depth)
{
  for (uint32_t tries = 0; tries < 400; tries++) {
    Op o = (Op)rnd(g, OP_COUNT);
    const OpInfo *i = &zw_op_info[o];
    if (!usable_access(g, o) || (result == VT_BOT ? i->nout != 0 : i->nout != 1 || i->out[0] != result))
      continue;
    uint32_t memory = rnd(g, g->nmemories);
    bool atomic = i->flags & OPF_ATOMIC;
    address(g, memory, depth - 1);
    if (atomic && chance(g, 90)) { // aligned, with the offset below
      if (g->is64[memory])
        i64_const(g, 0xff8), op(g, OP_i64_and);
      else
        i32_const(g, 0xff8), op(g, OP_i32_and);
    }
    for (uint32_t k = 1; k < i->nin; k++)
      expr(g, sig_type(i->in[k]), depth - 1);
    op(g, o);
    if (atomic) {
      u32(g->code, log2_of(i->width) | (memory ? 0x40 : 0));
      if (memory)
        u32(g->code, memory);
      u32(g->code, 8 * rnd(g, 10));
    } else
      memarg(g, memory, rnd(g, log2_of(i->width) + 1));
    if (i->kind == OPK_LANE)
      byte(g->code, rnd(g, 16 / i->width));
    return true;
  }
  return false;
}

// ---- calls ----

static void arguments(Gen *g, const Sig *s, uint32_t depth)
{
  for (uint32_t i = 0; i < s->np; i++)
    expr(g, s->p[i], depth - 1);
}
static void drop_types(Gen *g, uint32_t n)
{
  while (n--)
    op(g, OP_drop);
}
// A call of an internal function with these results; 0: any one, results dropped.
static bool call(Gen *g, const ValType *r, uint32_t nr, bool drop, uint32_t depth)
{
  uint32_t n = g->nfuncs - g->nhelpers - g->nexports, start = rnd(g, n);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t f = g->nhelpers + (start + k) % n;
    const Sig *s = &g->sigs[g->func_sig[f]];
    if (!drop && !same_types(s->r, s->nr, r, nr))
      continue;
    arguments(g, s, depth);
    uint32_t how = rnd(g, 10);
    if (how < 6)
      op1(g, OP_call, f);
    else if (how < 8 || !has(g, GEN_REFS)) {
      i32_const(g, chance(g, 90) ? f : rnd(g, 40));
      op2(g, OP_call_indirect, s->type, 0);
    } else {
      op1(g, OP_ref_func, f);
      op1(g, OP_call_ref, s->type);
    }
    if (drop)
      drop_types(g, s->nr);
    return true;
  }
  return false;
}

// ---- control ----

static void block_type(Gen *g, const ValType *r, uint32_t nr)
{
  uint32_t s;
  if (nr == 0)
    byte(g->code, 0x40);
  else if (nr == 1 && chance(g, 80))
    val_type(g->code, r[0]);
  else if ((s = sig_of(g, NULL, 0, r, nr)) != UINT32_MAX)
    s64(g->code, g->sigs[s].type);
  else
    val_type(g->code, r[0]);
}
static bool push_label(Gen *g, const ValType *t, uint32_t n)
{
  if (g->nlabels == MAX_LABELS)
    return false;
  Label *l = &g->label[g->nlabels++];
  *l = (Label){ .n = n };
  if (n)
    memcpy(l->t, t, n * sizeof *t);
  return true;
}
static void burn_fuel(Gen *g)
{
  uint32_t fuel = g->nglobals - 1;
  op1(g, OP_global_get, fuel);
  op(g, OP_i32_eqz);
  op(g, OP_if), byte(g->code, 0x40);
  op(g, OP_unreachable);
  op(g, OP_end);
  op1(g, OP_global_get, fuel);
  i32_const(g, 1);
  op(g, OP_i32_sub);
  op1(g, OP_global_set, fuel);
}

// A branch with a condition out of one of the enclosing labels, whatever it carries.
static void branch(Gen *g, uint32_t depth)
{
  if (!g->nlabels)
    return;
  uint32_t k = rnd(g, g->nlabels);
  const Label l = g->label[g->nlabels - 1 - k];
  for (uint32_t i = 0; i < l.n; i++)
    expr(g, l.t[i], depth - 1);
  expr(g, VT_I32, depth - 1);
  op1(g, OP_br_if, k);
  drop_types(g, l.n);
}
// block { block { block { br_table } ... } ... }
static void switch_stmt(Gen *g, uint32_t depth)
{
  uint32_t n = 1 + rnd(g, 4), made = 0;
  while (made < n && push_label(g, NULL, 0)) {
    op(g, OP_block), byte(g->code, 0x40);
    made++;
  }
  if (!made)
    return;
  expr(g, VT_I32, depth - 1);
  op1(g, OP_br_table, made - 1);
  for (uint32_t i = 0; i < made; i++)
    u32(g->code, rnd(g, made));
  for (; made; made--) {
    op(g, OP_end);
    g->nlabels--;
    stmts(g, 2, depth - 1);
  }
}

static void block(Gen *g, const ValType *t, uint32_t n, uint32_t depth)
{
  static const ValType none[1];
  uint32_t kind = rnd(g, 3);
  if (g->nlabels == MAX_LABELS) {
    for (uint32_t i = 0; i < n; i++)
      expr(g, t[i], 0);
    return;
  }
  if (kind == 2)
    expr(g, VT_I32, depth - 1);
  push_label(g, kind == 1 ? none : t, kind == 1 ? 0 : n);
  op(g, kind == 0 ? OP_block : kind == 1 ? OP_loop : OP_if);
  block_type(g, t, n);
  if (kind == 1)
    burn_fuel(g);
  for (int arm = 0; arm < (kind == 2 ? 2 : 1); arm++) {
    if (arm)
      op(g, OP_else);
    stmts(g, 3, depth - 1);
    for (uint32_t i = 0; i < n; i++)
      expr(g, t[i], depth - 1);
  }
  op(g, OP_end);
  g->nlabels--;
}

// A protected body with the value t; what is caught is dropped and another t made.
static void try_block(Gen *g, ValType t, uint32_t depth)
{
  uint32_t tag = rnd(g, g->ntags);
  const Sig *payload = &g->sigs[g->tag_sig[tag]];
  if (g->nlabels + 3 > MAX_LABELS) {
    expr(g, t, 0);
    return;
  }
  if (has(g, GEN_LEGACY_EH)) {
    op(g, OP_try), val_type(g->code, t);
    push_label(g, &t, 1);
    stmts(g, 2, depth - 1);
    expr(g, t, depth - 1);
    op1(g, OP_catch, tag);
    drop_types(g, payload->np);
    stmts(g, 1, depth - 1);
    if (chance(g, 20))
      op1(g, OP_rethrow, 0);
    else
      expr(g, t, depth - 1);
    if (chance(g, 40)) {
      op(g, OP_catch_all);
      expr(g, t, depth - 1);
    }
    op(g, OP_end);
    g->nlabels--;
    return;
  }
  bool all = chance(g, 30), ref = chance(g, 30);
  op(g, OP_block), val_type(g->code, t);
  push_label(g, &t, 1);
  ValType caught[MAX_VALUES + 1];
  uint32_t n = 0;
  for (uint32_t i = 0; !all && i < payload->np; i++)
    caught[n++] = payload->p[i];
  if (ref)
    caught[n++] = VT_REF | VT_NULL | HEAP_EXN;
  op(g, OP_block);
  if (n > MAX_VALUES || (n > 1 && sig_of(g, NULL, 0, caught, n) == UINT32_MAX))
    all = true, ref = false, n = 0;
  block_type(g, caught, n);
  push_label(g, caught, n);
  op(g, OP_try_table), val_type(g->code, t);
  push_label(g, &t, 1);
  u32(g->code, 1);
  byte(g->code, 2u * all + ref);
  if (!all)
    u32(g->code, tag);
  u32(g->code, 0);
  stmts(g, 2, depth - 1);
  expr(g, t, depth - 1);
  op(g, OP_end);
  op1(g, OP_br, 1);
  op(g, OP_end);
  g->nlabels -= 2;
  if (ref && chance(g, 20)) {
    op(g, OP_throw_ref);
  } else {
    drop_types(g, n);
    expr(g, t, depth - 1);
  }
  op(g, OP_end);
  g->nlabels--;
}

// ---- objects ----

static bool from_object(Gen *g, ValType t, uint32_t depth)
{
  uint32_t start = rnd(g, g->nshapes);
  for (uint32_t k = 0; k < g->nshapes; k++) {
    uint32_t i = (start + k) % g->nshapes;
    const Shape *s = &g->shapes[i];
    for (uint32_t f = 0; f < s->n; f++) {
      bool packed = s->f[f] == VT_I8 || s->f[f] == VT_I16;
      if (!(packed ? t == VT_I32 : subtype(g, s->f[f], t)))
        continue;
      expr(g, shape_ref(i, chance(g, 10)), depth - 1);
      if (s->array) {
        expr(g, VT_I32, depth - 1);
        i32_const(g, 7), op(g, OP_i32_and);
        op1(g, packed ? chance(g, 50) ? OP_array_get_s : OP_array_get_u : OP_array_get, i);
      } else
        op2(g, packed ? chance(g, 50) ? OP_struct_get_s : OP_struct_get_u : OP_struct_get, i, f);
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
      expr(g, unpacked(s->f[f]), depth - 1);
    op1(g, OP_struct_new, k);
    return;
  }
  if (chance(g, 50)) {
    uint32_t n = rnd(g, 10);
    for (uint32_t i = 0; i < n; i++)
      expr(g, unpacked(s->f[0]), depth > 2 ? 2 : depth - 1);
    op2(g, OP_array_new_fixed, k, n);
    return;
  }
  expr(g, unpacked(s->f[0]), depth - 1);
  i32_const(g, rnd(g, 20));
  op1(g, OP_array_new, k);
}
static void object_stmt(Gen *g, uint32_t depth)
{
  uint32_t k = rnd(g, g->nshapes);
  const Shape *s = &g->shapes[k];
  uint32_t f = s->n ? rnd(g, s->n) : 0;
  if (!s->n || !s->mut[f])
    return;
  expr(g, shape_ref(k, chance(g, 10)), depth - 1);
  if (!s->array) {
    expr(g, unpacked(s->f[f]), depth - 1);
    op2(g, OP_struct_set, k, f);
    return;
  }
  uint32_t how = rnd(g, 3);
  i32_const(g, rnd(g, 6));
  if (how == 0) {
    expr(g, unpacked(s->f[0]), depth - 1);
    op1(g, OP_array_set, k);
  } else if (how == 1) {
    expr(g, unpacked(s->f[0]), depth - 1);
    i32_const(g, rnd(g, 6));
    op1(g, OP_array_fill, k);
  } else {
    expr(g, shape_ref(k, false), depth - 1);
    i32_const(g, rnd(g, 4)), i32_const(g, rnd(g, 4));
    op2(g, OP_array_copy, k, k);
  }
}
static void cast_target(Gen *g, Op null_form, Op form, uint32_t k)
{
  op(g, chance(g, 30) ? null_form : form);
  heap_type(g->code, k);
}

static void ref_expr(Gen *g, ValType t, uint32_t depth)
{
  uint32_t heap = zw_heap_type(t);
  if (heap < g->nshapes && chance(g, 60)) {
    new_object(g, heap, depth);
    return;
  }
  if (heap < g->nshapes && chance(g, 15)) { // may trap
    expr(g, VT_REF | VT_NULL | HEAP_ANY, depth - 1);
    op(g, zw_is_nullable(t) ? OP_ref_cast_null : OP_ref_cast);
    heap_type(g->code, heap);
    return;
  }
  if ((heap == HEAP_ANY || heap == HEAP_EQ) && chance(g, 50)) {
    new_object(g, rnd(g, g->nshapes), depth);
    return;
  }
  if (heap == HEAP_EXTERN && has(g, GEN_GC) && chance(g, 50)) {
    expr(g, VT_REF | VT_NULL | HEAP_ANY, depth - 1);
    op(g, OP_extern_convert_any);
    return;
  }
  if (!variable(g, t))
    default_value(g, t);
}

// i32 facts about references
static void ref_fact(Gen *g, uint32_t depth)
{
  if (has(g, GEN_GC)) {
    switch (rnd(g, 5)) {
    case 0:
      expr(g, VT_REF | VT_NULL | HEAP_ANY, depth - 1);
      cast_target(g, OP_ref_test_null, OP_ref_test, chance(g, 60) ? rnd(g, g->nshapes) : HEAP_ANY + rnd(g, 6));
      return;
    case 1:
      expr(g, VT_REF | VT_NULL | HEAP_EQ, depth - 1);
      expr(g, VT_REF | VT_NULL | HEAP_EQ, depth - 1);
      op(g, OP_ref_eq);
      return;
    case 2:
      expr(g, VT_REF | VT_NULL | HEAP_I31, depth - 1);
      op(g, chance(g, 50) ? OP_i31_get_s : OP_i31_get_u);
      return;
    case 3:
      for (uint32_t k = 0; k < g->nshapes; k++)
        if (g->shapes[k].array) {
          expr(g, shape_ref(k, chance(g, 10)), depth - 1);
          op(g, OP_array_len);
          return;
        }
      break;
    case 4: { // br_on_cast, inside a block of its own
      uint32_t k = rnd(g, g->nshapes);
      op(g, OP_block), byte(g->code, 0x7f);
      op(g, OP_block), val_type(g->code, shape_ref(k, false));
      expr(g, VT_REF | VT_NULL | HEAP_ANY, 0);
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
  ValType t = has(g, GEN_GC) && chance(g, 50) ? VT_REF | VT_NULL | HEAP_ANY : has(g, GEN_REFS) ? VT_FUNCREF : VT_I32;
  expr(g, t, depth - 1);
  if (t != VT_I32)
    op(g, OP_ref_is_null);
}

static void expr(Gen *g, ValType t, uint32_t depth)
{
  if (depth == 0 || g->budget-- <= 0 || depth > 64) {
    if (!(chance(g, 60) && variable(g, t)))
      default_value(g, t);
    return;
  }
  uint32_t how = rnd(g, 100);
  if (how < 10 && variable(g, t))
    return;
  if (how < 15) {
    block(g, &t, 1, depth);
    return;
  }
  if (how < 22 && call(g, &t, 1, false, depth))
    return;
  if (how < 26 && g->ntags) {
    try_block(g, t, depth);
    return;
  }
  if (how < 31) {
    expr(g, t, depth - 1);
    expr(g, t, depth - 1);
    expr(g, VT_I32, depth - 1);
    if (zw_is_ref(t))
      op(g, OP_select_t), u32(g->code, 1), val_type(g->code, t);
    else
      op(g, OP_select);
    return;
  }
  if (how < 38 && has(g, GEN_GC) && from_object(g, t, depth))
    return;
  if (how < 42 && t == VT_I32 && (has(g, GEN_GC) || has(g, GEN_REFS))) {
    ref_fact(g, depth);
    return;
  }
  if (zw_is_ref(t)) {
    ref_expr(g, t, depth);
    return;
  }
  if (how < 44 && t == VT_V128) {
    expr(g, t, depth - 1);
    expr(g, t, depth - 1);
    op(g, OP_i8x16_shuffle);
    for (int i = 0; i < 16; i++)
      byte(g->code, rnd(g, 32));
    return;
  }
  if (how < 55 && access_memory(g, t, depth))
    return;
  if (how < 57 && (t == VT_I32 || t == VT_I64)) {
    uint32_t m = rnd(g, g->nmemories);
    if (g->is64[m] == (t == VT_I64)) {
      if (chance(g, 30))
        constant(g, t), op1(g, OP_memory_grow, m);
      else
        op1(g, OP_memory_size, m);
      return;
    }
  }
  if (how < 60 && t == VT_I64 && has(g, GEN_WIDE)) {
    bool four = chance(g, 50);
    for (int i = 0; i < (four ? 4 : 2); i++)
      expr(g, VT_I64, depth - 1);
    op(g, four ? chance(g, 50) ? OP_i64_add128 : OP_i64_sub128 : chance(g, 50) ? OP_i64_mul_wide_s : OP_i64_mul_wide_u);
    op(g, OP_i64_xor);
    return;
  }
  if (how < 65) {
    constant(g, t);
    return;
  }
  arithmetic(g, t, depth);
}

// ---- statements ----

static void bulk(Gen *g, uint32_t depth)
{
  uint32_t m = rnd(g, g->nmemories), d = rnd(g, g->nmemories);
  bool narrow = !g->is64[m] || !g->is64[d];
  switch (rnd(g, 6)) {
  case 0:
    address(g, m, depth - 1);
    expr(g, VT_I32, depth - 1);
    if (g->is64[m])
      i64_const(g, rnd(g, 300));
    else
      i32_const(g, rnd(g, 300));
    op1(g, OP_memory_fill, m);
    return;
  case 1:
    address(g, d, depth - 1);
    address(g, m, depth - 1);
    if (narrow)
      i32_const(g, rnd(g, 300));
    else
      i64_const(g, rnd(g, 300));
    op2(g, OP_memory_copy, d, m);
    return;
  case 2:
    address(g, m, depth - 1);
    i32_const(g, rnd(g, 20)), i32_const(g, rnd(g, 40));
    op2(g, OP_memory_init, 1, m);
    return;
  case 3:
    if (chance(g, 20))
      op1(g, OP_data_drop, 1);
    return;
  case 4:
    i32_const(g, rnd(g, 30)), i32_const(g, rnd(g, 30)), i32_const(g, rnd(g, 8));
    op2(g, OP_table_copy, 0, 0);
    return;
  case 5:
    i32_const(g, rnd(g, 24));
    default_value(g, VT_FUNCREF);
    op1(g, OP_table_set, 0);
    return;
  }
}

// return_call of a function with our results.
static void tail_call(Gen *g, uint32_t depth)
{
  uint32_t n = g->nfuncs - g->nhelpers - g->nexports, start = rnd(g, n);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t f = g->nhelpers + (start + k) % n;
    const Sig *s = &g->sigs[g->func_sig[f]];
    if (!same_types(s->r, s->nr, g->sig->r, g->sig->nr))
      continue;
    expr(g, VT_I32, depth - 1);
    op(g, OP_if), byte(g->code, 0x40);
    if (!push_label(g, NULL, 0))
      BUG("too many labels");
    arguments(g, s, depth);
    if (chance(g, 50))
      op1(g, OP_return_call, f);
    else {
      i32_const(g, f);
      op2(g, OP_return_call_indirect, s->type, 0);
    }
    op(g, OP_end);
    g->nlabels--;
    return;
  }
}

static void throw_stmt(Gen *g, uint32_t depth)
{
  uint32_t tag = rnd(g, g->ntags);
  if (g->nlabels == MAX_LABELS)
    return;
  expr(g, VT_I32, depth - 1);
  op(g, OP_if), byte(g->code, 0x40);
  push_label(g, NULL, 0);
  arguments(g, &g->sigs[g->tag_sig[tag]], depth);
  op1(g, OP_throw, tag);
  op(g, OP_end);
  g->nlabels--;
}

static void set_variable(Gen *g, uint32_t depth)
{
  uint32_t i = rnd(g, g->nlocals + g->nglobals - 1);
  if (i < g->nlocals) {
    expr(g, g->local[i], depth - 1);
    if (chance(g, 20))
      op1(g, OP_local_tee, i), op(g, OP_drop);
    else
      op1(g, OP_local_set, i);
    return;
  }
  expr(g, g->global[i - g->nlocals], depth - 1);
  op1(g, OP_global_set, i - g->nlocals);
}

static void stmt(Gen *g, uint32_t depth)
{
  if (depth == 0 || g->budget-- <= 0)
    return;
  uint32_t how = rnd(g, 100);
  if (how < 35 && g->nlocals + g->nglobals > 1)
    set_variable(g, depth);
  else if (how < 55)
    (void)access_memory(g, VT_BOT, depth);
  else if (how < 65)
    block(g, NULL, 0, depth);
  else if (how < 72)
    branch(g, depth);
  else if (how < 76)
    switch_stmt(g, depth);
  else if (how < 80)
    (void)call(g, NULL, 0, true, depth);
  else if (how < 84 && has(g, GEN_BULK))
    bulk(g, depth);
  else if (how < 90 && has(g, GEN_GC))
    object_stmt(g, depth);
  else if (how < 93 && g->ntags)
    throw_stmt(g, depth);
  else if (how < 96 && has(g, GEN_TAIL) && g->func < g->nfuncs - g->nexports && g->nlabels < MAX_LABELS)
    tail_call(g, depth);
  else {
    ValType t = value_type(g);
    expr(g, t, depth - 1);
    op(g, OP_drop);
  }
}

// ---- sections ----

static void choose_shapes(Gen *g)
{
  if (!has(g, GEN_GC))
    return;
  g->nshapes = 2 + rnd(g, 4);
  for (uint32_t k = 0; k < g->nshapes; k++) {
    Shape *s = &g->shapes[k];
    *s = (Shape){ .array = k == 0 || (k > 1 && chance(g, 30)), .super = UINT32_MAX };
    s->n = s->array ? 1 : 1 + rnd(g, MAX_VALUES);
    if (!s->array && k > 1 && !g->shapes[k - 1].array && g->shapes[k - 1].n < MAX_VALUES && chance(g, 50)) {
      uint32_t n = s->n > g->shapes[k - 1].n ? s->n : g->shapes[k - 1].n + 1;
      *s = g->shapes[k - 1];
      s->super = k - 1;
      for (uint32_t f = s->n; f < n; f++)
        s->f[f] = number_type(g), s->mut[f] = true;
      s->n = n;
      continue;
    }
    for (uint32_t f = 0; f < s->n; f++) {
      uint32_t how = rnd(g, 10);
      s->f[f] = how < 2 ? VT_I8 : how < 3 ? VT_I16 : how < 5 ? VT_REF | VT_NULL | (HEAP_ANY + rnd(g, 3)) : how < 6 && k ? shape_ref(rnd(g, k), true) : number_type(g);
      s->mut[f] = chance(g, 80);
    }
  }
}

static void choose_signatures(Gen *g)
{
  uint32_t ninternal = 2 + rnd(g, 6);
  static const ValType canon[4] = { VT_F32, VT_F64, VT_V128, VT_V128 };
  g->nhelpers = has(g, GEN_SIMD) ? 4 : 2;
  for (uint32_t i = 0; i < g->nhelpers; i++) {
    g->canon[i] = g->nfuncs;
    g->func_sig[g->nfuncs++] = sig_of(g, &canon[i], 1, &canon[i], 1);
  }
  for (uint32_t i = 0; i < ninternal; i++) {
    ValType p[MAX_VALUES], r[MAX_VALUES];
    uint32_t np = rnd(g, MAX_VALUES + 1), nr = chance(g, 70) ? 1 : rnd(g, MAX_VALUES);
    for (uint32_t k = 0; k < np; k++)
      p[k] = value_type(g);
    for (uint32_t k = 0; k < nr; k++)
      r[k] = value_type(g);
    g->func_sig[g->nfuncs++] = sig_of(g, p, np, r, nr);
  }
  g->nexports = 2 + rnd(g, 4);
  for (uint32_t i = 0; i < g->nexports; i++) {
    ValType r[MAX_VALUES];
    uint32_t nr = chance(g, 80) ? 1 : rnd(g, 4);
    for (uint32_t k = 0; k < nr; k++)
      r[k] = rnd(g, 4);
    g->func_sig[g->nfuncs++] = sig_of(g, NULL, 0, r, nr);
  }
  for (g->ntags = 0; (has(g, GEN_EH) || has(g, GEN_LEGACY_EH)) && g->ntags < 2; g->ntags++) {
    ValType p[MAX_VALUES];
    uint32_t np = rnd(g, 3);
    for (uint32_t k = 0; k < np; k++)
      p[k] = value_type(g);
    g->tag_sig[g->ntags] = sig_of(g, p, np, NULL, 0);
  }
}

static void write_field(Buf *b, ValType t, bool mut)
{
  val_type(b, t);
  byte(b, mut);
}
static void write_types(Gen *g, Buf *out)
{
  Buf b = { .a = g->a };
  u32(&b, g->nshapes + g->nsigs);
  for (uint32_t k = 0; k < g->nshapes; k++) {
    const Shape *s = &g->shapes[k];
    byte(&b, 0x50);
    u32(&b, s->super == UINT32_MAX ? 0 : 1);
    if (s->super != UINT32_MAX)
      u32(&b, s->super);
    byte(&b, s->array ? 0x5e : 0x5f);
    if (!s->array)
      u32(&b, s->n);
    for (uint32_t f = 0; f < s->n; f++)
      write_field(&b, s->f[f], s->mut[f]);
  }
  for (uint32_t i = 0; i < g->nsigs; i++) {
    byte(&b, 0x60);
    u32(&b, g->sigs[i].np);
    for (uint32_t k = 0; k < g->sigs[i].np; k++)
      val_type(&b, g->sigs[i].p[k]);
    u32(&b, g->sigs[i].nr);
    for (uint32_t k = 0; k < g->sigs[i].nr; k++)
      val_type(&b, g->sigs[i].r[k]);
  }
  section(out, 1, &b);
}

static void write_tables_and_memories(Gen *g, Buf *out)
{
  Buf t = { .a = g->a }, m = { .a = g->a }, tags = { .a = g->a };
  u32(&t, 1), byte(&t, 0x70), byte(&t, 0), u32(&t, 32);
  section(out, 4, &t);
  u32(&m, g->nmemories);
  for (uint32_t i = 0; i < g->nmemories; i++) {
    byte(&m, g->is64[i] ? 5 : 1);
    u32(&m, 1), u32(&m, 3);
  }
  section(out, 5, &m);
  u32(&tags, g->ntags);
  for (uint32_t i = 0; i < g->ntags; i++)
    byte(&tags, 0), u32(&tags, g->sigs[g->tag_sig[i]].type);
  if (g->ntags)
    section(out, 13, &tags);
}

static void write_globals(Gen *g, Buf *out)
{
  Buf b = { .a = g->a };
  u32(&b, g->nglobals);
  g->code = &b;
  for (uint32_t i = 0; i < g->nglobals; i++) {
    val_type(&b, g->global[i]);
    byte(&b, 1);
    if (i == g->nglobals - 1)
      i32_const(g, FUEL);
    else
      default_value(g, g->global[i]);
    op(g, OP_end);
  }
  section(out, 6, &b);
}

static void decimal(char *to, char letter, uint32_t v)
{
  char digits[10];
  int n = 0;
  *to++ = letter;
  do
    digits[n++] = (char)('0' + v % 10);
  while (v /= 10);
  while (n)
    *to++ = digits[--n];
  *to = 0;
}
static void write_exports(Gen *g, Buf *out)
{
  Buf b = { .a = g->a };
  char text[16];
  uint32_t nglobals = 0;
  for (uint32_t i = 0; i + 1 < g->nglobals; i++)
    nglobals += g->global[i] <= VT_F64;
  u32(&b, g->nexports + g->nmemories + nglobals);
  for (uint32_t i = 0; i < g->nexports; i++) {
    decimal(text, 'f', i);
    name(&b, text), byte(&b, 0), u32(&b, g->nfuncs - g->nexports + i);
  }
  for (uint32_t i = 0; i < g->nmemories; i++) {
    decimal(text, 'm', i);
    name(&b, text), byte(&b, 2), u32(&b, i);
  }
  for (uint32_t i = 0; i + 1 < g->nglobals; i++)
    if (g->global[i] <= VT_F64) {
      decimal(text, 'g', i);
      name(&b, text), byte(&b, 3), u32(&b, i);
    }
  section(out, 7, &b);
}

// All functions but the exported ones in the table, in order, and so declared for ref.func: an exported function fills
// the fuel up, so nothing inside may call it.
static void write_elems(Gen *g, Buf *out)
{
  Buf b = { .a = g->a };
  u32(&b, 1), byte(&b, 0);
  g->code = &b;
  i32_const(g, 0);
  op(g, OP_end);
  u32(&b, g->nfuncs - g->nexports);
  for (uint32_t i = 0; i < g->nfuncs - g->nexports; i++)
    u32(&b, i);
  section(out, 9, &b);
  Buf count = { .a = g->a };
  u32(&count, 2);
  section(out, 12, &count);
}

static void write_datas(Gen *g, Buf *out)
{
  Buf b = { .a = g->a };
  u32(&b, 2);
  byte(&b, 0);
  g->code = &b;
  if (g->is64[0])
    i64_const(g, 16);
  else
    i32_const(g, 16);
  op(g, OP_end);
  for (int s = 0; s < 2; s++) {
    if (s)
      byte(&b, 1);
    u32(&b, 48);
    for (int i = 0; i < 48; i++)
      byte(&b, rnd(g, 256));
  }
  section(out, 11, &b);
}

// canon: x == x ? x : NaN
static void helper_body(Gen *g, uint32_t k)
{
  static const Op eq[] = { OP_f32_eq, OP_f64_eq, OP_f32x4_eq, OP_f64x2_eq };
  uint64_t nan[2] = { k == 0 || k == 2 ? 0x7fc000007fc00000 : 0x7ff8000000000000, k == 2 ? 0x7fc000007fc00000 : 0x7ff8000000000000 };
  static const Op konst[] = { OP_f32_const, OP_f64_const, OP_v128_const, OP_v128_const };
  op1(g, OP_local_get, 0);
  op(g, konst[k]);
  bytes(g->code, nan, k == 0 ? 4 : k == 1 ? 8 : 16);
  op1(g, OP_local_get, 0), op1(g, OP_local_get, 0);
  op(g, eq[k]);
  op(g, k < 2 ? OP_select : OP_v128_bitselect);
}

static void function_body(Gen *g, uint32_t f, uint32_t size)
{
  uint32_t extra = 1 + rnd(g, 6);
  g->nlocals = 0;
  for (uint32_t i = 0; i < g->sig->np; i++)
    g->local[g->nlocals++] = g->sig->p[i];
  u32(g->code, extra);
  for (uint32_t i = 0; i < extra; i++) {
    ValType t = value_type(g);
    if (zw_is_ref(t))
      t |= VT_NULL; // others would have to be set before they are read
    g->local[g->nlocals++] = t;
    u32(g->code, 1), val_type(g->code, t);
  }
  g->budget = (int32_t)(size ? size : 10 + rnd(g, 120));
  g->nlabels = 0;
  if (f >= g->nfuncs - g->nexports) {
    i32_const(g, FUEL);
    op1(g, OP_global_set, g->nglobals - 1);
  } else
    burn_fuel(g);
  push_label(g, g->sig->r, g->sig->nr);
  uint32_t depth = 3 + rnd(g, 5);
  stmts(g, 8, depth);
  for (uint32_t i = 0; i < g->sig->nr; i++)
    expr(g, g->sig->r[i], depth);
}

GenModule gen_module(uint64_t seed, uint32_t allowed, uint32_t size, Arena *a)
{
  Gen *g = zw_new(a, Gen);
  g->a = a, g->state = seed * 0x2545f4914f6cdd1du;
  for (uint32_t i = 0; i < GEN_FEATURES; i++)
    if (chance(g, gen_weights[i].percent))
      g->features |= 1u << i;
  g->features &= allowed;
  if (has(g, GEN_EH))
    g->features &= ~(uint32_t)GEN_LEGACY_EH; // engines refuse a mixture
  g->nmemories = has(g, GEN_MULTI_MEMORY) ? 2 : 1;
  g->is64[0] = has(g, GEN_MEMORY64);
  g->is64[1] = has(g, GEN_MEMORY64) && chance(g, 50);
  choose_shapes(g);
  choose_signatures(g);
  g->nglobals = 2 + rnd(g, 8);
  for (uint32_t i = 0; i < g->nglobals; i++) {
    ValType t = i == g->nglobals - 1 ? VT_I32 : value_type(g);
    g->global[i] = zw_is_ref(t) ? t | VT_NULL : t;
  }

  Buf code = { .a = a };
  u32(&code, g->nfuncs);
  for (uint32_t f = 0; f < g->nfuncs; f++) {
    Buf body = { .a = a };
    g->code = &body, g->func = f, g->sig = &g->sigs[g->func_sig[f]];
    if (f < g->nhelpers) {
      u32(&body, 0);
      helper_body(g, f);
    } else
      function_body(g, f, size);
    op(g, OP_end);
    u32(&code, body.n);
    bytes(&code, body.p, body.n);
  }

  Buf out = { .a = a }, funcs = { .a = a };
  bytes(&out, "\0asm\1\0\0\0", 8);
  write_types(g, &out); // after the code, which may add block types
  u32(&funcs, g->nfuncs);
  for (uint32_t f = 0; f < g->nfuncs; f++)
    u32(&funcs, g->sigs[g->func_sig[f]].type);
  section(&out, 3, &funcs);
  write_tables_and_memories(g, &out);
  write_globals(g, &out);
  write_exports(g, &out);
  write_elems(g, &out);
  section(&out, 10, &code);
  write_datas(g, &out);
  return (GenModule){ .bytes = out.p, .len = out.n, .features = g->features, .nexports = g->nexports };
}
