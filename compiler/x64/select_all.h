// P3 for x86-64: ZIR to LIR.  What an instruction becomes is its row in emit.def and the sel_ function that row names;
// where values live is decided by compiler/alloc/ra_core.h, which is included here.  select.c and select_late.c include
// this, each with an RA_LATE of its own.
//
// Peculiar to this target: two-address integer instructions (the left operand should end in the result's register),
// fixed registers of divisions, shifts and compare-exchange, flags that nearly everything clobbers, memory operands.
// The walk is backward: what an instruction emits first runs last.
#include "compiler/x64/x64_int.h"
#include "runtime/abi/gcobj.h"
#include "runtime/base/bits.h"

typedef uint32_t RegSet;
#define RA_NREG X64_NREG
#define RA_GPR X64_ALLOC_GPR
#define RA_FPR X64_ALLOC_XMM
#define RA_CALLEE X64_CALLEE_SAVED
#define RA_SCRATCH_FP X64_SCRATCH
#define RA_AVOID_DIV (X64_BIT(RAX) | X64_BIT(RDX))
#define RA_AVOID_SHIFT X64_BIT(RCX)
// no REX prefix for 32-bit operations
#define RA_LOW (X64_BIT(RAX) | X64_BIT(RCX) | X64_BIT(RDX) | X64_BIT(RBX) | X64_BIT(RSI) | X64_BIT(RDI) | X64_BIT(RBP) | 0x00ff0000u)
#include "compiler/alloc/ra_core.h"

typedef struct TargetState {
  struct { uint32_t type; const X64Sig *sig; } sigs[16]; // signatures met last, by type + 1
  X64Sig self;
  bool avx, avx2, bmi1, bmi2, lzcnt, fma;
  uint32_t *catch_of;            // per block that is a handler: its catch + 1
} TargetState;

// A register or memory operand, with the values it carries for the checker.
typedef struct Opnd {
  uint8_t reg;                   // or REG_NONE: memory
  uint8_t rn, rm, scale;
  int32_t disp;
  uint32_t at;
  Ref val, vrn, vrm;
} Opnd;
static inline bool opnd_is_reg(const Opnd *o) { return o->reg != REG_NONE; }

// in this order: each uses what stands above it
#include "compiler/x64/select_operand.h"
#include "compiler/x64/select_int.h"
#include "compiler/x64/select_cond.h"
#include "compiler/x64/select_memory.h"
#include "compiler/x64/select_gc.h"
#include "compiler/x64/select_float.h"
#include "compiler/x64/select_call.h"

// ---- terminators ----
static void hoisted_moves(Ra *ra, const BranchPlan *p)
{
  if (!p->hoisted)
    return;
  ra->flags_live = true;
  parallel_move(ra, p->hoisted);
}
// Two jumps are needed to ask whether floats are equal, and both must be on one edge: that edge, or -1.
static int parity_edge(Ra *ra, Ref v)
{
  while (zw_ref_is_value(v) && ra->z->ins[v].op == OP_i32_eqz)
    v = ra->z->ins[v].a;
  uint16_t op = zw_ref_is_value(v) ? ra->z->ins[v].op : OP_copy;
  if (op != OP_f32_eq && op != OP_f32_ne && op != OP_f64_eq && op != OP_f64_ne)
    return -1;
  clear_registers(ra); // of no account where the branch is
  Cond c = cond_of(ra, ra->z->ins[ra->i].a);
  return c.parity == 1 ? 1 : c.parity == 2 ? 0 : -1;
}
static void term_br(Ra *ra, uint32_t b, const ZIns *ins)
{
  BranchPlan p = plan_branch(ra, b, parity_edge(ra, ins->a));
  Cond c = cond_of(ra, ins->a); // only now is it known what lives on behind the branch
  if (!p.on_true)
    c = negated(c);
  ASSERT(c.parity != 1);
  jump_cc(ra, c.cc, p.label);
  note(ra, p.taken, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  if (c.parity) {
    jump_cc(ra, CC_P, p.label);
    note(ra, p.taken, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
  ra->flags_live = true;
  hoisted_moves(ra, &p);
  emit_cond(ra, &c);
  ra->flags_live = false;
}
// Two registers that few of the switch's targets want: nothing can be reloaded behind the jump, so nobody may live there.
static RegSet switch_temps(Ra *ra, const ZBlock *k)
{
  RegSet can = RA_GPR & ra->file, out = 0;
  for (uint32_t j = 0; j < k->nedges && j < 16; j++) {
    RegSet left = can & ~ra->entry[ra->z->edges[k->edges + j].to].regs;
    if (zw_popcnt64(left) < 2)
      break;
    can = left;
  }
  for (int n = 0; n < 2; n++) {
    RegSet m = can & ~out;
    out |= BIT(choose(ra, m & ~RA_CALLEE ? m & ~RA_CALLEE : m));
  }
  return out;
}
static uint32_t switch_label(Ra *ra, uint32_t b, uint32_t edge, const uint32_t *labels)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  const ZEdge *e = &z->edges[edge];
  if (!ra->last_edge)
    ra->last_edge = zw_new_array(ra->a, uint32_t, z->nblocks + 1);
  uint32_t same = ra->last_edge[e->to] - 1; // the last edge to this target, of any switch
  if (same - k->edges < k->nedges &&
      (z->edges[same].args == e->args ||
       memcmp(z->edge_args + z->edges[same].args, z->edge_args + e->args, z->blocks[e->to].nphi * sizeof(Ref)) == 0))
    return labels[same - k->edges];
  ra->last_edge[e->to] = edge + 1;
  conform(ra, e, &ra->tmp);
  return ra->tmp.n ? edge_stub(ra, edge, &ra->tmp) : block_label(ra, e->to);
}
// Dense: compares for up to three targets, else a table behind one bounds check.
static void term_switch(Ra *ra, uint32_t b, const ZIns *ins)
{
  ra->l->has_switch = true;
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  uint32_t n = ins->c, last = k->nedges - 1; // entries; the default edge
  const uint32_t *entry = z->xa + ins->b;
  uint32_t *labels = zw_new_array(ra->a, uint32_t, k->nedges);
  ra->reserved = switch_temps(ra, k);
  give_up_slots(ra, k);
  count_wanted(ra, k);
  for (unsigned pass = 0; pass < 2; pass++) // hot targets first: they decide where values are
    for (uint32_t j = 0; j < k->nedges; j++)
      if ((z->blocks[z->edges[k->edges + j].to].cold != 0) == pass)
        labels[j] = switch_label(ra, b, k->edges + j, labels);
  forget_wanted(ra, k);
  RegSet temps = ra->reserved;
  Reg t = zw_ctz64(temps), t2 = zw_ctz64(temps & ~BIT(t));
  dirty(ra, t), dirty(ra, t2);
  ra->reserved = 0;
  begin_chunk(ra, b);
  Reg r = t2;
  if (!zw_ref_is_value(ins->a)) {
    bring(ra, t2, ins->a, REG_NONE);
  } else {
    if (val_of(ra, ins->a)->loc == REG_NONE)
      bind(ra, t2, ins->a);
    r = use(ra, ins->a, RA_GPR, REG_NONE);
  }
  Lir *l;
  if (n > 3) {
    uint32_t first = ra->table_labels.n;
    for (uint32_t j = 0; j < n; j++)
      *zw_push(ra->a, &ra->table_labels) = labels[entry[j]];
    l = lir(ra, X_jtable);
    ra->chunks.p[ra->chunks.n - 1].head |= HEAD_TABLE;
    l->rn = (uint8_t)r, l->rd = (uint8_t)t, l->ra = (uint8_t)t2, l->x = ra->tables.n, l->sz = 8;
    note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
    *zw_push(ra->a, &ra->tables) = (LirTable){ first, n };
    jump_cc(ra, CC_AE, labels[last]);
    note(ra, k->edges + last, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    emit_ri(ra, X_cmp_ri, 4, r, (int32_t)n);
    note(ra, REF_NONE, ins->a, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  jump_to(ra, labels[last]);
  ra->top->rn = (uint8_t)n;
  note(ra, k->edges + last, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  for (uint32_t j = n; j--;) {
    jump_cc(ra, CC_E, labels[entry[j]]);
    note(ra, k->edges + entry[j], REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    if (j)
      emit_ri(ra, X_cmp_ri, 4, r, (int32_t)j);
    else
      emit_rr(ra, X_test_rr, 4, r, r);
    note(ra, REF_NONE, ins->a, j ? REF_NONE : ins->a, REF_NONE, REF_NONE);
  }
}
static void term_ret(Ra *ra, uint32_t b, const ZIns *ins)
{
  const X64Sig *s = &ra->t->self;
  begin_chunk(ra, b);
  lir(ra, X_ret);
  for (uint32_t k = 0; k < ins->b && notes(ra); k++)
    if (s->results[k].reg != REG_NONE)
      note_fix(ra, s->results[k].reg, ra->z->xa[ins->a + k], LF_USE);
  for (uint32_t k = 0; k < ins->b; k++)
    if (s->results[k].reg != REG_NONE)
      use_at(ra, ra->z->xa[ins->a + k], s->results[k].reg);
  if (has_area(s)) {
    Reg p = use(ra, ra->z->nins, RA_GPR, REG_NONE);
    for (uint32_t k = ins->b; k--;)
      if (s->results[k].reg == REG_NONE)
        store_word(ra, ra->z->xa[ins->a + k], p, ra->z->nins, s->results[k].off);
  }
}
static void term_trap(Ra *ra, uint32_t b, const ZIns *ins, Ref v)
{
  begin_chunk(ra, b);
  trap_now(ra, (TrapKind)ins->c, at_of(ra, v));
}
// Arguments to their places, then the frame goes and the callee returns to our caller.
static void term_tail_call(Ra *ra, uint32_t b, const ZIns *ins, Ref v, uint32_t type, bool elem)
{
  const X64Sig *s = signature(ra, type);
  uint32_t nargs = ins->b - elem;
  bool import = !elem && ins->c < ra->z->m->nimported_funcs;
  begin_chunk(ra, b);
  ra->l->needs_stack_check = true;
  reg_args(ra, ins, nargs, s);
  if (has_area(s) && s->result_area.reg != REG_NONE)
    use_at(ra, ra->z->nins, s->result_area.reg);
  Ref e = elem ? ra->z->xa[ins->a + nargs] : REF_NONE;
  if (elem)
    use_at(ra, e, RAX);
  ra->lock |= BIT(RAX);
  Lir *l = lir(ra, elem || import ? X_tcall_thunk : X_tcall);
  l->x = elem || import ? FX_THUNK(THUNK_XTAIL, type) : ins->c;
  l->at = at_of(ra, v);
  note_args(ra, ins, nargs, s);
  if (elem)
    note_fix(ra, RAX, e, LF_USE);
  if (import) {
    l = lir(ra, X_lea);
    l->rd = RAX, l->sz = 8, l->rn = X64_VMCTX, l->disp = (int32_t)(ra->z->layout.imports + 32 * ins->c);
  }
  if (!s->arg_bytes)
    return;
  end_ins(ra);
  if (has_area(s) && s->result_area.reg == REG_NONE)
    store_word(ra, ra->z->nins, REG_OUT, REF_NONE, s->result_area.off);
  for (uint32_t k = nargs; k--;)
    if (s->params[k].reg == REG_NONE)
      store_word(ra, ra->z->xa[ins->a + k], REG_OUT, REF_NONE, s->params[k].off);
  lir(ra, X_tail_area)->imm = (int32_t)s->arg_bytes;
  if (s->arg_bytes > ra->l->max_out_bytes)
    ra->l->max_out_bytes = s->arg_bytes;
}
// The payload as 16-byte values in the frame; the runtime copies it, unwinds, and never returns here.
static void term_throw(Ra *ra, uint32_t b, const ZIns *ins, Ref v)
{
  begin_chunk(ra, b);
  uint32_t area = frame_area(ra, 16 * (ins->b ? ins->b : 1));
  ra->l->has_calls = ra->l->needs_stack_check = true;
  lir(ra, X_unreachable);
  ref_call(ra, v);
  ra->lock |= BIT(RDI) | BIT(RSI);
  Lir *l = lir(ra, X_call_m);
  l->rn = X64_VMCTX, l->sz = 8, l->disp = VMCTX_LIBCALL(throw), l->at = at_of(ra, v);
  add_map(ra);
  load_imm(ra, RDI, ins->c, false);
  l = lir(ra, X_lea);
  l->rd = RSI, l->sz = 8, l->rn = REG_AREA, l->disp = (int32_t)area;
  for (uint32_t k = ins->b; k--;)
    store_word(ra, ra->z->xa[ins->a + k], REG_AREA, REF_NONE, area + 16 * k);
}
// A handler is entered with rax = address of the payload (16-byte values) and rdx = the exnref; everything else was in
// memory, so all other registers are free for the payload here.
static void emit_handler_head(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  for (Reg r = RAX; r <= RDX; r += RDX)
    if (ra->busy & BIT(r)) {
      Ref v = ra->cur[r];
      Reg q = zw_ctz64(RA_GPR & ~(BIT(RAX) | BIT(RDX)) & ~ra->busy);
      unbind(ra, r);
      bind(ra, q, v);
      dirty(ra, q);
      move_reg(ra, r, q, kind_of(ra, v));
    }
  uint32_t npayload = 0;
  if (ra->t->catch_of[b]) {
    uint32_t tag = z->catches[ra->t->catch_of[b] - 1].tag;
    npayload = tag == UINT32_MAX ? 0 : z->m->types[z->m->tags[tag].type].func->nparams;
  }
  for (uint32_t i = k->end; i-- > k->first + k->nphi;) {
    const ZIns *ins = &z->ins[i];
    if (ins->op != OP_catch_value || is_dead(ra, i))
      continue;
    ValKind kind = (ValKind)ins->ty;
    Reg d = val_of(ra, i)->loc;
    if (d != REG_NONE)
      unbind(ra, d);
    bool fp = class_of(kind) == RA_FPR, exn = ins->b >= npayload;
    if (val_of(ra, i)->slot) {
      store_slot(ra, i, exn ? RDX : d != REG_NONE ? d : X64_SCRATCH);
      if (d == REG_NONE && !exn && !fp) // a scalar through the vector scratch register
        ra->top->op = X_movsd_mr;
      free_slot(ra, val_of(ra, i)->slot - 1);
    }
    if (exn) {
      if (d != REG_NONE)
        emit_move(ra, d, RDX, kind);
      note_alias(ra, RDX, i, REF_NONE);
      continue;
    }
    Lir *l = lir(ra, d == REG_NONE && !fp ? X_movsd_rm : load_op(kind));
    l->rd = (uint8_t)(d == REG_NONE ? X64_SCRATCH : d), l->rn = RAX, l->disp = (int32_t)(16 * ins->b), l->sz = (uint8_t)kind_bytes(kind);
    note(ra, i, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
}

#include "compiler/x64/select_simd.h"
#include "compiler/x64/select_atomic.h"

// ---- the walk ----
static inline __attribute__((always_inline)) void select_ins(Ra *ra, const ZIns *ins, uint32_t v)
{
  ra->i = v;
  switch (ins->op) {
  case OP_param: case OP_phi: case OP_result: case OP_catch_value: return; // where they come from places them
#define EMIT(id, pattern, ...) case OP_##id: sel_##pattern(ra, ins, v, ##__VA_ARGS__); break;
#include "compiler/x64/emit.def"
  default: zw_fail(ra->ctx, ERR_unsupported, ZW_NO_POS, "%s on x86-64", zw_op_info[ins->op].text);
  }
  end_ins(ra);
}
// Has the instruction nothing to do: part of another one, at the end of another block, or pure and wanted by nobody?  No jump between
// the questions: no two instructions are alike in that.
static inline bool is_passed(const ZIns *ins, const RaValue *p, unsigned hoisted)
{
  bool unwanted = (p->slot | (p->loc ^ REG_NONE)) == 0;
  bool pure = (zw_zir_shape[ins->op].flags & OPF_PURE) != 0;
  return (hoisted != 0) | (unwanted & (pure | ((p->vstate & VS_FUSED) != 0)));
}
// The instructions [first, end) of the current block, from the last one up, or one that is hoisted to its end.
static inline __attribute__((always_inline)) void select_run(Ra *ra, uint32_t first, uint32_t end, uint32_t pos)
{
  const ZirFunc *z = ra->z;
  unsigned flags = ra->hoisting ? 0 : ZV_HOISTED;
  for (uint32_t v = end; v-- > first;) {
    if (flags) {
      set_pos(ra, pos + v);
      if (NEVER(ra->watched) && ra->scanned == ra->b + 1)
        unlink_uses(ra, v);
    }
    const ZIns *ins = &z->ins[v];
    unsigned hoisted = z->val[v].blk & flags;
    if (!is_passed(ins, val_of(ra, v), hoisted))
      select_ins(ra, ins, v);
    if (NEVER(ra->watched) && ra->nrefs && !hoisted)
      ref_pass(ra, v);
  }
}
static void select_terminator(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  uint32_t v = z->blocks[b].end - 1;
  const ZIns *ins = &z->ins[v];
  ra->i = v;
  if (ra->rest && ins->op != OP_jmp && ins->op != OP_br && ins->op != OP_switch)
    clear_registers(ra);
  switch (ins->op) {
  case OP_jmp: plan_jump(ra, b); break;
  case OP_br: term_br(ra, b, ins); break;
  case OP_switch: term_switch(ra, b, ins); break;
  case OP_ret: term_ret(ra, b, ins); break;
  case OP_trap: term_trap(ra, b, ins, v); break;
  case OP_tcall: term_tail_call(ra, b, ins, v, z->m->funcs[ins->c].type, false); break;
  case OP_tcall_elem: term_tail_call(ra, b, ins, v, ins->c, true); break;
  case OP_throw: term_throw(ra, b, ins, v); break;
  default: BUG("op %u does not end a block", ins->op);
  }
  end_ins(ra);
  ref_pass(ra, v);
}
static void select_block(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  start_block(ra, b);
  select_terminator(ra, b);
  uint32_t loop = enters_loop(ra, b), n = 0;
  if (loop != NO_LOOP)
    hoisted_values(ra, loop, &n);
  ra->effect_at = INT64_MAX;
  for (;; n--) { // what is hoisted to the block's end, if anything, then the block itself
    uint32_t first = k->first + k->nphi, end = k->end - 1;
    ra->hoisting = n != 0;
    if (n)
      first = ra->hoist.p[n - 1], end = first + 1;
    uint32_t from;
    do {
      from = NEVER(ra->wanted_in != NULL) ? behind_pause(ra, first, end) : first;
      select_run(ra, from, end, k->pos - k->first);
      end = from;
    } while (NEVER(from > first));
    if (!n)
      break;
  }
}
// Parameters from where the convention puts them to where the function wants them.
static void function_head(Ra *ra)
{
  const ZirFunc *z = ra->z;
  const X64Sig *s = &ra->t->self;
  Moves *mv = &ra->tmp;
  mv->n = 0;
  const ZBlock *k = &z->blocks[z->order[0]];
  for (uint32_t v = k->first; v <= k->end; v++) {
    Ref p = v == k->end ? z->nins : v;
    if ((p != z->nins && z->ins[p].op != OP_param) || is_dead(ra, p))
      continue;
    const X64Loc *from = p == z->nins ? &s->result_area : &s->params[z->ins[p].a];
    uint32_t src = from->reg != REG_NONE ? from->reg : PLACE_ARG + from->off;
    ValKind kind = kind_of(ra, p);
    Reg d = val_of(ra, p)->loc;
    if (d != REG_NONE && d != src)
      add_move(ra, mv, d, src, p, kind);
    else if (d != REG_NONE)
      ra->lock |= BIT(d); // it stays: no spare register for the moves
    if (d != REG_NONE)
      unbind(ra, d);
    if (val_of(ra, p)->slot)
      add_move(ra, mv, slot_place(ra, p), src, p, kind);
  }
  parallel_move(ra, mv);
  ra->lock = 0;
  for (uint32_t v = k->first; v <= k->end; v++) {
    Ref p = v == k->end ? z->nins : v;
    const X64Loc *from = p == z->nins ? (has_area(s) ? &s->result_area : NULL) : z->ins[p].op == OP_param ? &s->params[z->ins[p].a] : NULL;
    if (from && from->reg != REG_NONE)
      note_alias(ra, from->reg, p, REF_NONE);
  }
  ASSERT(!ra->busy);
}

static void init_target(Ra *ra)
{
  TargetState *t = ra->t = zw_new(ra->a, TargetState);
  uint64_t cpu = ra->o->cpu_bits;
  open_signatures(ra);
  t->self = *signature(ra, ra->z->type);
  t->avx = cpu & CPU_AVX, t->avx2 = cpu & CPU_AVX2, t->bmi1 = cpu & CPU_BMI1, t->bmi2 = cpu & CPU_BMI2;
  t->lzcnt = cpu & CPU_LZCNT, t->fma = cpu & CPU_FMA;
  const ZirFunc *z = ra->z;
  if (z->ntries)
    t->catch_of = zw_new_array(ra->a, uint32_t, z->nblocks);
  for (uint32_t k = 0; k < z->ntries; k++)
    for (uint32_t c = z->tries[k].catches; c < z->tries[k].catches + z->tries[k].ncatches; c++)
      t->catch_of[z->catches[c].block] = c + 1;
  for (uint32_t v = z->blocks[z->order[0]].first; v < z->blocks[z->order[0]].end; v++)
    if (z->ins[v].op == OP_param && t->self.params[z->ins[v].a].reg != REG_NONE)
      val_of(ra, v)->hint = t->self.params[z->ins[v].a].reg;
}
static LirFunc *select_all(Ctx *ctx, const ZirFunc *z, const CodeOptions *o, Arena *a)
{
  ArenaMark mark = zw_arena_mark(&ctx->scratch);
  Ra ra = { .ctx = ctx, .z = z, .o = o, .a = a, .rng = o->random_ra ^ (z->func * 0x9e3779b97f4a7c15ull) ^ 1 };
  init_ra(&ra);
  init_target(&ra);
  if (z->has_refs)
    ref_liveness(&ra);
  ra.l->arg_bytes = ra.t->self.arg_bytes;
  start_behind(&ra);
  for (uint32_t k = z->norder; k--;) {
    uint32_t b = z->order[k];
    select_block(&ra, b);
    if (k == 0)
      function_head(&ra);
    block_head(&ra, b);
    finish_block(&ra, b);
    if (NEVER(ra.wanted_in != NULL))
      behind_block(&ra, b);
  }
  finish_function(&ra);
  zw_arena_release(&ctx->scratch, mark);
  return ra.l;
}
