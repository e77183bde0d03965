// Generated functions: nested ifs, loops with several exits, switches, calls and many live values of all classes, run as
// machine code in several ways and compared with zir_eval.  The checker sees each of them too, and the stack maps of every
// other seed's references: exact ones and one for all calls.
#include "zir_eval.h"

typedef struct Gen {
  Arena a;
  Text out;
  uint64_t rng;
  uint32_t next, nblocks;
  struct { uint32_t v; char kind; } scope[400];
  uint32_t nscope;
  unsigned budget;
  bool cold_next, refs;
} Gen;
static const char *const kind_name[] = { ['i'] = "i32", ['l'] = "i64", ['f'] = "f32", ['d'] = "f64", ['v'] = "v128", ['r'] = "ref" };
static unsigned rnd(Gen *g, unsigned n)
{
  g->rng ^= g->rng << 13, g->rng ^= g->rng >> 7, g->rng ^= g->rng << 17;
  return (unsigned)((g->rng >> 33) % n);
}
static char some_kind(Gen *g)
{
  static const char kinds[] = "iiiiiiilllddf";
  if (g->refs && rnd(g, 3) == 0)
    return 'r';
  return kinds[rnd(g, sizeof kinds - 1)];
}
static void operand(Gen *g, char kind)
{
  for (unsigned tries = 0; tries < 12 && g->nscope; tries++) {
    unsigned k = rnd(g, 3) ? g->nscope - 1 - rnd(g, g->nscope < 12 ? g->nscope : 12) : rnd(g, g->nscope);
    if (g->scope[k].kind == kind) {
      zw_text_printf(&g->out, "v%u", g->scope[k].v);
      return;
    }
  }
  switch (kind) {
  case 'i': zw_text_printf(&g->out, "i32 %d", (int)rnd(g, 2) ? (int)rnd(g, 100) : (int)rnd(g, 0x7fffffff)); break;
  case 'l': zw_text_printf(&g->out, "i64 %d", (int)rnd(g, 0x7fffffff)); break;
  case 'f': zw_text_printf(&g->out, "f32 0x%x", 0x3f800000 + rnd(g, 0x1000000)); break;
  case 'r': zw_text_printf(&g->out, "null"); break;
  default: zw_text_printf(&g->out, "f64 0x%x00000000", 0x3ff00000 + rnd(g, 0x100000)); break;
  }
}
static uint32_t begin(Gen *g, char kind, const char *op)
{
  zw_text_printf(&g->out, "  v%u:%s = %s ", g->next, kind_name[(unsigned char)kind], op);
  return g->next++;
}
static void keep(Gen *g, uint32_t v, char kind)
{
  if (g->nscope < ARRAY_COUNT(g->scope)) {
    g->scope[g->nscope].v = v;
    g->scope[g->nscope++].kind = kind;
  }
}
static void comma(Gen *g) { zw_text_printf(&g->out, ", "); }
static void nl(Gen *g) { zw_text_printf(&g->out, "\n"); }
typedef struct OpRow { const char *name; const char *sig; } OpRow;
static const OpRow rows[] = {
  { "i32.add", "ii_i" }, { "i32.sub", "ii_i" }, { "i32.mul", "ii_i" }, { "i32.and", "ii_i" }, { "i32.or", "ii_i" }, { "i32.xor", "ii_i" },
  { "i32.shl", "ii_i" }, { "i32.shr_s", "ii_i" }, { "i32.shr_u", "ii_i" }, { "i32.rotl", "ii_i" }, { "i32.rotr", "ii_i" },
  { "i32.eqz", "i_i" }, { "i32.lt_s", "ii_i" }, { "i32.lt_u", "ii_i" }, { "i32.eq", "ii_i" }, { "i32.ge_u", "ii_i" }, { "i32.clz", "i_i" },
  { "i32.ctz", "i_i" }, { "i32.popcnt", "i_i" }, { "i32.wrap_i64", "l_i" }, { "i32.extend8_s", "i_i" }, { "i32.extend16_s", "i_i" },
  { "i64.add", "ll_l" }, { "i64.sub", "ll_l" }, { "i64.mul", "ll_l" }, { "i64.xor", "ll_l" }, { "i64.and", "ll_l" }, { "i64.shl", "ll_l" },
  { "i64.shr_u", "ll_l" }, { "i64.rotl", "ll_l" }, { "i64.extend_i32_u", "i_l" }, { "i64.extend_i32_s", "i_l" }, { "i64.extend8_s", "l_l" },
  { "i64.eqz", "l_i" }, { "i64.lt_s", "ll_i" }, { "i64.gt_u", "ll_i" }, { "i64.clz", "l_l" }, { "i64.ctz", "l_l" }, { "i64.popcnt", "l_l" },
  { "mulh_u", "ll_l" }, { "mulh_s", "ll_l" },
  { "f64.add", "dd_d" }, { "f64.sub", "dd_d" }, { "f64.mul", "dd_d" }, { "f64.div", "dd_d" }, { "f64.neg", "d_d" }, { "f64.abs", "d_d" },
  { "f64.sqrt", "d_d" }, { "f64.floor", "d_d" }, { "f64.min", "dd_d" }, { "f64.max", "dd_d" }, { "f64.copysign", "dd_d" },
  { "f64.lt", "dd_i" }, { "f64.eq", "dd_i" }, { "f64.ne", "dd_i" }, { "f64.ge", "dd_i" }, { "f64.convert_i32_s", "i_d" },
  { "f64.convert_i64_u", "l_d" }, { "f64.promote_f32", "f_d" }, { "f32.demote_f64", "d_f" }, { "f32.add", "ff_f" }, { "f32.mul", "ff_f" },
  { "f32.max", "ff_f" }, { "f32.gt", "ff_i" }, { "f32.convert_i32_u", "i_f" }, { "i32.trunc_sat_f64_s", "d_i" }, { "i32.trunc_sat_f64_u", "d_i" },
  { "i64.trunc_sat_f64_u", "d_l" }, { "i64.trunc_sat_f32_s", "f_l" }, { "f32.nearest", "f_f" },
};
static void num_op(Gen *g)
{
  const OpRow *r = &rows[rnd(g, rnd(g, 3) ? 40 : ARRAY_COUNT(rows))];
  char out = r->sig[strlen(r->sig) - 1];
  uint32_t v = begin(g, out, r->name);
  for (unsigned k = 0; r->sig[k] != '_'; k++) {
    if (k)
      comma(g);
    if (k == 1 && r->sig[1] == 'i' && !rnd(g, 3))
      zw_text_printf(&g->out, "i32 %u", rnd(g, 40));
    else
      operand(g, r->sig[k]);
  }
  nl(g);
  keep(g, v, out);
}
static uint32_t address(Gen *g)
{
  uint32_t v = begin(g, 'i', "i32.and");
  operand(g, 'i');
  zw_text_printf(&g->out, ", i32 %u\n", rnd(g, 2) ? 0x3fff : 0xff);
  if (rnd(g, 2))
    return v;
  uint32_t s = begin(g, 'i', "i32.shl");
  zw_text_printf(&g->out, "v%u, i32 %u\n", v, rnd(g, 2));
  return s;
}
static void memory(Gen *g)
{
  static const struct { const char *name; char kind; } loads[] = {
    { "i32.load", 'i' }, { "i32.load8_s", 'i' }, { "i32.load16_u", 'i' }, { "i64.load", 'l' }, { "i64.load32_s", 'l' }, { "i64.load8_u", 'l' },
    { "f64.load", 'd' }, { "f32.load", 'f' } };
  static const struct { const char *name; char kind; } stores[] = {
    { "i32.store", 'i' }, { "i32.store8", 'i' }, { "i32.store16", 'i' }, { "i64.store", 'l' }, { "i64.store32", 'l' }, { "i64.store8", 'l' } };
  uint32_t a = address(g);
  if (rnd(g, 2)) {
    unsigned k = rnd(g, ARRAY_COUNT(loads));
    uint32_t v = begin(g, loads[k].kind, loads[k].name);
    zw_text_printf(&g->out, "v%u +%u @%u\n", a, rnd(g, 64) * 4, g->next);
    if (loads[k].kind == 'i' || loads[k].kind == 'l')
      keep(g, v, loads[k].kind);
    if (rnd(g, 2) && loads[k].kind == 'i') {
      uint32_t s = begin(g, 'i', "i32.add");
      operand(g, 'i');
      zw_text_printf(&g->out, ", v%u\n", v);
      keep(g, s, 'i');
    }
    return;
  }
  unsigned k = rnd(g, ARRAY_COUNT(stores));
  zw_text_printf(&g->out, "  %s v%u, ", stores[k].name, a);
  operand(g, stores[k].kind);
  zw_text_printf(&g->out, " +%u @%u\n", rnd(g, 64) * 4, g->next);
}
static void divide(Gen *g)
{
  static const char *const names[] = { "div_s", "div_u", "rem_s", "rem_u" };
  bool l = rnd(g, 2);
  char name[20];
  uint32_t d = begin(g, l ? 'l' : 'i', l ? "i64.or" : "i32.or");
  operand(g, l ? 'l' : 'i');
  zw_text_printf(&g->out, ", %s 1\n", l ? "i64" : "i32");
  snprintf(name, sizeof name, "%s.%s", l ? "i64" : "i32", names[rnd(g, 4)]);
  uint32_t v = begin(g, l ? 'l' : 'i', name);
  operand(g, l ? 'l' : 'i');
  if (rnd(g, 4))
    zw_text_printf(&g->out, ", v%u @9\n", d);
  else
    zw_text_printf(&g->out, ", %s %d @9\n", l ? "i64" : "i32", (int)rnd(g, 20) - 10 ? (int)rnd(g, 9) + 1 : -1);
  keep(g, v, l ? 'l' : 'i');
}
static void select_op(Gen *g)
{
  char k = some_kind(g);
  uint32_t c = begin(g, 'i', rnd(g, 2) ? "i32.lt_s" : "i32.eq");
  operand(g, 'i'), comma(g), operand(g, 'i'), nl(g);
  uint32_t v = begin(g, k, "sel");
  operand(g, k), comma(g), operand(g, k);
  zw_text_printf(&g->out, ", v%u\n", c);
  keep(g, v, k);
}
static void call_op(Gen *g)
{
  bool other = rnd(g, 2);
  uint32_t v = begin(g, other ? 'l' : 'i', other ? "call f1(" : "call f2(");
  operand(g, 'i'), comma(g), operand(g, 'l'), comma(g), operand(g, 'd');
  if (!other)
    for (unsigned k = 0; k < 6; k++)
      comma(g), operand(g, "iildil"[k]);
  zw_text_printf(&g->out, ") @5\n");
  keep(g, v, other ? 'l' : 'i');
  if (other) {
    uint32_t r = g->next++;
    zw_text_printf(&g->out, "  v%u:f64 = result v%u #1\n", r, v);
    keep(g, r, 'd');
  }
}
// Either of two references, or both the other way round.
static void ref_op(Gen *g)
{
  if (rnd(g, 4) == 0) {
    uint32_t v = begin(g, 'i', "i64.eqz");
    operand(g, 'r'), nl(g);
    keep(g, v, 'i');
    return;
  }
  uint32_t v = begin(g, 'r', "call f3(");
  operand(g, 'r'), comma(g), operand(g, 'r'), comma(g), operand(g, 'i');
  zw_text_printf(&g->out, ") @6\n");
  keep(g, v, 'r');
  uint32_t r = g->next++;
  zw_text_printf(&g->out, "  v%u:ref = result v%u #1\n", r, v);
  keep(g, r, 'r');
}
static uint32_t condition(Gen *g)
{
  if (g->refs && rnd(g, 4) == 0) { // this may be tested far below, behind calls
    uint32_t v = begin(g, 'i', "i64.eqz");
    operand(g, 'r'), nl(g);
    return v;
  }
  static const OpRow conds[] = { { "i32.lt_u", "ii" }, { "i32.and", "ii" }, { "i64.ne", "ll" }, { "f64.lt", "dd" }, { "f64.eq", "dd" },
                                 { "f64.ne", "dd" }, { "i32.eqz", "i" }, { "i32.ge_s", "ii" } };
  const OpRow *r = &conds[rnd(g, ARRAY_COUNT(conds))];
  uint32_t v = begin(g, 'i', r->name);
  operand(g, r->sig[0]);
  if (r->sig[1])
    comma(g), operand(g, r->sig[1]);
  nl(g);
  return v;
}
static void body(Gen *g, unsigned depth);
static void block(Gen *g, uint32_t b, const char *kinds)
{
  zw_text_printf(&g->out, "b%u", b);
  for (unsigned k = 0; kinds[k]; k++) {
    zw_text_printf(&g->out, "%sv%u:%s", k ? ", " : "(", g->next, kind_name[(unsigned char)kinds[k]]);
    keep(g, g->next++, kinds[k]);
  }
  zw_text_printf(&g->out, "%s%s:\n", kinds[0] ? ")" : "", g->cold_next ? " cold" : "");
  g->cold_next = false;
}
static void args(Gen *g, uint32_t b, const char *kinds)
{
  zw_text_printf(&g->out, "b%u", b);
  for (unsigned k = 0; kinds[k]; k++) {
    zw_text_printf(&g->out, k ? ", " : "(");
    operand(g, kinds[k]);
  }
  if (kinds[0])
    zw_text_printf(&g->out, ")");
}
static void some_kinds(Gen *g, char *out, unsigned max)
{
  unsigned n = rnd(g, max);
  for (unsigned k = 0; k < n; k++)
    out[k] = some_kind(g);
  out[n] = 0;
}
static void if_op(Gen *g, unsigned depth)
{
  char kinds[8];
  some_kinds(g, kinds, 4);
  uint32_t yes = g->nblocks++, no = g->nblocks++, join = g->nblocks++, c = condition(g);
  bool has_else = rnd(g, 2);
  zw_text_printf(&g->out, "  br v%u, b%u, ", c, yes);
  if (has_else)
    zw_text_printf(&g->out, "b%u", no);
  else
    args(g, join, kinds);
  nl(g);
  uint32_t mark = g->nscope;
  block(g, yes, "");
  body(g, depth - 1);
  zw_text_printf(&g->out, "  jmp "), args(g, join, kinds), nl(g);
  g->nscope = mark;
  if (has_else) {
    block(g, no, "");
    body(g, depth - 1);
    zw_text_printf(&g->out, "  jmp "), args(g, join, kinds), nl(g);
    g->nscope = mark;
  }
  block(g, join, kinds);
}
// A switch over a value & mask: n cases from block `first` on, in any order, and the default.
static void begin_switch(Gen *g, unsigned mask, uint32_t first, unsigned n, uint32_t other, const char *kinds)
{
  uint32_t ix = begin(g, 'i', "i32.and");
  operand(g, 'i'), zw_text_printf(&g->out, ", i32 %u\n  switch v%u [", mask, ix);
  for (unsigned k = 0; k < n + 1; k++)
    zw_text_printf(&g->out, "%s%u", k ? " " : "", rnd(g, n));
  zw_text_printf(&g->out, "] ");
  for (unsigned k = 0; k < n; k++)
    zw_text_printf(&g->out, "b%u, ", first + k);
  args(g, other, kinds), nl(g);
}
// The way back of a loop is through the cases of a large switch, as in an interpreter: each hands on the loop's variables, most as they
// are; some share a tail, some leave.  n counts, the header's own phis are v[i] and on.
static void cases_op(Gen *g, unsigned depth, uint32_t head, uint32_t n, uint32_t i, const char *kinds, uint32_t done, const char *out)
{
  unsigned ncases = 7 + rnd(g, 8);
  uint32_t first = g->nblocks, tail = first + ncases;
  g->nblocks += ncases + 1;
  begin_switch(g, 15, first, ncases, done, out);
  uint32_t mark = g->nscope;
  for (unsigned k = 0; k < ncases; k++) {
    block(g, first + k, "");
    if (rnd(g, 3))
      body(g, depth - 1);
    unsigned where = k ? rnd(g, 8) : 1;
    if (where == 0) {
      uint32_t c = condition(g);
      zw_text_printf(&g->out, "  br v%u, ", c), args(g, done, out), comma(g);
    } else {
      zw_text_printf(&g->out, "  jmp ");
    }
    if (where == 1) {
      args(g, tail, kinds + 1);
    } else {
      zw_text_printf(&g->out, "b%u(v%u", head, n);
      for (unsigned j = 1; kinds[j]; j++) {
        comma(g);
        if (rnd(g, 3))
          zw_text_printf(&g->out, "v%u", i + j);
        else
          operand(g, kinds[j]);
      }
      zw_text_printf(&g->out, ")");
    }
    nl(g);
    g->nscope = mark;
  }
  uint32_t v = g->next;
  block(g, tail, kinds + 1);
  zw_text_printf(&g->out, "  jmp b%u(v%u", head, n);
  for (unsigned j = 1; kinds[j]; j++)
    comma(g), zw_text_printf(&g->out, "v%u", v + j - 1);
  zw_text_printf(&g->out, ")\n");
}
// A counted loop, with an early exit in the middle sometimes, and a continue.
static void loop_op(Gen *g, unsigned depth)
{
  char kinds[16] = "i", out[16];
  some_kinds(g, kinds + 1, rnd(g, 4) ? 4 : 12);
  some_kinds(g, out, 3);
  uint32_t head = g->nblocks++, mid = g->nblocks++, done = g->nblocks++;
  zw_text_printf(&g->out, "  jmp b%u(i32 %u", head, 1 + rnd(g, 6));
  for (unsigned k = 1; kinds[k]; k++)
    comma(g), operand(g, kinds[k]);
  zw_text_printf(&g->out, ")\n");
  uint32_t mark = g->nscope, i = g->next;
  block(g, head, kinds);
  body(g, depth - 1);
  unsigned shape = rnd(g, 4);
  if (shape == 0) {
    uint32_t c = condition(g);
    zw_text_printf(&g->out, "  br v%u, ", c), args(g, done, out), zw_text_printf(&g->out, ", b%u\n", mid);
    block(g, mid, "");
    body(g, depth - 1);
  }
  uint32_t n = begin(g, 'i', "i32.sub");
  zw_text_printf(&g->out, "v%u, i32 1\n", i);
  if (shape == 2) {
    uint32_t more = begin(g, 'i', "i32.gt_s"), cases = g->nblocks++;
    zw_text_printf(&g->out, "v%u, i32 0\n  br v%u, b%u, ", n, more, cases), args(g, done, out), nl(g);
    block(g, cases, "");
    cases_op(g, depth, head, n, i, kinds, done, out);
    g->nscope = mark;
    block(g, done, out);
    return;
  }
  if (shape == 1) { // two back edges
    uint32_t c = condition(g), both = g->nblocks++;
    uint32_t w = begin(g, 'i', "i32.and");
    zw_text_printf(&g->out, "v%u, v%u\n", c, n);
    zw_text_printf(&g->out, "  br v%u, b%u(v%u", w, head, n);
    for (unsigned k = 1; kinds[k]; k++)
      comma(g), operand(g, kinds[k]);
    zw_text_printf(&g->out, "), b%u\n", both);
    block(g, both, "");
    body(g, depth - 1);
  }
  uint32_t z = begin(g, 'i', "i32.gt_s");
  zw_text_printf(&g->out, "v%u, i32 0\n", n);
  zw_text_printf(&g->out, "  br v%u, b%u(v%u", z, head, n);
  for (unsigned k = 1; kinds[k]; k++)
    comma(g), operand(g, kinds[k]);
  zw_text_printf(&g->out, "), "), args(g, done, out), nl(g);
  if (rnd(g, 3))
    g->nscope = mark; // else values of the loop are used behind it
  else
    for (uint32_t k = mark; k < g->nscope; k++)
      if (shape < 2) {
        g->nscope = mark;
        break;
      }
  block(g, done, out);
}
static void switch_op(Gen *g, unsigned depth)
{
  char kinds[8];
  some_kinds(g, kinds, 3);
  unsigned n = 1 + rnd(g, 5);
  uint32_t first = g->nblocks, join;
  g->nblocks += n + 2;
  join = first + n + 1;
  begin_switch(g, 7, first, n, join, kinds);
  uint32_t mark = g->nscope;
  for (unsigned k = 0; k < n; k++) {
    block(g, first + k, "");
    body(g, depth > 2 ? 1 : 0);
    zw_text_printf(&g->out, "  jmp "), args(g, join, kinds), nl(g);
    g->nscope = mark;
  }
  block(g, join, kinds);
}
static void body(Gen *g, unsigned depth)
{
  unsigned n = 2 + rnd(g, 8);
  for (unsigned k = 0; k < n && g->budget; k++) {
    g->budget--;
    unsigned what = rnd(g, 100);
    if (depth && what < 8)
      if_op(g, depth);
    else if (depth && what < 15)
      loop_op(g, depth);
    else if (depth && what < 18)
      switch_op(g, depth);
    else if (what < 23)
      call_op(g);
    else if (g->refs && what < 38)
      ref_op(g);
    else if (what < 28)
      divide(g);
    else if (what < 33)
      select_op(g);
    else if (what < 50)
      memory(g);
    else
      num_op(g);
  }
}
static const char *generate(Gen *g, uint64_t seed)
{
  *g = (Gen){ .rng = seed * 0x9e3779b97f4a7c15ull + 1 };
  zw_arena_init(&g->a, NULL, NULL);
  zw_text_init(&g->out, &g->a);
  for (unsigned k = 0; k < 5; k++)
    rnd(g, 2);
  g->budget = 20 + rnd(g, 150);
  g->refs = seed & 1;
  zw_text_printf(&g->out, "module memories 1\ndecl f0 (i32, i64, f64, i32, ref, ref) -> (i64)\ndecl f1 (i32, i64, f64) -> (i64, f64)\n"
                          "decl f2 (i32, i64, f64, i32, i32, i64, f64, i32, i64) -> (i32)\n"
                          "decl f3 (ref, ref, i32) -> (ref, ref)\n");
  zw_text_printf(&g->out, "func f0 (i32, i64, f64, i32, ref, ref) -> (i64)\nb0:\n");
  g->nblocks = 1;
  for (unsigned k = 0; k < 6; k++) {
    keep(g, g->next, "ildirr"[k]);
    zw_text_printf(&g->out, "  v%u:%s = param %u\n", g->next, kind_name[(unsigned char)"ildirr"[k]], k);
    g->next++;
  }
  body(g, 4);
  uint32_t sum = 0;
  const char *only = getenv("ZW_ONLY"); // for finding what is wrong: return just that value of the scope
  for (unsigned k = 0; k < g->nscope; k++) { // everything that lives is part of the answer
    uint32_t v = g->scope[k].v, l = v;
    if (only && (unsigned)atoi(only) != k)
      continue;
    if (g->scope[k].kind == 'i')
      l = begin(g, 'l', "i64.extend_i32_u"), zw_text_printf(&g->out, "v%u\n", v);
    else if (g->scope[k].kind == 'd')
      l = begin(g, 'l', "i64.trunc_sat_f64_s"), zw_text_printf(&g->out, "v%u\n", v);
    else if (g->scope[k].kind == 'f')
      l = begin(g, 'l', "i64.trunc_sat_f32_s"), zw_text_printf(&g->out, "v%u\n", v);
    uint32_t r = begin(g, 'l', "i64.rotl");
    zw_text_printf(&g->out, sum ? "v%u, i64 7\n" : "i64 %u, i64 7\n", sum ? sum : 5);
    sum = begin(g, 'l', "i64.xor");
    zw_text_printf(&g->out, "v%u, v%u\n", r, l);
  }
  zw_text_printf(&g->out, "  ret (v%u)\n", sum);
  zw_text_printf(&g->out, "\nfunc f1 (i32, i64, f64) -> (i64, f64)\nb0:\n  v0:i32 = param 0\n  v1:i64 = param 1\n  v2:f64 = param 2\n"
                          "  v3:i64 = i64.extend_i32_u v0\n  v4:i64 = i64.add v3, v1\n  v5:f64 = f64.mul v2, f64 0x3ff8000000000000\n  ret (v4, v5)\n");
  zw_text_printf(&g->out, "\nfunc f2 (i32, i64, f64, i32, i32, i64, f64, i32, i64) -> (i32)\nb0:\n  v0:i32 = param 0\n  v1:i64 = param 1\n"
                          "  v2:f64 = param 2\n  v3:i32 = param 3\n  v4:i32 = param 4\n  v5:i64 = param 5\n  v6:f64 = param 6\n  v7:i32 = param 7\n"
                          "  v8:i64 = param 8\n  v9:i64 = i64.xor v1, v5\n  v10:i64 = i64.sub v9, v8\n  v11:i32 = i32.wrap_i64 v10\n"
                          "  v12:i32 = i32.add v0, v3\n  v13:i32 = i32.xor v4, v7\n  v14:i32 = i32.sub v12, v13\n  v15:i32 = i32.add v14, v11\n"
                          "  v16:f64 = f64.add v2, v6\n  v17:i32 = i32.trunc_sat_f64_s v16\n  v18:i32 = i32.xor v15, v17\n  ret (v18)\n");
  zw_text_printf(&g->out, "\nfunc f3 (ref, ref, i32) -> (ref, ref)\nb0:\n  v0:ref = param 0\n  v1:ref = param 1\n  v2:i32 = param 2\n"
                          "  v3:ref = sel v0, v1, v2\n  v4:ref = sel v1, v0, v2\n  ret (v3, v4)\n");
  return g->out.p;
}
static void fill(uint8_t *m, uint64_t seed)
{
  for (unsigned k = 0; k < 1 << 16; k++)
    m[k] = (uint8_t)((k * 2654435761u + seed * 977) >> 13);
}
static void one_seed(uint64_t seed, unsigned ways)
{
  Gen *g = calloc(1, sizeof *g);
  const char *text = generate(g, seed);
  uint8_t *model = malloc(1 << 16);
  if (getenv("ZW_TEXT"))
    puts(text);
  for (unsigned k = 0; k < ways; k++) {
    CodeOptions o = { .cpu_bits = k & 1 ? CPU_X86_64_V3 : CPU_X86_64_V2, .small_file = k & 2 ? 4 : 0, .random_ra = k < 4 ? 0 : k * 77 + seed,
                      .no_exact_maps = (k ^ k >> 2 ^ seed >> 1) & 1 };
    ZirRig *r = zir_rig(text, &o);
    for (unsigned n = 0; n < 3; n++) {
      uint64_t args[6] = { seed * 3 + n, seed << (20 * n), 0x4008000000000000ull + n * 0x123456789ull, n * 100 - 7, 0x12340 + n, n * 8 };
      args[0] = (uint32_t)args[0], args[3] = (uint32_t)args[3];
      Val in[6], out[4] = { 0 };
      memset(in, 0, sizeof in);
      for (unsigned j = 0; j < 6; j++)
        in[j].l = args[j];
      fill(model, n), fill(r->memory, n);
      EvalWorld w = { .funcs = r->z, .memory = model, .fuel = 200000 };
      TrapKind t = zir_eval(&w, r->z[0], in, out);
      if (t == TRAP_out_of_fuel)
        continue;
      uint64_t got = zir_call(r, 0, args, 6), want = t ? TRAPPED | t : out[0].l;
      if (got != want || memcmp(model, r->memory, 1 << 16) != 0)
        fail_msg("seed %llu way %u arguments %u: got %llx, want %llx; memory %s", (unsigned long long)seed, k, n, (unsigned long long)got,
                 (unsigned long long)want, memcmp(model, r->memory, 1 << 16) ? "differs" : "equal");
    }
    zir_rig_free(r);
  }
  free(model);
  zw_arena_free(&g->a);
  free(g);
}
static void generated(void **state)
{
  (void)state;
  const char *one = getenv("ZW_SEED"), *many = getenv("ZW_SEEDS");
  if (one) {
    one_seed(strtoull(one, NULL, 10), 12);
    return;
  }
  uint64_t n = many ? strtoull(many, NULL, 10) : 300;
  for (uint64_t seed = 1; seed <= n; seed++)
    one_seed(seed, 8);
}
int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(generated) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
