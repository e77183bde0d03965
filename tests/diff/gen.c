// See gen.h.  The module around the code: what it has, and its sections.
#include "gen_int.h"

#define F(id) (1ull << FEAT_##id)
const GenWeight gen_weights[GEN_FEATURES] = {
  { "simd", 30, 20, F(SIMD) }, { "memory64", 25, 20, F(MEMORY64) }, { "multi-memory", 15, 0, F(MULTI_MEMORY) },
  { "gc", 25, 10, F(GC) }, { "exceptions", 15, 10, F(EH) }, { "legacy-exceptions", 8, 0, F(LEGACY_EH) },
  { "tail-call", 20, 0, F(TAIL_CALL) }, { "wide-arithmetic", 15, 0, F(WIDE) }, { "atomics", 15, 0, F(THREADS) },
  { "bulk", 40, 0, F(BULK) }, { "references", 40, 0, F(REF_TYPES) },
};
#undef F

// ---- choice ----

uint32_t gen_rnd(Gen *g, uint32_t n)
{
  uint64_t z = g->state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32) % n;
}
bool gen_chance(Gen *g, uint32_t percent) { return gen_rnd(g, 100) < percent; }
bool gen_has(const Gen *g, uint32_t feature) { return (g->features & feature) != 0; }
uint64_t gen_number(Gen *g)
{
  static const uint64_t edges[] = { 0, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
                                    0xffffffff, 0x100000000, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 1, 0x7f800000, 0x7fc00000, 0x3f800000,
                                    0xff800000, 0x4f000000, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff8000000000000, 0x41e0000000000000 };
  if (gen_chance(g, 60))
    return edges[gen_rnd(g, ARRAY_COUNT(edges))];
  uint64_t hi = gen_rnd(g, 0xffffffff);
  return gen_chance(g, 50) ? gen_rnd(g, 200) - (uint64_t)100 : hi << 32 | gen_rnd(g, 0xffffffff);
}

// ---- types ----

ValType gen_shape_ref(uint32_t k, bool nullable) { return VT_REF | (nullable ? VT_NULL : 0) | k; }
static ValType number_type(Gen *g)
{
  uint32_t k = gen_rnd(g, gen_has(g, GEN_SIMD) ? 6 : 4);
  return k < 4 ? k : VT_V128;
}
ValType gen_value_type(Gen *g)
{
  if (gen_has(g, GEN_GC) && gen_chance(g, 30))
    return gen_chance(g, 50) ? gen_shape_ref(gen_rnd(g, g->nshapes), gen_chance(g, 50)) : VT_REF | VT_NULL | (HEAP_ANY + gen_rnd(g, 3));
  if (gen_has(g, GEN_REFS) && gen_chance(g, 10))
    return gen_chance(g, 60) ? VT_FUNCREF : VT_EXTERNREF;
  return number_type(g);
}
bool gen_same_types(const ValType *a, uint32_t na, const ValType *b, uint32_t nb)
{
  return na == nb && (na == 0 || memcmp(a, b, na * sizeof *a) == 0);
}
// The index in sigs of a function type, made if it is not there; when there is no room, of the first one.
uint32_t gen_sig_of(Gen *g, const ValType *p, uint32_t np, const ValType *r, uint32_t nr)
{
  for (uint32_t i = 0; i < g->nsigs; i++)
    if (gen_same_types(g->sigs[i].p, g->sigs[i].np, p, np) && gen_same_types(g->sigs[i].r, g->sigs[i].nr, r, nr))
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

// ---- sections ----

static void choose_shapes(Gen *g)
{
  if (!gen_has(g, GEN_GC))
    return;
  g->nshapes = 2 + gen_rnd(g, 4);
  for (uint32_t k = 0; k < g->nshapes; k++) {
    Shape *s = &g->shapes[k];
    *s = (Shape){ .array = k == 0 || (k > 1 && gen_chance(g, 30)), .super = UINT32_MAX };
    s->n = s->array ? 1 : 1 + gen_rnd(g, MAX_VALUES);
    if (!s->array && k > 1 && !g->shapes[k - 1].array && g->shapes[k - 1].n < MAX_VALUES && gen_chance(g, 50)) {
      uint32_t n = s->n > g->shapes[k - 1].n ? s->n : g->shapes[k - 1].n + 1;
      *s = g->shapes[k - 1];
      s->super = k - 1;
      for (uint32_t f = s->n; f < n; f++)
        s->f[f] = number_type(g), s->mut[f] = true;
      s->n = n;
      continue;
    }
    for (uint32_t f = 0; f < s->n; f++) {
      uint32_t how = gen_rnd(g, 10);
      s->f[f] = how < 2 ? VT_I8 : how < 3 ? VT_I16 : how < 5 ? VT_REF | VT_NULL | (HEAP_ANY + gen_rnd(g, 3)) : how < 6 && k ? gen_shape_ref(gen_rnd(g, k), true) : number_type(g);
      s->mut[f] = gen_chance(g, 80);
    }
  }
}

static void choose_signatures(Gen *g)
{
  uint32_t ninternal = 2 + gen_rnd(g, 6);
  static const ValType canon[4] = { VT_F32, VT_F64, VT_V128, VT_V128 };
  g->nhelpers = gen_has(g, GEN_SIMD) ? 4 : 2;
  for (uint32_t i = 0; i < g->nhelpers; i++) {
    g->canon[i] = g->nfuncs;
    g->func_sig[g->nfuncs++] = gen_sig_of(g, &canon[i], 1, &canon[i], 1);
  }
  for (uint32_t i = 0; i < ninternal; i++) {
    ValType p[MAX_VALUES], r[MAX_VALUES];
    uint32_t np = gen_rnd(g, MAX_VALUES + 1), nr = gen_chance(g, 70) ? 1 : gen_rnd(g, MAX_VALUES);
    for (uint32_t k = 0; k < np; k++)
      p[k] = gen_value_type(g);
    for (uint32_t k = 0; k < nr; k++)
      r[k] = gen_value_type(g);
    g->func_sig[g->nfuncs++] = gen_sig_of(g, p, np, r, nr);
  }
  g->nexports = 2 + gen_rnd(g, 4);
  for (uint32_t i = 0; i < g->nexports; i++) {
    ValType r[MAX_VALUES];
    uint32_t nr = gen_chance(g, 80) ? 1 : gen_rnd(g, 4);
    for (uint32_t k = 0; k < nr; k++)
      r[k] = gen_rnd(g, 4);
    g->func_sig[g->nfuncs++] = gen_sig_of(g, NULL, 0, r, nr);
  }
  for (g->ntags = 0; (gen_has(g, GEN_EH) || gen_has(g, GEN_LEGACY_EH)) && g->ntags < 2; g->ntags++) {
    ValType p[MAX_VALUES];
    uint32_t np = gen_rnd(g, 3);
    for (uint32_t k = 0; k < np; k++)
      p[k] = gen_value_type(g);
    g->tag_sig[g->ntags] = gen_sig_of(g, p, np, NULL, 0);
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
    if (gen_has(g, GEN_GC) && g->sigs[i].np % 2 == 0) // may have subtypes: a call through the table asks otherwise
      byte(&b, 0x50), u32(&b, 0);
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
      gen_default_value(g, g->global[i]);
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
      byte(&b, gen_rnd(g, 256));
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
  uint32_t extra = 1 + gen_rnd(g, 6);
  g->nlocals = 0;
  for (uint32_t i = 0; i < g->sig->np; i++)
    g->local[g->nlocals++] = g->sig->p[i];
  u32(g->code, extra);
  for (uint32_t i = 0; i < extra; i++) {
    ValType t = gen_value_type(g);
    if (zw_is_ref(t))
      t |= VT_NULL; // others would have to be set before they are read
    g->local[g->nlocals++] = t;
    u32(g->code, 1), val_type(g->code, t);
  }
  g->budget = (int32_t)(size ? size : 10 + gen_rnd(g, 120));
  g->nlabels = 0;
  if (f >= g->nfuncs - g->nexports) {
    i32_const(g, FUEL);
    op1(g, OP_global_set, g->nglobals - 1);
  } else
    gen_burn_fuel(g);
  gen_push_label(g, g->sig->r, g->sig->nr);
  uint32_t depth = 3 + gen_rnd(g, 5);
  gen_stmts(g, 8, depth);
  for (uint32_t i = 0; i < g->sig->nr; i++)
    gen_expr(g, g->sig->r[i], depth);
}

GenModule gen_module(uint64_t seed, uint32_t allowed, uint32_t size, Arena *a)
{
  Gen *g = zw_new(a, Gen);
  g->a = a, g->state = seed * 0x2545f4914f6cdd1du;
  for (uint32_t i = 0; i < GEN_FEATURES; i++)
    if (gen_chance(g, gen_weights[i].percent))
      g->features |= 1u << i;
  g->features &= allowed;
  if (gen_has(g, GEN_EH))
    g->features &= ~(uint32_t)GEN_LEGACY_EH; // engines refuse a mixture
  g->nmemories = gen_has(g, GEN_MULTI_MEMORY) ? 2 : 1;
  g->is64[0] = gen_has(g, GEN_MEMORY64);
  g->is64[1] = gen_has(g, GEN_MEMORY64) && gen_chance(g, 50);
  choose_shapes(g);
  choose_signatures(g);
  g->nglobals = 2 + gen_rnd(g, 8);
  for (uint32_t i = 0; i < g->nglobals; i++) {
    ValType t = i == g->nglobals - 1 ? VT_I32 : gen_value_type(g);
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
