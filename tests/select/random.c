// Random functions of ZIR, compiled in several ways, against a walk over the same ZIR that uses num.h.
//
// Functions are structured: straight code, diamonds, loops with a counter, switches, early returns, traps, cold blocks;
// they load, store and call the functions after them.  NaN bits that the specification leaves open must not become
// visible as integers, so float stores, reinterpretations and copysign are left out.
//   select_random [first seed [count]]
#include "../alloc/zir_rig.h"
#include "meaning.h"

enum { FUNCS = 3, MAX_BLOCKS = 400, MAX_SCOPE = 4000, BLOCK_TEXT = 6000, KINDS = 5 /* i32 i64 f32 f64 v128 */, PARAMS = 6 };

static uint64_t seed;
static uint64_t rnd64(void)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed * 0x2545f4914f6cdd1dull;
}
static uint32_t rnd(uint32_t n) { return (uint32_t)((rnd64() >> 33) % n); }
static bool one_in(uint32_t n) { return rnd(n) == 0; }

// ---- writing ----

typedef struct Block { char *text; size_t n; bool cold; } Block;
typedef struct Sig { uint32_t nparams, nresults; ValKind params[PARAMS], results[3]; } Sig;
typedef struct Gen {
  Block blocks[MAX_BLOCKS]; uint32_t nblocks;
  uint32_t order[MAX_BLOCKS], norder, after_loop[MAX_BLOCKS], nafter_loop;
  uint32_t cur, values, depth, budget, loops;
  uint32_t scope[KINDS][MAX_SCOPE], nscope[KINDS];  // values that are visible here
  Sig sigs[FUNCS];
  uint32_t func;
  char *out; size_t nout;
} Gen;
typedef struct Mark { uint32_t n[KINDS]; } Mark;

static const char *const kind_name[] = { "i32", "i64", "f32", "f64", "v128" };
enum { OUT_BYTES = 1 << 20 };

static void vsay(char *p, size_t *n, size_t cap, const char *fmt, va_list ap)
{
  int k = vsnprintf(p + *n, cap - *n, fmt, ap);
  assert_true(k >= 0 && (size_t)k < cap - *n);
  *n += (size_t)k;
}
static void say(Gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(Gen *g, const char *fmt, ...) // into the current block
{
  va_list ap;
  va_start(ap, fmt);
  Block *b = &g->blocks[g->cur];
  vsay(b->text, &b->n, BLOCK_TEXT, fmt, ap);
  va_end(ap);
}
static void out(Gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void out(Gen *g, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  vsay(g->out, &g->nout, OUT_BYTES, fmt, ap);
  va_end(ap);
}

static Mark mark(const Gen *g)
{
  Mark m;
  memcpy(m.n, g->nscope, sizeof m.n);
  return m;
}
static void forget(Gen *g, Mark m) { memcpy(g->nscope, m.n, sizeof m.n); }

static uint32_t new_block(Gen *g)
{
  assert_true(g->nblocks < MAX_BLOCKS);
  uint32_t b = g->nblocks++;
  g->blocks[b] = (Block){ .text = calloc(1, BLOCK_TEXT) };
  return b;
}
static void open_block(Gen *g, uint32_t b) { g->order[g->norder++] = g->cur = b; }
// A block that never gets back into the loops around it stands behind them.
static void open_leaving(Gen *g, uint32_t b)
{
  if (g->loops == 0)
    open_block(g, b);
  else
    g->after_loop[g->nafter_loop++] = g->cur = b;
}

static uint32_t see(Gen *g, ValKind k, uint32_t v)
{
  if (g->nscope[k] < MAX_SCOPE)
    g->scope[k][g->nscope[k]++] = v;
  return v;
}

// A value or a constant as text.  Recent values and a few old ones: short and long ranges.
static void operand_text(Gen *g, ValKind k, char *to, size_t n)
{
  uint32_t have = g->nscope[k];
  if (have == 0 || one_in(6)) {
    Value v = interesting(k, rnd(30), rnd64);
    switch (k) {
    case VK_I32: snprintf(to, n, "i32 %d", v.i32); break;
    case VK_I64: snprintf(to, n, "i64 %lld", (long long)v.i64); break;
    case VK_F32: snprintf(to, n, "f32 0x%x", v.u32); break;
    case VK_V128: snprintf(to, n, "vec 0x%llx 0x%llx", (unsigned long long)v.u64x2[0], (unsigned long long)v.u64x2[1]); break;
    default: snprintf(to, n, "f64 0x%llx", (unsigned long long)v.u64); break;
    }
    return;
  }
  uint32_t at = one_in(3) ? rnd(have) : have - 1 - rnd(have < 6 ? have : 6);
  snprintf(to, n, "v%u", g->scope[k][at]);
}
static void operand(Gen *g, ValKind k)
{
  char t[60];
  operand_text(g, k, t, sizeof t);
  say(g, "%s", t);
}
static uint32_t define(Gen *g, ValKind k)
{
  uint32_t v = g->values++;
  say(g, " v%u:%s = ", v, kind_name[k]);
  return v;
}

static bool usable(Op op)
{
  const OpInfo *i = &zw_op_info[op];
  unsigned lanes;
  if (i->out[0] == VK_V128 && nan_is_open(op, &lanes))
    return false;
  if (!meaning_of[op] || i->nout != 1 || i->out[0] >= KINDS || strstr(i->text, "reinterpret_f") || strstr(i->text, "copysign"))
    return false;
  for (unsigned k = 0; k < i->nin; k++)
    if (i->in[k] >= KINDS)
      return false;
  return true;
}

static void numeric(Gen *g, bool traps)
{
  static Op pure[OP_COUNT], trapping[OP_COUNT];
  static uint32_t npure, ntrapping;
  if (!npure)
    for (Op op = 0; op < OP_COUNT; op++)
      if (usable(op)) {
        if (zw_op_info[op].kind == OPK_NUM)
          pure[npure++] = op;
        else
          trapping[ntrapping++] = op;
      }
  const OpInfo *i;
  do // integers mostly
    i = &zw_op_info[traps ? trapping[rnd(ntrapping)] : pure[rnd(npure)]];
  while (i->out[0] >= VK_F32 && !one_in(i->out[0] == VK_V128 ? 12 : 4));
  uint32_t lane = rnd(i->text[1] == '8' ? 16 : i->text[1] == '1' ? 8 : i->text[1] == '3' ? 4 : 2);
  char a[3][60];
  for (unsigned k = 0; k < i->nin; k++)
    operand_text(g, (ValKind)i->in[k], a[k], sizeof a[k]);
  uint32_t v = define(g, (ValKind)i->out[0]);
  say(g, "%s ", i->text);
  for (unsigned k = 0; k < i->nin; k++)
    say(g, "%s%s", k ? ", " : "", a[k]);
  if (i->flags & OPF_LANEIMM)
    say(g, " #%u", lane);
  say(g, "%s\n", traps ? " @9" : "");
  see(g, (ValKind)i->out[0], v);
}

// An address inside the first 8 KiB, sometimes scaled.
static uint32_t address(Gen *g)
{
  char t[60];
  operand_text(g, VK_I32, t, sizeof t);
  uint32_t v = define(g, VK_I32);
  say(g, "i32.and %s, i32 %u\n", t, one_in(2) ? 255u : 4095u);
  if (one_in(2)) {
    uint32_t w = define(g, VK_I32);
    say(g, "i32.shl v%u, i32 %u\n", v, rnd(4));
    v = w;
    if (one_in(2)) {
      w = define(g, VK_I32);
      say(g, "i32.add v%u, i32 %u\n", v, rnd(2000));
      v = w;
    }
  }
  return v;
}

static void memory_access(Gen *g)
{
  static Op loads[64], stores[64]; // floats are not stored: NaN
  static uint32_t nloads, nstores;
  if (!nloads)
    for (Op op = 0; op < OP_COUNT; op++) {
      const OpInfo *i = &zw_op_info[op];
      if (i->kind != OPK_MEM || i->flags & OPF_ATOMIC)
        continue;
      if (i->flags & OPF_LOAD && (i->out[0] != VK_V128 || op == OP_v128_load))
        loads[nloads++] = op;
      else if (i->flags & OPF_STORE && (i->in[1] < VK_F32 || i->in[1] == VK_V128))
        stores[nstores++] = op;
    }
  uint32_t at = address(g);
  if (one_in(2)) {
    const OpInfo *i = &zw_op_info[stores[rnd(nstores)]];
    char t[60];
    operand_text(g, (ValKind)i->in[1], t, sizeof t);
    say(g, " %s v%u, %s +%u @3\n", i->text, at, t, rnd(300));
  } else {
    const OpInfo *i = &zw_op_info[loads[rnd(nloads)]];
    uint32_t v = define(g, (ValKind)i->out[0]);
    say(g, "%s v%u +%u @3\n", i->text, at, rnd(300));
    see(g, (ValKind)i->out[0], v);
  }
}

// load, operate, store at the same address: the pattern that becomes one instruction.
static void read_modify_write(Gen *g)
{
  static const char *const ops[] = { "add", "sub", "and", "or", "xor" };
  uint32_t at = address(g), off = rnd(100);
  const char *t = one_in(2) ? "i32" : "i64";
  uint32_t a = g->values++, b = g->values++;
  say(g, " v%u:%s = %s.load v%u +%u @4\n v%u:%s = %s.%s v%u, ", a, t, t, at, off, b, t, t, ops[rnd(5)], a);
  operand(g, t[1] == '3' ? VK_I32 : VK_I64);
  say(g, "\n %s.store v%u, v%u +%u @5\n", t, at, b, off);
  if (one_in(4))
    see(g, t[1] == '3' ? VK_I32 : VK_I64, one_in(2) ? a : b);
}

static void call_next(Gen *g)
{
  if (g->func + 1 >= FUNCS || g->loops > 1)
    return;
  uint32_t f = g->func + 1 + rnd(FUNCS - g->func - 1);
  const Sig *s = &g->sigs[f];
  char a[PARAMS][60];
  for (unsigned k = 0; k < s->nparams; k++)
    operand_text(g, s->params[k], a[k], sizeof a[k]);
  uint32_t v = define(g, s->results[0]);
  say(g, "call f%u(", f);
  for (unsigned k = 0; k < s->nparams; k++)
    say(g, "%s%s", k ? ", " : "", a[k]);
  say(g, ") @7\n");
  see(g, s->results[0], v);
  for (unsigned k = 1; k < s->nresults; k++) {
    uint32_t w = define(g, s->results[k]);
    say(g, "result v%u #%u\n", v, k);
    see(g, s->results[k], w);
  }
}

static void select_value(Gen *g)
{
  ValKind k = (ValKind)rnd(KINDS);
  char a[60], b[60], c[60];
  operand_text(g, k, a, sizeof a), operand_text(g, k, b, sizeof b), operand_text(g, VK_I32, c, sizeof c);
  uint32_t v = define(g, k);
  say(g, "sel %s, %s, %s\n", a, b, c);
  see(g, k, v);
}

static void straight(Gen *g, uint32_t n)
{
  for (uint32_t k = 0; k < n && g->budget; k++, g->budget--)
    switch (rnd(20)) {
    case 0: case 1: case 2: memory_access(g); break;
    case 3: read_modify_write(g); break;
    case 4: call_next(g); break;
    case 5: select_value(g); break;
    case 6: if (one_in(6)) numeric(g, true); break;
    case 7:
      if (one_in(10)) {
        char c[60];
        operand_text(g, VK_I32, c, sizeof c);
        uint32_t v = define(g, VK_I32);
        say(g, "i32.eq %s, i32 %u\n trapif v%u cast_failure @8\n", c, rnd(4), v);
      }
      break;
    default: numeric(g, false); break;
    }
}

// Parameters of a block: kinds chosen by the caller of the join, arguments by each edge.
typedef struct Phis { uint32_t n; ValKind kind[6]; uint32_t v[6]; } Phis;
static Phis some_phis(Gen *g)
{
  Phis p = { rnd(5), { 0 }, { 0 } };
  for (uint32_t k = 0; k < p.n; k++)
    p.kind[k] = (ValKind)(one_in(3) ? rnd(KINDS) : rnd(2)), p.v[k] = g->values++;
  return p;
}
static void edge(Gen *g, uint32_t to, const Phis *p)
{
  say(g, "b%u", to);
  if (!p || !p->n)
    return;
  for (uint32_t k = 0; k < p->n; k++) {
    say(g, "%s", k ? ", " : "(");
    operand(g, p->kind[k]);
  }
  say(g, ")");
}
static void block_head(Gen *g, uint32_t b, const Phis *p)
{
  if (p->n) {
    for (uint32_t k = 0; k < p->n; k++)
      say(g, "%sv%u:%s", k ? ", " : "(", p->v[k], kind_name[p->kind[k]]), see(g, p->kind[k], p->v[k]);
    say(g, ")");
  }
  say(g, "%s:\n", g->blocks[b].cold ? " cold" : "");
}
static const Phis no_phis = { 0 };
static void open_with(Gen *g, uint32_t b, const Phis *p)
{
  open_block(g, b);
  block_head(g, b, p);
}

static void condition(Gen *g, char *to, size_t n)
{
  if (one_in(3)) {
    operand_text(g, VK_I32, to, n);
    if (to[0] == 'v')
      return;
  }
  static const char *const cmp[] = { "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u", "eq", "ne", "lt", "gt", "le", "ge" };
  bool is_float = one_in(4);
  ValKind k = is_float ? (one_in(2) ? VK_F32 : VK_F64) : (one_in(2) ? VK_I32 : VK_I64);
  char a[60], b[60];
  operand_text(g, k, a, sizeof a), operand_text(g, k, b, sizeof b);
  uint32_t v = define(g, VK_I32);
  say(g, "%s.%s %s, %s\n", kind_name[k], cmp[is_float ? 10 + rnd(6) : rnd(10)], a, b);
  if (one_in(3))
    see(g, VK_I32, v);
  snprintf(to, n, "v%u", v);
}

static void region(Gen *g);

static void diamond(Gen *g)
{
  char c[60];
  uint32_t yes = new_block(g), no = new_block(g), join = new_block(g);
  Phis p = some_phis(g);
  condition(g, c, sizeof c);
  bool half = one_in(3); // no else
  Mark m = mark(g);
  if (half) { // the edge goes to the join directly: it has arguments, so this is not a critical edge problem of ours
    say(g, " br %s, b%u, ", c, yes);
    edge(g, join, &p);
    say(g, "\n");
  } else
    say(g, " br %s, b%u, b%u\n", c, yes, no);
  g->blocks[yes].cold = one_in(5);
  bool cold = g->blocks[yes].cold;
  bool leave = cold && one_in(3);
  if (leave) {
    open_leaving(g, yes);
    block_head(g, yes, &no_phis);
  } else
    open_with(g, yes, &no_phis);
  if (cold)
    straight(g, 3);
  else
    region(g);
  if (leave)
    say(g, " trap unreachable @6\n");
  else {
    say(g, " jmp ");
    edge(g, join, &p);
    say(g, "\n");
  }
  forget(g, m);
  if (!half) {
    open_with(g, no, &no_phis);
    region(g);
    say(g, " jmp ");
    edge(g, join, &p);
    say(g, "\n");
    forget(g, m);
  }
  open_with(g, join, &p);
}

static void loop(Gen *g)
{
  uint32_t head = new_block(g), after = new_block(g);
  Phis p = some_phis(g);
  if (p.n == 6)
    p.n--;
  uint32_t counter = g->values++, next = g->values++;
  say(g, " jmp b%u(i32 %u", head, 1 + rnd(4));
  for (uint32_t k = 0; k < p.n; k++)
    say(g, ", "), operand(g, p.kind[k]);
  say(g, ")\n");
  Mark m = mark(g);
  open_block(g, head);
  say(g, "(v%u:i32", counter);
  for (uint32_t k = 0; k < p.n; k++)
    say(g, ", v%u:%s", p.v[k], kind_name[p.kind[k]]), see(g, p.kind[k], p.v[k]);
  say(g, "):\n");
  g->loops++;
  region(g);
  Phis q = some_phis(g);
  bool two_exits = one_in(3);
  if (two_exits) { // leave in the middle
    char c[60];
    condition(g, c, sizeof c);
    uint32_t on = new_block(g);
    say(g, " br %s, ", c);
    edge(g, after, &q);
    say(g, ", b%u\n", on);
    open_with(g, on, &no_phis);
    region(g);
  }
  say(g, " v%u:i32 = i32.sub v%u, i32 1\n br v%u, b%u(v%u", next, counter, next, head, next);
  for (uint32_t k = 0; k < p.n; k++)
    say(g, ", "), operand(g, p.kind[k]);
  say(g, "), ");
  edge(g, after, &q);
  say(g, "\n");
  if (--g->loops == 0)
    for (; g->nafter_loop; g->nafter_loop--)
      g->order[g->norder++] = g->after_loop[g->nafter_loop - 1];
  if (two_exits || one_in(2)) // else values of the loop are visible behind it, because the only way there is its end
    forget(g, m);
  open_with(g, after, &q);
}

static void switch_(Gen *g)
{
  uint32_t n = 2 + rnd(4), arm[6], join = new_block(g);
  char x[60];
  Phis p = some_phis(g);
  operand_text(g, VK_I32, x, sizeof x);
  uint32_t v = define(g, VK_I32);
  say(g, "i32.and %s, i32 7\n switch v%u [", x, v);
  for (uint32_t k = 0; k < n; k++) // each edge at least once
    say(g, "%s%u", k ? " " : "", k);
  for (uint32_t k = rnd(4); k; k--)
    say(g, " %u", rnd(n));
  say(g, "]");
  for (uint32_t k = 0; k < n; k++)
    say(g, "%s b%u", k ? "," : "", arm[k] = new_block(g));
  say(g, ", ");
  edge(g, join, &p);
  say(g, "\n");
  Mark m = mark(g);
  for (uint32_t k = 0; k < n; k++) {
    open_with(g, arm[k], &no_phis);
    straight(g, rnd(4));
    say(g, " jmp ");
    edge(g, join, &p);
    say(g, "\n");
    forget(g, m);
  }
  open_with(g, join, &p);
}

static void results(Gen *g)
{
  const Sig *s = &g->sigs[g->func];
  say(g, " ret (");
  for (unsigned k = 0; k < s->nresults; k++) {
    say(g, "%s", k ? ", " : "");
    operand(g, s->results[k]);
  }
  say(g, ")\n");
}

static void early_return(Gen *g)
{
  char c[60];
  uint32_t leave = new_block(g), on = new_block(g);
  condition(g, c, sizeof c);
  bool first = one_in(2);
  say(g, " br %s, b%u, b%u\n", c, first ? leave : on, first ? on : leave);
  Mark m = mark(g);
  open_leaving(g, leave);
  block_head(g, leave, &no_phis);
  straight(g, rnd(3));
  results(g);
  forget(g, m);
  open_with(g, on, &no_phis);
}

static void region(Gen *g)
{
  straight(g, 1 + rnd(8));
  if (++g->depth < 5)
    for (uint32_t k = rnd(3); k && g->budget > 4 && g->nblocks + 20 < MAX_BLOCKS; k--) {
      switch (rnd(7)) {
      case 0: case 1: case 2: diamond(g); break;
      case 3: case 4: if (g->loops < 3) loop(g); break;
      case 5: switch_(g); break;
      case 6: if (one_in(2)) early_return(g); break;
      }
      straight(g, rnd(6));
    }
  g->depth--;
}

static void write_function(Gen *g, uint32_t f)
{
  const Sig *s = &g->sigs[f];
  g->func = f, g->nblocks = g->norder = g->values = g->loops = 0;
  g->budget = f ? 30 : 20 + rnd(250);
  memset(g->nscope, 0, sizeof g->nscope);
  g->depth = 0;
  uint32_t b = new_block(g);
  open_with(g, b, &no_phis);
  for (uint32_t k = 0; k < s->nparams; k++) {
    uint32_t v = define(g, s->params[k]);
    say(g, "param %u\n", k);
    see(g, s->params[k], v);
  }
  while (g->budget > 4 && g->nblocks + 60 < MAX_BLOCKS)
    region(g), g->budget -= g->budget ? 1 : 0;
  results(g);
  for (uint32_t k = 0; k < g->norder; k++)
    out(g, "b%u%s", g->order[k], g->blocks[g->order[k]].text);
  for (uint32_t k = 0; k < g->nblocks; k++)
    free(g->blocks[k].text);
}

static void signature(Gen *g, const Sig *s)
{
  out(g, "(");
  for (unsigned k = 0; k < s->nparams; k++)
    out(g, "%s%s", k ? ", " : "", kind_name[s->params[k]]);
  out(g, ") -> (");
  for (unsigned k = 0; k < s->nresults; k++)
    out(g, "%s%s", k ? ", " : "", kind_name[s->results[k]]);
  out(g, ")\n");
}

static const char *write_program(Gen *g)
{
  g->nout = 0;
  out(g, "module memories 1\n");
  for (uint32_t f = 0; f < FUNCS; f++) {
    Sig *s = &g->sigs[f];
    s->nparams = 1 + rnd(PARAMS), s->nresults = 1 + rnd(3);
    for (unsigned k = 0; k < s->nparams; k++)
      s->params[k] = (ValKind)(one_in(3) ? rnd(KINDS) : rnd(2));
    for (unsigned k = 0; k < s->nresults; k++)
      s->results[k] = (ValKind)(one_in(3) ? rnd(KINDS) : rnd(2));
    if (f)
      out(g, "decl f%u ", f), signature(g, s);
  }
  for (uint32_t f = 0; f < FUNCS; f++) {
    out(g, "%sfunc f%u ", f ? "\n" : "", f);
    signature(g, &g->sigs[f]);
    write_function(g, f);
  }
  return g->out;
}

// ---- walking the ZIR ----

typedef struct Run { ZirRig *g; uint8_t *memory; TrapKind trap; uint64_t steps; } Run;

static Value value_of(const ZirFunc *z, const Value *vals, Ref r)
{
  Value v = { .u64x2 = { 0, 0 } };
  uint64_t bits[2];
  if (zw_ref_is_value(r))
    return vals[r];
  assert_true(zw_ref_const(z, r, bits));
  v.u64x2[0] = bits[0], v.u64x2[1] = bits[1];
  return v;
}

static void load_value(const OpInfo *i, const uint8_t *p, Value *v)
{
  if (i->out[0] == VK_V128) {
    memcpy(v, p, 16);
    return;
  }
  uint64_t raw = 0;
  memcpy(&raw, p, i->width);
  bool is_signed = i->text[strlen(i->text) - 1] == 's';
  unsigned shift = 64 - 8 * i->width;
  if (is_signed)
    raw = (uint64_t)((int64_t)(raw << shift) >> shift);
  v->u64 = i->out[0] == VK_I32 ? (uint32_t)raw : raw;
}

static void walk(Run *run, uint32_t func, const Value *args, Value *res);

static void do_call(Run *run, const ZirFunc *z, Value *vals, uint32_t at)
{
  const ZIns *ins = &z->ins[at];
  Value a[PARAMS], res[3] = { { .u64 = 0 } };
  for (uint32_t k = 0; k < ins->b; k++)
    a[k] = value_of(z, vals, z->xa[ins->a + k]);
  walk(run, ins->c, a, res);
  vals[at] = res[0];
  for (uint32_t k = at + 1; k < z->nins && z->ins[k].op == OP_result; k++)
    vals[k] = res[z->ins[k].b];
}

// One instruction that is no terminator.
static void step(Run *run, const ZirFunc *z, Value *vals, const Value *args, uint32_t at)
{
  const ZIns *i = &z->ins[at];
  const OpInfo *info = &zw_op_info[i->op];
  if (meaning_of[i->op]) {
    Value in[3] = { { .u64 = 0 } };
    Ref refs[3] = { i->a, i->b, i->c };
    for (unsigned k = 0; k < info->nin; k++)
      in[k] = value_of(z, vals, refs[k]);
    vals[at] = (Value){ .u64x2 = { 0, 0 } };
    meaning_of[i->op](in, &vals[at], i->c, &run->trap);
    return;
  }
  switch (i->op) {
  case OP_param: vals[at] = args[i->a]; return;
  case OP_phi: case OP_result: return;
  case OP_sel: vals[at] = value_of(z, vals, value_of(z, vals, i->c).u32 ? i->a : i->b); return;
  case OP_trapif:
    if (value_of(z, vals, i->a).u32)
      run->trap = (TrapKind)i->c;
    return;
  case OP_call: do_call(run, z, vals, at); return;
  }
  assert_int_equal(info->kind, OPK_MEM);
  uint8_t *p = run->memory + value_of(z, vals, i->a).u32 + i->c;
  assert_true(p + 16 < run->memory + (1 << 16));
  if (info->flags & OPF_LOAD) {
    vals[at] = (Value){ .u64x2 = { 0, 0 } };
    load_value(info, p, &vals[at]);
  } else {
    Value v = value_of(z, vals, i->b);
    memcpy(p, &v, info->width);
  }
}

static void walk(Run *run, uint32_t func, const Value *args, Value *res)
{
  const ZirFunc *z = run->g->z[func];
  Value *vals = calloc(z->nins + 1, sizeof *vals);
  uint32_t b = z->order[0];
  while (!run->trap) {
    const ZBlock *blk = &z->blocks[b];
    for (uint32_t at = blk->first; at + 1 < blk->end && !run->trap; at++)
      step(run, z, vals, args, at);
    assert_true(++run->steps < 2000000);
    if (run->trap)
      break;
    const ZIns *t = &z->ins[blk->end - 1];
    uint32_t e = 0;
    if (t->op == OP_ret) {
      for (uint32_t k = 0; k < t->b; k++)
        res[k] = value_of(z, vals, z->xa[t->a + k]);
      break;
    } else if (t->op == OP_trap) {
      run->trap = (TrapKind)t->c;
      break;
    } else if (t->op == OP_br)
      e = value_of(z, vals, t->a).u32 ? 0 : 1;
    else if (t->op == OP_switch) {
      uint32_t x = value_of(z, vals, t->a).u32;
      e = x < t->c ? z->xa[t->b + x] : (uint32_t)blk->nedges - 1;
    } else
      assert_int_equal(t->op, OP_jmp);
    const ZEdge *edge_ = &z->edges[blk->edges + e];
    const ZBlock *to = &z->blocks[edge_->to];
    Value phi[16];
    assert_true(to->nphi <= 16);
    for (uint32_t k = 0; k < to->nphi; k++)
      phi[k] = value_of(z, vals, z->edge_args[edge_->args + k]);
    for (uint32_t k = 0; k < to->nphi; k++)
      vals[to->first + k] = phi[k];
    b = edge_->to;
  }
  free(vals);
}

// ---- comparing ----

static void fill(uint8_t *memory, uint64_t s)
{
  for (uint32_t k = 0; k < 1 << 16; k += 8) { // small numbers, so that floats of it are ordinary ones often enough
    s = s * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t v = s >> (s & 63);
    memcpy(memory + k, &v, 8);
  }
}

static void compare(uint64_t program, const char *text, const CodeOptions *o, unsigned way)
{
  ZirRig *g = zir_rig(text, o);
  const FuncType *t = zw_func_type(g->z[0]->m, g->z[0]->func);
  Run run = { .g = g, .memory = malloc(1 << 16) };
  seed = program * 77 + 5;
  for (uint32_t round = 0; round < 6; round++) {
    Value args[PARAMS] = { { .u64 = 0 } }, want[8] = { { .u64 = 0 } }, got[8] = { { .u64 = 0 } };
    for (uint32_t k = 0; k < t->nparams; k++)
      got[k] = args[k] = interesting(zw_val_kind(g->z[0]->m, t->params[k]), rnd(30), rnd64);
    fill(run.memory, round);
    fill(g->memory, round);
    run.trap = TRAP_none, run.steps = 0;
    walk(&run, 0, args, want);
    Outcome out_ = rig_call(g->r, 0, got);
    bool good = out_.trap == run.trap && memcmp(g->memory, run.memory, 1 << 16) == 0;
    for (uint32_t k = 0; good && !run.trap && k < t->nresults; k++) {
      good = same(zw_val_kind(g->z[0]->m, t->results[k]), &got[k], &want[k], true, 0);
    }
    if (good)
      continue;
    FILE *f = fopen("select_random.zir", "w");
    fputs(text, f), fclose(f);
    for (uint32_t k = 0; k < t->nparams; k++)
      print_message("arg %u: %llx\n", k, (unsigned long long)args[k].u64);
    for (uint32_t k = 0; k < t->nresults; k++)
      print_message("result %u: %llx %llx, want %llx %llx\n", k, (unsigned long long)got[k].u64x2[1], (unsigned long long)got[k].u64,
                    (unsigned long long)want[k].u64x2[1], (unsigned long long)want[k].u64);
    for (uint32_t k = 0; k < 1 << 16; k++)
      if (g->memory[k] != run.memory[k]) {
        print_message("memory at %x: %02x, want %02x\n", k, g->memory[k], run.memory[k]);
        break;
      }
    fail_msg("program %llu, way %u, round %u: trap %u, want %u; text in select_random.zir", (unsigned long long)program, way, round, out_.trap, run.trap);
  }
  free(run.memory);
  zir_rig_free(g);
}

static uint64_t first = 1, count = 250;

static void random_functions_do_what_their_zir_says(void **state)
{
  (void)state;
  __builtin_cpu_init();
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
  Gen *g = calloc(1, sizeof *g);
  g->out = malloc(OUT_BYTES);
  for (uint64_t p = first; p < first + count; p++) {
    seed = 0x9e3779b97f4a7c15ull * p + 1;
    const char *text = write_program(g);
    if (getenv("ZW_PRINT"))
      puts(text);
    for (unsigned way = 0; way < 4; way++) {
      CodeOptions o = { .cpu_bits = way & 1 && v3 ? CPU_X86_64_V3 : CPU_X86_64_V2, .small_file = way == 2 ? 4 : 0, .random_ra = way == 3 ? p : 0 };
      compare(p, text, &o, way);
    }
  }
  free(g->out);
  free(g);
}

int main(int argc, char **argv)
{
  if (argc > 1)
    first = strtoull(argv[1], NULL, 10), count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  const struct CMUnitTest tests[] = { cmocka_unit_test(random_functions_do_what_their_zir_says) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
