// Edges and the heads of blocks: states meet.  Part of ra_core.h.
#pragma once
#include "ra_loops.h"
#include "ra_sink.h"

// ---- edges ----
// A free register of the class for a value that an edge needs here; REG_NONE when all hold strong values.
static Reg edge_reg(Ra *ra, Ref v, RegSet avoid)
{
  RegSet can = class_of(kind_of(ra, v)) & ra->file & ~ra->reserved, free = can & ~ra->busy;
  if (free & ~avoid)
    free &= ~avoid;
  if (free)
    return pick(ra, v, free, REG_NONE);
  RegSet w = can & ra->weak;
  if (!w)
    return REG_NONE;
  Reg r = cheapest(ra, w);
  drop(ra, r);
  return r;
}
// Where the edge finds v, having given it a register here if there is one to give.
static uint32_t edge_source(Ra *ra, Ref v, RegSet avoid)
{
  if (!zw_ref_is_value(v))
    return PLACE_MAKE;
  Reg q = val_of(ra, v)->loc;
  if (q != REG_NONE) {
    ra->weak &= ~BIT(q);
    return q;
  }
  if (is_remat(ra, v))
    return PLACE_MAKE;
  if (val_of(ra, v)->slot && (ra->cold || avoid == ~(RegSet)0))
    return read_place(ra, v);
  q = edge_reg(ra, v, avoid);
  if (q == REG_NONE) {
    take_slot(ra, v);
    return read_place(ra, v);
  }
  bind(ra, q, v);
  dirty(ra, q);
  return q;
}
// An edge delivers v into slot s.  Is that the slot of a phi of an open loop, and may v live in it from its definition on?  When
// nothing down here reads the phi from it, v is made inside the loop and not more often than the edge is taken.  Then it is done.
static bool lend_slot(Ra *ra, Ref v, uint32_t s)
{
  const ZirFunc *z = ra->z;
  if (!ra->slots.p[s].owner)
    return false;
  Ref p = ra->slots.p[s].owner - 1;
  if (v == p && !(val_of(ra, p)->vstate & VS_LENT)) { // it is at home
    take_slot(ra, p);
    return val_of(ra, p)->slot == s + 1;
  }
  uint32_t header = zw_zir_block(z, p);
  if (val_of(ra, p)->slot || (val_of(ra, p)->vstate & VS_LENT) || val_of(ra, v)->slot || is_remat(ra, v) || is_phi_of(ra, v, header))
    return false;
  const ZBlock *d = &z->blocks[v < z->nins ? zw_zir_block(z, v) : z->order[0]];
  if (def_pos(ra, v) < z->blocks[header].pos || d->cold || d->depth > z->blocks[ra->b].depth)
    return false;
  const Promise *inner = outer_loop_of(ra, v); // no iteration of a loop further in may store to it
  if (inner && ra->slots.p[s].used >= inner->open_seq)
    return false;
  val_of(ra, v)->slot = s + 1;
  ra->slots.p[s].phi = p + 1;
  val_of(ra, p)->vstate |= VS_LENT;
  return true;
}
// An empty state becomes what a target requires.  False when a value is wanted in two registers; the state is empty then as before.
static inline bool adopt_state(Ra *ra, const Ref *vals, RegSet regs, RegSet weak)
{
  bool twice = false;
  for (RegSet m = regs; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    RaValue *v = val_of(ra, vals[r]);
    twice |= v->loc != REG_NONE;
    v->loc = (uint8_t)r;
  }
  if (regs & LOW_HALF)
    memcpy(ra->cur, vals, HALF_FILE * sizeof *vals);
  if (regs & ~LOW_HALF)
    memcpy(ra->cur + HALF_FILE, vals + HALF_FILE, HALF_FILE * sizeof *vals);
  ra->busy = regs, ra->weak = regs & weak;
  if (NEVER(twice)) {
    clear_registers(ra);
    return false;
  }
  ra->dirty |= regs & ~weak & RA_CALLEE;
  return true;
}
// The registers were left as the head of block t has them, and t is where the first edge goes: its phis go, all else is right already.
static inline void stay_in_state(Ra *ra, RegSet phis)
{
  for (RegSet m = phis; m; m &= m - 1)
    val_of(ra, ra->cur[zw_ctz64(m)])->loc = REG_NONE;
  ra->busy &= ~phis, ra->weak &= ~phis;
  ra->dirty |= ra->busy & ~ra->weak & RA_CALLEE;
  ra->rest = 0;
}
// Where a and b, HALF_FILE of them, are the same: four at a time.
STATIC_ASSERT(HALF_FILE == 16, "four times four");
static inline RegSet same_refs(const Ref *a, const Ref *b)
{
  Four same = ((Four)(four(a) == four(b)) & (Four){ 1, 2, 4, 8 }) | ((Four)(four(a + 4) == four(b + 4)) & (Four){ 0x10, 0x20, 0x40, 0x80 }) |
              ((Four)(four(a + 8) == four(b + 8)) & (Four){ 0x100, 0x200, 0x400, 0x800 }) |
              ((Four)(four(a + 12) == four(b + 12)) & (Four){ 0x1000, 0x2000, 0x4000, 0x8000 });
  return same[0] | same[1] | same[2] | same[3];
}
// Registers of an edge's target that hold already what it wants there.
static inline void keep_same(Ra *ra, RegSet same, RegSet weak)
{
  RegSet strong = same & ~weak;
  ra->weak &= ~strong;
  ra->dirty |= strong & RA_CALLEE;
}
// An edge gives phi p the value v, where p arrives.  avoid: registers that the edge's target wants.
static inline void deliver(Ra *ra, Ref p, Ref v, RegSet avoid, Moves *mv)
{
  Reg r = val_of(ra, p)->ploc;
  if ((r == REG_NONE && (!dslot_of(ra, p) || (val_of(ra, p)->vstate & VS_UNWANTED))) || zw_zir_is(ra->z, p, ZV_DEAD))
    return;
  bool is_value = zw_ref_is_value(v);
  if (is_value)
    lose_weight(ra, v);
  if (r == REG_NONE) {
    uint32_t s = ra->dslot[p] - 1;
    if (!is_value || (val_of(ra, v)->slot != s + 1 && !share_slot(ra, v, s) && !lend_slot(ra, v, s)))
      add_move(ra, mv, delivery_place(ra, p), edge_source(ra, v, avoid), v, phi_kind(ra, p));
    else
      read_place(ra, v);
    return;
  }
  if (is_value && val_of(ra, v)->loc == r) {
    be_strong(ra, r);
    return;
  }
  if (is_value && val_of(ra, v)->loc == REG_NONE && !(ra->reserved & BIT(r)) && (!(ra->busy & BIT(r)) || (ra->weak & BIT(r)))) {
    if (ra->busy & BIT(r))
      drop(ra, r);
    bind(ra, r, v); // the copy vanishes
    dirty(ra, r);
    return;
  }
  add_move(ra, mv, r, edge_source(ra, v, avoid), v, phi_kind(ra, p));
}
// Does v cost nothing in memory: made again, there already, or from outside the loop and not carried through it?
static bool can_reload(const Ra *ra, Ref v)
{
  const Promise *p = ra->inner;
  return is_remat(ra, v) || val_of(ra, v)->slot || (dslot_of(ra, v) && !(val_of(ra, v)->vstate & VS_LENT)) ||
         (p && def_pos(ra, v) < p->head_pos && !is_promised(p, v));
}
// In front of a large switch: what few of its hot targets want in a register is reloaded on their edges, not on all of them.
enum { FEW_OF = 8 };
static void count_wanted(Ra *ra, const ZBlock *k)
{
  const ZirFunc *z = ra->z;
  if (k->nedges < ra->large || NEVER(ra->o->random_ra != 0))
    return;
  if (!ra->wanted)
    ra->wanted = zw_new_array(ra->a, uint16_t, z->nins + 1);
  uint32_t hot = 0;
  for (uint32_t j = 0; j < k->nedges; j++) {
    uint32_t to = z->edges[k->edges + j].to;
    if (z->blocks[to].cold)
      continue;
    Wanted w = required(ra, to);
    hot++;
    for (RegSet m = w.regs & ~w.weak & ~w.phis; m; m &= m - 1)
      ra->wanted[w.vals[zw_ctz64(m)]] += ra->wanted[w.vals[zw_ctz64(m)]] < UINT16_MAX;
  }
  ra->few = hot / FEW_OF;
}
static void forget_wanted(Ra *ra, const ZBlock *k)
{
  if (k->nedges < ra->large || !ra->wanted)
    return;
  for (uint32_t j = 0; j < k->nedges; j++) {
    Wanted w = required(ra, ra->z->edges[k->edges + j].to);
    for (RegSet m = w.regs & ~w.phis; m; m &= m - 1)
      ra->wanted[w.vals[zw_ctz64(m)]] = 0;
  }
  ra->few = 0;
}
// What an edge's target wants, and what is special about the edge.
typedef struct Meeting {
  const Ref *vals; RegSet regs, weak; // by register
  RegSet same;                   // already so
  const Promise *leaves;         // the loop it leaves, or NULL
  bool cold, cools;              // the target is; this block is not
  Moves *mv;
} Meeting;
// Register r is wanted for a value that is not in it.  Returns a register that was right until its value gave way here, or 0.
static __attribute__((noinline)) RegSet settle(Ra *ra, Meeting *k, Reg r)
{
  Ref v = k->vals[r];
  bool is_weak = k->weak & BIT(r);
  Reg q = val_of(ra, v)->loc;
  if (q == r) {
    if (!is_weak)
      be_strong(ra, r);
    return 0;
  }
  if (NEVER(ra->few != 0) && q == REG_NONE && !is_weak && ra->wanted[v] < ra->few && can_reload(ra, v)) {
    if (!is_remat(ra, v))
      take_slot(ra, v);
    add_move(ra, k->mv, r, is_remat(ra, v) ? PLACE_MAKE : read_place(ra, v), v, kind_of(ra, v));
    return 0;
  }
  if (q == REG_NONE && k->leaves && def_pos(ra, v) < k->leaves->head_pos && !is_promised(k->leaves, v)) {
    if (is_weak) {
      forget_promise(ra, v, r);
    } else if (is_remat(ra, v)) {
      add_move(ra, k->mv, r, PLACE_MAKE, v, kind_of(ra, v));
    } else { // not carried through the loop in a register just for this exit
      take_slot(ra, v);
      add_move(ra, k->mv, r, read_place(ra, v), v, kind_of(ra, v));
    }
    return 0;
  }
  if (q == REG_NONE && !(ra->reserved & BIT(r)) && (!(ra->busy & BIT(r)) || ((ra->weak & BIT(r)) && !is_weak))) {
    if (!is_weak && k->cools && val_of(ra, v)->slot) { // a cold path reloads for itself
      add_move(ra, k->mv, r, read_place(ra, v), v, kind_of(ra, v));
      return 0;
    }
    if (ra->busy & BIT(r))
      drop(ra, r);
    bind(ra, r, v);
    if (is_weak)
      ra->weak |= BIT(r);
    else
      dirty(ra, r);
    return 0;
  }
  if (is_weak && (q == REG_NONE || (ra->weak & BIT(q)) || k->cold)) {
    forget_promise(ra, v, r);
    return 0;
  }
  keep_same(ra, k->same & (BIT(r) - 1), k->weak);
  uint32_t from = edge_source(ra, v, k->cools ? ~(RegSet)0 : k->regs);
  add_move(ra, k->mv, r, from, v, kind_of(ra, v));
  if (!is_reg(from) || from < r || !(k->same & BIT(from)) || ra->cur[from] == k->vals[from])
    return 0;
  k->same &= ~BIT(from);
  return BIT(from);
}
static __attribute__((noinline)) void deliver_all(Ra *ra, const ZEdge *e, const ZBlock *t, uint32_t arrive, RegSet avoid, Moves *mv)
{
  const Ref *args = ra->z->edge_args + e->args;
  for (uint32_t m = arrive; m; m &= m - 1) {
    uint32_t k = zw_ctz64(m), end = k < LAST_ARRIVE ? k + 1 : t->nphi;
    for (; k < end; k++)
      deliver(ra, t->first + k, args[k], avoid, mv);
  }
}
// Bring the state at the end of the current block in line with what e's target requires.  Values that have no place yet
// get the wanted one, so the first edge costs nothing; what differs for later edges becomes moves on the edge.
static __attribute__((noinline)) void conform_far(Ra *ra, const ZEdge *e, Moves *mv)
{
  const ZBlock *t = &ra->z->blocks[e->to];
  Wanted want = required(ra, e->to);
  const Promise *inner = ra->inner, *leaves = inner && !in_loop(t, inner) ? inner : NULL;
  bool cools = t->cold && !ra->cold, plain = !leaves && !cools && !(want.regs & ra->reserved) && !ra->few;
  RegSet todo = want.regs & ~want.phis;
  mv->n = 0;
  if (ra->rest) {
    if (plain && ra->rest == e->to + 1)
      stay_in_state(ra, want.phis), todo = 0;
    else
      clear_registers(ra);
  }
  if (todo && (ra->busy || !plain || !adopt_state(ra, want.vals, todo, want.weak))) { // somebody may be elsewhere already
    Meeting k = { want.vals, want.regs, want.weak, 0, leaves, t->cold, cools, mv };
    RegSet both = todo & ra->busy;
    if (both & LOW_HALF)
      k.same |= same_refs(want.vals, ra->cur);
    if (both & ~LOW_HALF)
      k.same |= same_refs(want.vals + HALF_FILE, ra->cur + HALF_FILE) << HALF_FILE;
    k.same &= both;
    for (RegSet m = todo & ~k.same; m;) {
      Reg r = zw_ctz64(m);
      m = (m & (m - 1)) | settle(ra, &k, r);
    }
    keep_same(ra, k.same, want.weak);
  }
  if (want.arrive)
    deliver_all(ra, e, t, want.arrive, want.regs, mv);
  if (NEVER(ra->sink != NULL) && ra->sink->needs[e->to])
    bring_needed(ra, e->to, want.regs, mv);
}
// The first edge mostly goes to the block below, in whose state the registers still are, and nothing is special about it.
static inline void conform(Ra *ra, const ZEdge *e, Moves *mv)
{
  const ZBlock *t = &ra->z->blocks[e->to];
  if (ra->rest != e->to + 1 || (t->cold && !ra->cold) || (ra->inner && !in_loop(t, ra->inner)) || ra->reserved || ra->few) {
    conform_far(ra, e, mv);
    return;
  }
  const Entry *want = &ra->entry[e->to];
  mv->n = 0;
  stay_in_state(ra, want->phis);
  if (want->arrive)
    deliver_all(ra, e, t, want->arrive, want->regs, mv);
  if (NEVER(ra->sink != NULL) && ra->sink->needs[e->to])
    bring_needed(ra, e->to, want->regs, mv);
}

// ---- blocks ----
// In a block of a loop that not every iteration passes: an outside value that nothing further up in the loop uses is
// reloaded here rather than kept in a register around the loop.
static void unload_conditional(Ra *ra, uint32_t b)
{
  const Promise *p = ra->inner;
  if (b == ra->z->loops[p->loop].header)
    return;
  RegSet promised = p->regs & (same_refs(p->reg, ra->cur) | same_refs(p->reg + HALF_FILE, ra->cur + HALF_FILE) << HALF_FILE);
  for (RegSet m = ra->busy & ~ra->weak & ~promised; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref v = ra->cur[r];
    if (def_pos(ra, v) < p->head_pos && val_of(ra, v)->left < ra->weight && !is_promised(p, v))
      free_up(ra, r, 0);
  }
}
// A case of a large switch in a loop: what is in memory anyhow, and what the loop does not carry in a register, is loaded here.  The head of
// the switch would load it for all cases.
static void unload_case(Ra *ra, uint32_t b)
{
  const Promise *p = ra->inner;
  for (RegSet m = ra->busy & ~ra->weak; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref v = ra->cur[r];
    if (!is_phi_of(ra, v, b) && !is_remat(ra, v) && !is_promised(p, v) && !watch_bit(ra, val_of(ra, v)->slot) && can_reload(ra, v))
      free_up(ra, r, 0);
  }
}
// The head of b: phis arrive, E[b] is known, the state starts empty again.
static void block_head(Ra *ra, uint32_t b)
{
  const ZBlock *k = &ra->z->blocks[b];
  if (k->is_handler) { // values come in memory: registers are those of the frame that threw
    for (RegSet m = ra->busy; m; m &= m - 1) {
      Ref v = ra->cur[zw_ctz64(m)];
      if (v >= ra->z->nins || ra->z->ins[v].op != OP_catch_value || zw_zir_block(ra->z, v) != b)
        free_up(ra, zw_ctz64(m), 0);
    }
    emit_handler_head(ra, b);
  }
  if (ra->cases && ra->cases[b] == ONLY_CASE && ra->inner) {
    if (ra->sink)
      store_in_case(ra, b);
    unload_case(ra, b);
  }
  if (ra->inner && !k->is_header)
    unload_conditional(ra, b);
  if (k->is_header && ra->inner && ra->inner->head_pos == k->pos) {
    close_loop(ra, b);
    return;
  }
  RegSet phis = 0;
  uint32_t arrive = 0;
  for (uint32_t j = k->nphi; j--;) {
    RaValue *v = val_of(ra, k->first + j);
    Reg r = v->loc;
    if (r == REG_NONE && !v->slot)
      continue; // most: nobody wants them
    arrive |= arrive_bit(j);
    v->ploc = (uint8_t)r;
    if (r != REG_NONE)
      phis |= BIT(r);
    if (v->slot && r == REG_NONE)
      set_dslot(ra, k->first + j, v->slot);
    if (v->slot) {
      if (r != REG_NONE)
        store_slot(ra, k->first + j, r);
      free_slot(ra, v->slot - 1);
    }
  }
  save_entry(ra, b, ra->busy, ra->weak, phis, arrive, ra->cur);
  ra->rest = b + 1;
}

static inline uint32_t block_label(const Ra *ra, uint32_t b) { return ra->entry[b].alias ? ra->entry[b].alias - 1 : b; }
// The newest instruction jumps along e to a block that ends in a switch.  When that asks for a phi which e brings a constant to, P4 may go
// on to the case at once: what is not reducible comes out of LLVM as a loop around a switch over such numbers.
static void say_case(Ra *ra, const ZEdge *e)
{
  const ZirFunc *z = ra->z;
  const ZBlock *t = &z->blocks[e->to];
  const ZIns *ins = &z->ins[t->end - 1];
  uint64_t bits[2];
  if (!is_phi_of(ra, ins->a, e->to) || !zw_ref_const(z, z->edge_args[e->args + (ins->a - t->first)], bits))
    return;
  ra->top->imm = (int32_t)(bits[0] < ins->c ? bits[0] : ins->c) + 1;
}
// A jump on behalf of an edge, to the edge's target or to its stub.
static void emit_edge_jump(Ra *ra, uint32_t edge)
{
  const ZEdge *e = &ra->z->edges[edge];
  emit_jump(ra, block_label(ra, e->to));
  if (NEVER(ra->z->ins[ra->z->blocks[e->to].end - 1].op == OP_switch))
    say_case(ra, e);
  note(ra, edge, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
static uint32_t edge_stub(Ra *ra, uint32_t edge, const Moves *mv)
{
  const ZEdge *e = &ra->z->edges[edge];
  bool cold = ra->cold || ra->z->blocks[e->to].cold;
  uint32_t weight = ra->weight, label = begin_stub(ra, cold);
  if (cold)
    ra->weight = 0;
  emit_edge_jump(ra, edge);
  parallel_move(ra, mv);
  end_chunk(ra);
  ra->weight = weight;
  ra->l->stubs++;
  return label;
}
// How hot the edge is from here, a block of that loop depth: 0 is cold.
static inline uint32_t edge_weight(const Ra *ra, const ZEdge *e, uint32_t depth)
{
  const ZBlock *t = &ra->z->blocks[e->to];
  return t->cold ? 0 : 1u + (t->depth < depth ? t->depth : depth);
}
// Can the edge's moves run before the branch?  Only into registers that hold nothing there.
static bool can_hoist_moves(const Ra *ra, const Moves *mv)
{
  for (uint32_t k = 0; k < mv->n; k++)
    if (!is_reg(mv->p[k].dst) || (ra->busy & BIT(mv->p[k].dst)) || mv->p[k].src == PLACE_MAKE)
      return false;
  return mv->n <= 4;
}
typedef struct BranchPlan { bool on_true; uint32_t label, taken; const Moves *hoisted; } BranchPlan; // taken: edge
// A two-way branch: everything of it below the conditional jump.  taken_edge: 0 or 1 when the jump must be on that edge
// (two jumps on parity), else -1.  The caller emits the jump to plan.label, then plan.hoisted, then what sets the flags.
static BranchPlan plan_branch(Ra *ra, uint32_t b, int taken_edge)
{
  const ZirFunc *z = ra->z;
  uint32_t first = z->blocks[b].edges;
  const ZEdge *e = &z->edges[first];
  uint32_t depth = z->blocks[b].depth < DEPTH_MAX ? z->blocks[b].depth : DEPTH_MAX;
  uint32_t w[2] = { edge_weight(ra, &e[0], depth), edge_weight(ra, &e[1], depth) }, next = ra->next[ra->cold];
  uint32_t to[2] = { block_label(ra, e[0].to), block_label(ra, e[1].to) };
  int hot = w[0] != w[1] ? w[1] > w[0] : to[1] == next;
  conform(ra, &e[hot], &ra->edge_moves[hot]);
  conform_far(ra, &e[!hot], &ra->edge_moves[!hot]);
  Moves *mv = ra->edge_moves;
  BranchPlan p = { .hoisted = NULL };
  if (mv[hot].n && to[hot] != next && taken_edge != !hot && w[hot] && can_hoist_moves(ra, &mv[hot])) {
    p.hoisted = &ra->hoisted;
    ra->hoisted.n = 0;
    for (uint32_t k = 0; k < mv[hot].n; k++)
      *zw_push(ra->a, &ra->hoisted) = mv[hot].p[k];
    mv[hot].n = 0;
  }
  int taken;
  if (taken_edge >= 0)
    taken = taken_edge;
  else if (to[0] == next || to[1] == next) {
    int n = to[1] == next; // the edge to the next chunk
    taken = mv[!n].n && !mv[n].n && w[!n] > w[n] ? n : !n;
  } else {
    taken = mv[0].n && mv[1].n ? !hot : mv[0].n ? 1 : mv[1].n ? 0 : hot;
  }
  p.on_true = taken == 0;
  p.taken = first + (uint32_t)taken;
  p.label = mv[taken].n ? edge_stub(ra, p.taken, &mv[taken]) : to[taken];
  begin_chunk(ra, b);
  emit_edge_jump(ra, first + (uint32_t)!taken);
  parallel_move(ra, &mv[!taken]);
  return p;
}
static void plan_jump(Ra *ra, uint32_t b)
{
  uint32_t edge = ra->z->blocks[b].edges;
  conform(ra, &ra->z->edges[edge], &ra->tmp);
  begin_chunk(ra, b);
  emit_edge_jump(ra, edge);
  parallel_move(ra, &ra->tmp);
}

// The values hoisted out of loop l, in execution order, into `out`; they live at the end of the loop's entry block.
static void hoisted_values(Ra *ra, uint32_t l, uint32_t *n)
{
  ra->hoist.n = 0;
  for (uint32_t h = ra->z->loops[l].hoist_first; h != REF_NONE; h = ra->z->hoisted[h].next)
    *zw_push(ra->a, &ra->hoist) = ra->z->hoisted[h].value;
  *n = ra->hoist.n;
}
// The loop that block b is the entry block of, or NO_LOOP.
static inline uint32_t enters_loop(const Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  if (k->nedges != 1 || !z->nloops)
    return NO_LOOP;
  const ZBlock *t = &z->blocks[z->edges[k->edges].to];
  return t->is_header && t->loop != NO_LOOP && z->loops[t->loop].entry == b ? t->loop : NO_LOOP;
}
