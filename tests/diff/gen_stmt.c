// Calls, control and statements: stmt() leaves nothing on the stack.
#include "gen_int.h"

// ---- calls ----

static void arguments(Gen *g, const Sig *s, uint32_t depth)
{
  for (uint32_t i = 0; i < s->np; i++)
    gen_expr(g, s->p[i], depth - 1);
}
static void drop_types(Gen *g, uint32_t n)
{
  while (n--)
    op(g, OP_drop);
}
// What was caught: into variables where there is one, so that it is seen.
static void take_types(Gen *g, const ValType *t, uint32_t n)
{
  while (n--) {
    uint32_t start = gen_rnd(g, g->nlocals ? g->nlocals : 1), k = 0;
    bool keep = gen_chance(g, 70);
    while (keep && k < g->nlocals && g->local[(start + k) % g->nlocals] != t[n])
      k++;
    if (keep && k < g->nlocals)
      op1(g, OP_local_set, (start + k) % g->nlocals);
    else
      op(g, OP_drop);
  }
}
// A call of an internal function with these results; 0: any one, results dropped.
bool gen_call(Gen *g, const ValType *r, uint32_t nr, bool drop, uint32_t depth)
{
  uint32_t n = g->nfuncs - g->nhelpers - g->nexports, start = gen_rnd(g, n);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t f = g->nhelpers + (start + k) % n;
    const Sig *s = &g->sigs[g->func_sig[f]];
    if (!drop && !gen_same_types(s->r, s->nr, r, nr))
      continue;
    arguments(g, s, depth);
    uint32_t how = gen_rnd(g, 10);
    if (how < 6)
      op1(g, OP_call, f);
    else if (how < 8 || !gen_has(g, GEN_REFS)) {
      i32_const(g, gen_chance(g, 90) ? f : gen_rnd(g, 40));
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
  else if (nr == 1 && gen_chance(g, 80))
    val_type(g->code, r[0]);
  else if ((s = gen_sig_of(g, NULL, 0, r, nr)) != UINT32_MAX)
    s64(g->code, g->sigs[s].type);
  else
    val_type(g->code, r[0]);
}
bool gen_push_label(Gen *g, const ValType *t, uint32_t n)
{
  if (g->nlabels == MAX_LABELS)
    return false;
  Label *l = &g->label[g->nlabels++];
  *l = (Label){ .n = n };
  if (n)
    memcpy(l->t, t, n * sizeof *t);
  return true;
}
void gen_burn_fuel(Gen *g)
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
  uint32_t k = gen_rnd(g, g->nlabels);
  const Label l = g->label[g->nlabels - 1 - k];
  for (uint32_t i = 0; i < l.n; i++)
    gen_expr(g, l.t[i], depth - 1);
  gen_expr(g, VT_I32, depth - 1);
  op1(g, OP_br_if, k);
  drop_types(g, l.n);
}
// block { block { block { br_table } ... } ... }
static void switch_stmt(Gen *g, uint32_t depth)
{
  uint32_t n = 1 + gen_rnd(g, 4), made = 0;
  while (made < n && gen_push_label(g, NULL, 0)) {
    op(g, OP_block), byte(g->code, 0x40);
    made++;
  }
  if (!made)
    return;
  gen_expr(g, VT_I32, depth - 1);
  op1(g, OP_br_table, made - 1);
  for (uint32_t i = 0; i < made; i++)
    u32(g->code, gen_rnd(g, made));
  for (; made; made--) {
    op(g, OP_end);
    g->nlabels--;
    gen_stmts(g, 2, depth - 1);
  }
}

void gen_block(Gen *g, const ValType *t, uint32_t n, uint32_t depth)
{
  static const ValType none[1];
  uint32_t kind = gen_rnd(g, 3);
  if (g->nlabels == MAX_LABELS) {
    for (uint32_t i = 0; i < n; i++)
      gen_expr(g, t[i], 0);
    return;
  }
  if (kind == 2)
    gen_expr(g, VT_I32, depth - 1);
  gen_push_label(g, kind == 1 ? none : t, kind == 1 ? 0 : n);
  op(g, kind == 0 ? OP_block : kind == 1 ? OP_loop : OP_if);
  block_type(g, t, n);
  if (kind == 1)
    gen_burn_fuel(g);
  for (int arm = 0; arm < (kind == 2 ? 2 : 1); arm++) {
    if (arm)
      op(g, OP_else);
    gen_stmts(g, 3, depth - 1);
    for (uint32_t i = 0; i < n; i++)
      gen_expr(g, t[i], depth - 1);
  }
  op(g, OP_end);
  g->nlabels--;
}

// A protected body with the value t; what is caught is dropped and another t made.
void gen_try_block(Gen *g, ValType t, uint32_t depth)
{
  uint32_t tag = gen_rnd(g, g->ntags);
  const Sig *payload = &g->sigs[g->tag_sig[tag]];
  if (g->nlabels + 3 > MAX_LABELS) {
    gen_expr(g, t, 0);
    return;
  }
  if (gen_has(g, GEN_LEGACY_EH)) {
    op(g, OP_try), val_type(g->code, t);
    gen_push_label(g, &t, 1);
    gen_stmts(g, 2, depth - 1);
    gen_expr(g, t, depth - 1);
    if (gen_chance(g, 20)) {
      g->nlabels--;
      op1(g, OP_delegate, gen_rnd(g, g->nlabels));
      return;
    }
    op1(g, OP_catch, tag);
    take_types(g, payload->p, payload->np);
    gen_stmts(g, 1, depth - 1);
    if (gen_chance(g, 20))
      op1(g, OP_rethrow, 0);
    else
      gen_expr(g, t, depth - 1);
    if (gen_chance(g, 40)) {
      op(g, OP_catch_all);
      gen_expr(g, t, depth - 1);
    }
    op(g, OP_end);
    g->nlabels--;
    return;
  }
  bool all = gen_chance(g, 30), ref = gen_chance(g, 30);
  op(g, OP_block), val_type(g->code, t);
  gen_push_label(g, &t, 1);
  ValType caught[MAX_VALUES + 1];
  uint32_t n = 0;
  for (uint32_t i = 0; !all && i < payload->np; i++)
    caught[n++] = payload->p[i];
  if (ref)
    caught[n++] = VT_REF | VT_NULL | HEAP_EXN;
  op(g, OP_block);
  if (n > MAX_VALUES || (n > 1 && gen_sig_of(g, NULL, 0, caught, n) == UINT32_MAX))
    all = true, ref = false, n = 0;
  block_type(g, caught, n);
  gen_push_label(g, caught, n);
  op(g, OP_try_table), val_type(g->code, t);
  gen_push_label(g, &t, 1);
  u32(g->code, 1);
  byte(g->code, 2u * all + ref);
  if (!all)
    u32(g->code, tag);
  u32(g->code, 0);
  gen_stmts(g, 2, depth - 1);
  gen_expr(g, t, depth - 1);
  op(g, OP_end);
  op1(g, OP_br, 1);
  op(g, OP_end);
  g->nlabels -= 2;
  if (ref && gen_chance(g, 20)) {
    op(g, OP_throw_ref);
  } else {
    take_types(g, caught, n);
    gen_expr(g, t, depth - 1);
  }
  op(g, OP_end);
  g->nlabels--;
}

// ---- statements ----

static void bulk(Gen *g, uint32_t depth)
{
  uint32_t m = gen_rnd(g, g->nmemories), d = gen_rnd(g, g->nmemories);
  bool narrow = !g->is64[m] || !g->is64[d];
  switch (gen_rnd(g, 6)) {
  case 0:
    gen_address(g, m, depth - 1);
    gen_expr(g, VT_I32, depth - 1);
    if (g->is64[m])
      i64_const(g, gen_rnd(g, 300));
    else
      i32_const(g, gen_rnd(g, 300));
    op1(g, OP_memory_fill, m);
    return;
  case 1:
    gen_address(g, d, depth - 1);
    gen_address(g, m, depth - 1);
    if (narrow)
      i32_const(g, gen_rnd(g, 300));
    else
      i64_const(g, gen_rnd(g, 300));
    op2(g, OP_memory_copy, d, m);
    return;
  case 2:
    gen_address(g, m, depth - 1);
    i32_const(g, gen_rnd(g, 20)), i32_const(g, gen_rnd(g, 40));
    op2(g, OP_memory_init, 1, m);
    return;
  case 3:
    if (gen_chance(g, 20))
      op1(g, OP_data_drop, 1);
    return;
  case 4:
    i32_const(g, gen_rnd(g, 30)), i32_const(g, gen_rnd(g, 30)), i32_const(g, gen_rnd(g, 8));
    op2(g, OP_table_copy, 0, 0);
    return;
  case 5:
    i32_const(g, gen_rnd(g, 24));
    gen_default_value(g, VT_FUNCREF);
    op1(g, OP_table_set, 0);
    return;
  }
}

// return_call of a function with our results.
static void tail_call(Gen *g, uint32_t depth)
{
  uint32_t n = g->nfuncs - g->nhelpers - g->nexports, start = gen_rnd(g, n);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t f = g->nhelpers + (start + k) % n;
    const Sig *s = &g->sigs[g->func_sig[f]];
    if (!gen_same_types(s->r, s->nr, g->sig->r, g->sig->nr))
      continue;
    gen_expr(g, VT_I32, depth - 1);
    op(g, OP_if), byte(g->code, 0x40);
    if (!gen_push_label(g, NULL, 0))
      BUG("too many labels");
    arguments(g, s, depth);
    if (gen_chance(g, 50))
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
  uint32_t tag = gen_rnd(g, g->ntags);
  if (g->nlabels == MAX_LABELS)
    return;
  gen_expr(g, VT_I32, depth - 1);
  op(g, OP_if), byte(g->code, 0x40);
  gen_push_label(g, NULL, 0);
  arguments(g, &g->sigs[g->tag_sig[tag]], depth);
  op1(g, OP_throw, tag);
  op(g, OP_end);
  g->nlabels--;
}

static void set_variable(Gen *g, uint32_t depth)
{
  uint32_t i = gen_rnd(g, g->nlocals + g->nglobals - 1);
  if (i < g->nlocals) {
    gen_expr(g, g->local[i], depth - 1);
    if (gen_chance(g, 20))
      op1(g, OP_local_tee, i), op(g, OP_drop);
    else
      op1(g, OP_local_set, i);
    return;
  }
  gen_expr(g, g->global[i - g->nlocals], depth - 1);
  op1(g, OP_global_set, i - g->nlocals);
}

void gen_stmt(Gen *g, uint32_t depth)
{
  if (depth == 0 || g->budget-- <= 0)
    return;
  uint32_t how = gen_rnd(g, 100);
  if (how < 35 && g->nlocals + g->nglobals > 1)
    set_variable(g, depth);
  else if (how < 55)
    (void)gen_access_memory(g, VT_BOT, depth);
  else if (how < 65)
    gen_block(g, NULL, 0, depth);
  else if (how < 72)
    branch(g, depth);
  else if (how < 76)
    switch_stmt(g, depth);
  else if (how < 80)
    (void)gen_call(g, NULL, 0, true, depth);
  else if (how < 84 && gen_has(g, GEN_BULK))
    bulk(g, depth);
  else if (how < 90 && gen_has(g, GEN_GC))
    gen_object_stmt(g, depth);
  else if (how < 93 && g->ntags)
    throw_stmt(g, depth);
  else if (how < 96 && gen_has(g, GEN_TAIL) && g->func < g->nfuncs - g->nexports && g->nlabels < MAX_LABELS)
    tail_call(g, depth);
  else {
    ValType t = gen_value_type(g);
    gen_expr(g, t, depth - 1);
    op(g, OP_drop);
  }
}

void gen_stmts(Gen *g, uint32_t most, uint32_t depth)
{
  for (uint32_t n = gen_rnd(g, most + 1); n; n--)
    gen_stmt(g, depth);
}
