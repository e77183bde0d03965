#include "zir_eval.h"

#define NIN(sig) (sizeof(#sig) - 3)
static Val constant(const ZirFunc *z, Ref r)
{
  uint64_t bits[2] = { 0 };
  assert_true(zw_ref_const(z, r, bits));
  Val v = { 0 };
  memcpy(&v, bits, 16);
  return v;
}
static Val get(const ZirFunc *z, const Val *vals, Ref r) { return zw_ref_is_value(r) ? vals[r] : constant(z, r); }

#define A_i(x) (x).i
#define A_l(x) (x).l
#define A_f(x) (x).f
#define A_d(x) (x).d
#define A_v(x) (x).v
// RUN_<sig>(expression of the function's name, extra arguments)
#define UN(in, out, fn, ...) r.out = fn(a.in __VA_ARGS__)
#define RUN_i_i(fn, ...) r.i = fn(a.i __VA_ARGS__)
#define RUN_l_i(fn, ...) r.i = fn(a.l __VA_ARGS__)
#define RUN_f_i(fn, ...) r.i = fn(a.f __VA_ARGS__)
#define RUN_d_i(fn, ...) r.i = fn(a.d __VA_ARGS__)
#define RUN_v_i(fn, ...) r.i = fn(a.v __VA_ARGS__)
#define RUN_ii_i(fn, ...) r.i = fn(a.i, b.i __VA_ARGS__)
#define RUN_ll_i(fn, ...) r.i = fn(a.l, b.l __VA_ARGS__)
#define RUN_ff_i(fn, ...) r.i = fn(a.f, b.f __VA_ARGS__)
#define RUN_dd_i(fn, ...) r.i = fn(a.d, b.d __VA_ARGS__)
#define RUN_i_l(fn, ...) r.l = fn(a.i __VA_ARGS__)
#define RUN_l_l(fn, ...) r.l = fn(a.l __VA_ARGS__)
#define RUN_f_l(fn, ...) r.l = fn(a.f __VA_ARGS__)
#define RUN_d_l(fn, ...) r.l = fn(a.d __VA_ARGS__)
#define RUN_v_l(fn, ...) r.l = fn(a.v __VA_ARGS__)
#define RUN_ll_l(fn, ...) r.l = fn(a.l, b.l __VA_ARGS__)
#define RUN_i_f(fn, ...) r.f = fn(a.i __VA_ARGS__)
#define RUN_l_f(fn, ...) r.f = fn(a.l __VA_ARGS__)
#define RUN_f_f(fn, ...) r.f = fn(a.f __VA_ARGS__)
#define RUN_d_f(fn, ...) r.f = fn(a.d __VA_ARGS__)
#define RUN_v_f(fn, ...) r.f = fn(a.v __VA_ARGS__)
#define RUN_ff_f(fn, ...) r.f = fn(a.f, b.f __VA_ARGS__)
#define RUN_i_d(fn, ...) r.d = fn(a.i __VA_ARGS__)
#define RUN_l_d(fn, ...) r.d = fn(a.l __VA_ARGS__)
#define RUN_f_d(fn, ...) r.d = fn(a.f __VA_ARGS__)
#define RUN_d_d(fn, ...) r.d = fn(a.d __VA_ARGS__)
#define RUN_v_d(fn, ...) r.d = fn(a.v __VA_ARGS__)
#define RUN_dd_d(fn, ...) r.d = fn(a.d, b.d __VA_ARGS__)
#define RUN_i_v(fn, ...) r.v = fn(a.i __VA_ARGS__)
#define RUN_l_v(fn, ...) r.v = fn(a.l __VA_ARGS__)
#define RUN_f_v(fn, ...) r.v = fn(a.f __VA_ARGS__)
#define RUN_d_v(fn, ...) r.v = fn(a.d __VA_ARGS__)
#define RUN_v_v(fn, ...) r.v = fn(a.v __VA_ARGS__)
#define RUN_vv_v(fn, ...) r.v = fn(a.v, b.v __VA_ARGS__)
#define RUN_vvv_v(fn, ...) r.v = fn(a.v, b.v, c.v __VA_ARGS__)
#define RUN_vi_v(fn, ...) r.v = fn(a.v, b.i __VA_ARGS__)
#define RUN_vl_v(fn, ...) r.v = fn(a.v, b.l __VA_ARGS__)
#define RUN_vf_v(fn, ...) r.v = fn(a.v, b.f __VA_ARGS__)
#define RUN_vd_v(fn, ...) r.v = fn(a.v, b.d __VA_ARGS__)
#define RUN_ll_ll(fn, ...) (void)0
#define RUN_llll_ll(fn, ...) (void)0
#define LANE_0
#define LANE_COMM
#define LANE_LANEIMM , ins->c

static uint64_t load(const uint8_t *p, unsigned n, bool sign)
{
  uint64_t v = 0;
  memcpy(&v, p, n > 8 ? 8 : n);
  return sign && n < 8 ? (uint64_t)((int64_t)(v << (64 - 8 * n)) >> (64 - 8 * n)) : v;
}
static bool memory_op(const EvalWorld *w, const ZirFunc *z, const Val *vals, const ZIns *ins, Val *r)
{
  const OpInfo *info = &zw_op_info[ins->op];
  if (info->kind != OPK_MEM || (info->flags & (OPF_ATOMIC | OPF_WAIT)))
    return false;
  uint8_t *p = w->memory + get(z, vals, ins->a).i + (uint64_t)ins->c;
  if (info->flags & OPF_STORE) {
    Val b = get(z, vals, ins->b);
    memcpy(p, &b, info->width);
    return true;
  }
  size_t n = strlen(info->text);
  bool sign = info->text[n - 1] == 's' && info->text[n - 2] == '_';
  if (info->width == 16) {
    memcpy(r, p, 16);
    return true;
  }
  uint64_t x = load(p, info->width, sign);
  if (ins->ty == VK_I32)
    r->i = (uint32_t)x;
  else
    r->l = x;
  return true;
}
static TrapKind call(EvalWorld *w, const ZirFunc *z, Val *vals, uint32_t v)
{
  const ZIns *ins = &z->ins[v];
  Val args[32], results[32] = { 0 };
  for (uint32_t k = 0; k < ins->b; k++)
    args[k] = get(z, vals, z->xa[ins->a + k]);
  if (++w->depth > 50)
    return TRAP_stack_overflow;
  TrapKind t = zir_eval(w, w->funcs[ins->c], args, results);
  w->depth--;
  vals[v] = results[0];
  for (uint32_t j = v + 1; j < z->nins && z->ins[j].op == OP_result && z->ins[j].a == v; j++)
    vals[j] = results[z->ins[j].b];
  return t;
}
static TrapKind run(EvalWorld *w, const ZirFunc *z, Val *vals, const Val *args, uint32_t v)
{
  const ZIns *ins = &z->ins[v];
  const ZShape *shape = &zw_zir_shape[ins->op];
  Val a = { 0 }, b = { 0 }, c = { 0 }, r = { 0 };
  TrapKind trap = TRAP_none, *tp = &trap;
  if (w->fuel-- == 0)
    return TRAP_out_of_fuel;
  if (!shape->xa && (shape->refs & 1))
    a = get(z, vals, ins->a);
  if (!shape->xa && (shape->refs & 2))
    b = get(z, vals, ins->b);
  if (!shape->xa && (shape->refs & 4))
    c = get(z, vals, ins->c);
  if (ins->op == OP_call)
    return call(w, z, vals, v);
  if (memory_op(w, z, vals, ins, &r)) {
    vals[v] = r;
    return TRAP_none;
  }
  switch ((Op)ins->op) {
#define NUM(id, text, code, sig, feature, flags) case OP_##id: RUN_##sig(num_##id, LANE_##flags); break;
#define TNUM(id, text, code, sig, feature, flags) case OP_##id: RUN_##sig(num_##id, , tp); break;
#include "compiler/wasm/ops.def"
  case OP_param: r = args[ins->a]; break;
  case OP_copy: r = a; break;
  case OP_sel: r = c.i ? a : b; break;
  case OP_mulh_u: r.l = (uint64_t)((unsigned __int128)a.l * b.l >> 64); break;
  case OP_mulh_s: r.l = (uint64_t)((__int128)(int64_t)a.l * (int64_t)b.l >> 64); break;
  case OP_trapif: return a.i ? (TrapKind)ins->c : TRAP_none;
  case OP_phi: case OP_result: return TRAP_none;
  case OP_undef: break;
  default: fail_msg("%s is not evaluated", zw_op_info[ins->op].text);
  }
  vals[v] = r;
  return trap;
}
static void take_edge(const ZirFunc *z, Val *vals, uint32_t edge)
{
  const ZEdge *e = &z->edges[edge];
  const ZBlock *t = &z->blocks[e->to];
  Val next[64];
  for (uint32_t k = 0; k < t->nphi; k++)
    next[k] = get(z, vals, z->edge_args[e->args + k]);
  for (uint32_t k = 0; k < t->nphi; k++)
    vals[t->first + k] = next[k];
}
TrapKind zir_eval(EvalWorld *w, const ZirFunc *z, const Val *args, Val *results)
{
  Val *vals = calloc(z->nins + 1, sizeof *vals);
  uint32_t b = z->order[0];
  TrapKind trap = TRAP_none;
  for (;;) {
    const ZBlock *k = &z->blocks[b];
    for (uint32_t v = k->first; v + 1 < k->end && !trap; v++)
      if (!zw_zir_is(z, v, ZV_HOISTED))
        trap = run(w, z, vals, args, v);
    if (k->nedges == 1 && z->blocks[z->edges[k->edges].to].is_header && !trap) {
      uint32_t l = z->blocks[z->edges[k->edges].to].loop;
      if (z->loops[l].entry == b)
        for (uint32_t h = z->loops[l].hoist_first; h != REF_NONE && !trap; h = z->hoisted[h].next)
          trap = run(w, z, vals, args, z->hoisted[h].value);
    }
    const ZIns *t = &z->ins[k->end - 1];
    if (trap || t->op == OP_ret || t->op == OP_trap || w->fuel-- == 0) {
      if (!trap && t->op == OP_trap)
        trap = (TrapKind)t->c;
      else if (!trap && t->op != OP_ret)
        trap = TRAP_out_of_fuel;
      for (uint32_t j = 0; !trap && j < t->b; j++)
        results[j] = get(z, vals, z->xa[t->a + j]);
      break;
    }
    uint32_t edge = k->edges;
    if (t->op == OP_br)
      edge += !get(z, vals, t->a).i;
    else if (t->op == OP_switch) {
      uint32_t i = get(z, vals, t->a).i;
      edge += i < t->c ? z->xa[t->b + i] : (uint32_t)k->nedges - 1;
    }
    take_edge(z, vals, edge);
    b = z->edges[edge].to;
  }
  free(vals);
  return trap;
}
