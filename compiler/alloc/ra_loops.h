// Loops: the promise that is made at the bottom, and what the header makes of it.  Part of ra_core.h.
#pragma once
#include "ra_moves.h"

// ---- loops ----
static inline bool in_loop(const ZBlock *b, const Promise *p) { return b->pos >= p->head_pos && b->pos <= p->last_pos; }
static Promise *find_open(const Ra *ra, const ZBlock *k)
{
  uint32_t lo = 0, hi = ra->nopen;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (open_at(ra, mid)->head_pos < k->pos)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < ra->nopen && open_at(ra, lo)->head_pos == k->pos ? open_at(ra, lo) : NULL;
}
// The open loop that block b heads, or NULL.
static inline Promise *open_header(const Ra *ra, const ZBlock *b) { return b->is_header && ra->nopen ? find_open(ra, b) : NULL; }
// What block t requires at its head: an open loop's promise for a back edge, else its entry state.
typedef struct Wanted { RegSet regs, weak, phis; uint32_t arrive; const Ref *vals; } Wanted; // vals by register
static __attribute__((noinline)) const Ref *unpack_refs(const Ra *ra, const Entry *e)
{
  const Ref *from = ra->evals.p + e->vals;
  for (RegSet m = e->regs; m; m &= m - 1)
    ra->unpacked[zw_ctz64(m)] = *from++;
  return ra->unpacked;
}
static __attribute__((noinline)) void pack_refs(Ra *ra, RegSet regs, const Ref vals[RA_NREG])
{
  for (RegSet m = regs; m; m &= m - 1)
    *zw_push(ra->a, &ra->evals) = vals[zw_ctz64(m)];
}
// In late code the promises of all loops but the innermost are packed: nests have no end.  unpacked[] is there then.
static __attribute__((noinline)) const Ref *unpack_promise(const Ra *ra, const Promise *p)
{
  const Ref *from = p->reg;
  for (RegSet m = p->packed; m; m &= m - 1)
    ra->unpacked[zw_ctz64(m)] = *from++;
  return ra->unpacked;
}
static void pack_inner(Ra *ra)
{
  Promise *p = ra->inner;
  Ref *to = p->reg;
  p->packed = p->regs ? p->regs : 1;
  for (RegSet m = p->packed; m; m &= m - 1)
    *to++ = p->reg[zw_ctz64(m)];
  ra->promises.n = (uint32_t)(to - ra->promises.p);
}
// The innermost open loop has changed.
static void set_inner(Ra *ra)
{
  if (!ra->nopen) {
    ra->inner = NULL, ra->promises.n = 0;
    return;
  }
  uint32_t at = ra->open.p[ra->nopen - 1];
  ra->promises.n = at + PROMISE_REFS;
  Promise *p = ra->inner = open_at(ra, ra->nopen - 1);
  if (!RA_LATE || !p->packed)
    return;
  uint32_t n = zw_popcnt64(p->packed);
  for (Reg r = RA_NREG; n;)
    if (p->packed & BIT(--r))
      p->reg[r] = p->reg[--n];
  p->packed = 0;
}
static Promise *push_promise(Ra *ra)
{
  if (RA_LATE && ra->inner && ra->unpacked)
    pack_inner(ra);
  uint32_t at = ra->promises.n;
  zw_reserve(ra->a, &ra->promises, at ? at + PROMISE_REFS : 4 * PROMISE_REFS); // rarely more
  zw_reserve(ra->a, &ra->open, ra->nopen + 1);
  ra->open.p[ra->nopen++] = at;
  ra->open.n = ra->nopen;
  Promise *p = open_at(ra, ra->nopen - 1);
  p->packed = 0;
  set_inner(ra);
  return p;
}
// What it says is good until the next question.
static inline Wanted required(const Ra *ra, uint32_t t)
{
  const Promise *p = open_header(ra, &ra->z->blocks[t]);
  if (p)
    return (Wanted){ p->regs, p->weak, p->phis, p->arrive, RA_LATE && p->packed ? unpack_promise(ra, p) : p->reg };
  const Entry *e = &ra->entry[t];
  return (Wanted){ e->regs, e->weak, e->phis, e->arrive, NEVER(ra->unpacked != NULL) ? unpack_refs(ra, e) : ra->evals.p + e->vals };
}
static inline bool is_phi_of(const Ra *ra, Ref v, uint32_t b)
{
  return v >= ra->z->blocks[b].first && v < ra->z->blocks[b].first + ra->z->blocks[b].nphi;
}
static inline bool is_live_phi(const Ra *ra, Ref p) { return !zw_zir_is(ra->z, p, ZV_DEAD) && zw_zir_is_used(ra->z, p); }
static bool is_promised(const Promise *p, Ref v)
{
  for (RegSet m = p->regs; m; m &= m - 1)
    if (p->reg[zw_ctz64(m)] == v)
      return true;
  return false;
}

typedef struct Best { Ref v; uint32_t weight; uint8_t reg; } Best; // reg: the register it should have
typedef struct BestList { uint32_t n, max; Best p[RA_NREG]; } BestList;
// Keep the heaviest `max` of what is offered: at most NREG steps each.
static void offer(BestList *l, Ref v, uint32_t weight, uint8_t reg)
{
  uint32_t k = l->n;
  if (k == l->max) {
    if (k == 0 || l->p[k - 1].weight >= weight)
      return;
    k--;
  } else {
    l->n++;
  }
  for (; k > 0 && l->p[k - 1].weight < weight; k--)
    l->p[k] = l->p[k - 1];
  l->p[k] = (Best){ v, weight, reg };
}
static void promise(Promise *p, Reg r, Ref v, bool weak)
{
  p->reg[r] = v;
  p->regs |= BIT(r);
  if (weak)
    p->weak |= BIT(r);
}
// A free register for v in the promise: its wish when that is possible, else one that calls in the loop leave alone.
// spare: better left to others; leave: worth a callee-saved register not to take, somebody passes through in it.
static Reg promise_reg(Ra *ra, const Promise *p, Ref v, Reg wish, RegSet spare, RegSet leave)
{
  RegSet can = class_of(kind_of(ra, v)) & ra->file & ~p->regs;
  bool call = ra->z->loops[p->loop].has_call;
  RegSet fixed = 0; // registers that some instruction of the loop will take
  if (ra->ndiv && ra->z->div_pos[ra->ndiv - 1] > p->head_pos)
    fixed |= RA_AVOID_DIV;
  if (ra->nshift && ra->z->shift_pos[ra->nshift - 1] > p->head_pos)
    fixed |= RA_AVOID_SHIFT;
  if (can & ~fixed)
    can &= ~fixed;
  if (NEVER(ra->o->random_ra != 0))
    return can ? random_bit(ra, can) : REG_NONE;
  if (call && (can & RA_CALLEE))
    can &= RA_CALLEE;
  if (has(can, wish))
    return wish;
  if (has(can, val_of(ra, v)->hint))
    return val_of(ra, v)->hint;
  if (can & ~leave)
    can &= ~leave;
  if (!call && (can & ~RA_CALLEE))
    can &= ~RA_CALLEE;
  if (can & ~spare)
    can &= ~spare;
  return can ? choose(ra, can) : REG_NONE;
}
typedef struct LoopPlan {
  Ref xval[RA_NREG]; RegSet xregs, xweak;  // what the exits want in registers, the hottest first
} LoopPlan;
static void want_at_exit(Ra *ra, LoopPlan *x, Reg r, Ref v, bool weak)
{
  if (!(x->xregs & BIT(r)) && zw_ref_is_value(v)) {
    x->xval[r] = v, x->xregs |= BIT(r);
    if (weak)
      x->xweak |= BIT(r);
    val_of(ra, v)->hint = (uint8_t)r;
  }
}
static void merge_exits(Ra *ra, uint32_t l, LoopPlan *x)
{
  const ZirFunc *z = ra->z;
  const ZBlock *last = &z->blocks[ra->b];
  x->xregs = x->xweak = 0;
  for (uint32_t k = 0; k < z->loops[l].nexits; k++) {
    uint32_t t = z->loops[l].exits[k];
    if (z->blocks[t].cold)
      continue;
    Wanted w = required(ra, t);
    for (RegSet m = w.regs & ~w.phis; m; m &= m - 1) {
      Reg r = zw_ctz64(m);
      want_at_exit(ra, x, r, w.vals[r], w.weak & BIT(r));
    }
  }
  uint32_t nedges = last->nedges < 8 ? last->nedges : 8;
  for (uint32_t k = 0; k < nedges; k++) { // results that the bottom's own exits carry
    const ZEdge *e = &z->edges[last->edges + k];
    const ZBlock *t = &z->blocks[e->to];
    if (t->cold || e->to == z->loops[l].header || open_header(ra, t))
      continue;
    for (uint32_t j = 0; j < t->nphi; j++)
      if (val_of(ra, t->first + j)->ploc != REG_NONE)
        want_at_exit(ra, x, val_of(ra, t->first + j)->ploc, z->edge_args[e->args + j], false);
  }
  for (uint32_t k = 0; k < nedges; k++) { // a phi is best where its next value already has to be, or where it comes from
    const ZEdge *e = &z->edges[last->edges + k];
    const ZBlock *t = &z->blocks[e->to];
    if (e->to != z->loops[l].header)
      continue;
    for (uint32_t j = 0; j < t->nphi; j++) {
      Ref p = t->first + j, v = z->edge_args[e->args + j];
      if (zw_ref_is_value(v) && v != p && val_of(ra, v)->hint != REG_NONE && val_of(ra, p)->hint == REG_NONE)
        val_of(ra, p)->hint = val_of(ra, v)->hint;
    }
    break;
  }
  const ZBlock *entry = &z->blocks[z->loops[l].entry], *head = &z->blocks[z->loops[l].header];
  const Ref *in = z->edge_args + z->edges[entry->edges].args;
  for (uint32_t j = 0; j < head->nphi; j++) // else where its first value comes from
    if (zw_ref_is_value(in[j]) && val_of(ra, head->first + j)->hint == REG_NONE)
      val_of(ra, head->first + j)->hint = val_of(ra, in[j])->hint;
}
// Phi p of the loop being opened arrives in a slot.  When the value that the bottom brings it has one, because it is wanted
// behind the loop, that slot serves both: it is lent to the value from the start.
static void deliver_to_slot(Ra *ra, Ref p, Ref v)
{
  const ZirFunc *z = ra->z;
  const ZBlock *head = &z->blocks[zw_zir_block(z, p)];
  uint32_t s = zw_ref_is_value(v) && v < z->nins ? val_of(ra, v)->slot : 0;
  if (s && !val_of(ra, p)->slot && !ra->slots.p[s - 1].phi && !ra->slots.p[s - 1].owner && def_pos(ra, v) >= head->pos &&
      !is_phi_of(ra, v, zw_zir_block(z, p)) && !z->blocks[zw_zir_block(z, v)].cold && z->blocks[zw_zir_block(z, v)].depth <= z->blocks[ra->b].depth) {
    set_dslot(ra, p, s);
    ra->slots.p[s - 1].phi = p + 1;
    val_of(ra, p)->vstate |= VS_LENT;
  } else {
    set_dslot(ra, p, slot_for(ra, p, NULL) + 1);
  }
  ra->slots.p[ra->dslot[p] - 1].owner = p + 1;
}
// What the edge from the loop's bottom to its header brings to the phis, or NULL.
static const Ref *bottom_args(const Ra *ra, uint32_t header)
{
  const ZBlock *last = &ra->z->blocks[ra->b];
  for (uint32_t k = 0; k < last->nedges && k < 8; k++)
    if (ra->z->edges[last->edges + k].to == header)
      return ra->z->edge_args + ra->z->edges[last->edges + k].args;
  return NULL;
}
// The loop's bottom is met first.  Decide what every back edge will deliver: the values that the exits want and that pass
// through, the header's phis, and (weakly: for free until used) what the body uses from outside.
static void open_loop(Ra *ra, uint32_t l)
{
  const ZirFunc *z = ra->z;
  const ZLoop *loop = &z->loops[l];
  const ZBlock *head = &z->blocks[loop->header];
  LoopPlan x;
  merge_exits(ra, l, &x);
  Promise *p = push_promise(ra);
  p->regs = p->weak = p->phis = 0, p->arrive = 0; // reg[] is what regs says
  p->loop = l, p->open_seq = ++ra->seq, p->head_pos = head->pos, p->last_pos = z->blocks[loop->last_block].pos;
  set_calm(ra);
  for (uint32_t k = 0; k < loop->nliveins; k++)
    val_of(ra, z->livein[loop->liveins + k])->vstate |= VS_LIVEIN;
  const Ref *back = bottom_args(ra, loop->header);
  // per class: registers there are, and how many the body needs for itself
  static const RegSet classes[2] = { RA_GPR, RA_FPR };
  RegSet met = x.xregs;
  for (uint32_t k = 0; k < head->nphi; k++)
    met |= class_of(kind_of(ra, head->first + k));
  for (uint32_t k = 0; k < loop->nliveins; k++)
    met |= class_of(kind_of(ra, z->livein[loop->liveins + k]));
  for (int c = 0; c < 2; c++) {
    RegSet cls = classes[c] & ra->file;
    if (!(met & classes[c]))
      continue;
    uint32_t nreg = zw_popcnt64(cls), keep = c ? TUNE_FREE_FPR : loop->max_height > 3 ? TUNE_FREE_GPR_DEEP : TUNE_FREE_GPR;
    if (nreg <= 2 * keep)
      keep = 1;
    uint32_t had = 0; // promised registers of the class
    RegSet wanted = x.xweak; // better left to who wants them
    BestList phis, used, through;
    phis.n = used.n = through.n = 0;
    phis.max = used.max = nreg - keep, through.max = nreg;
    uint32_t nphi = 0, nused = 0;
    for (uint32_t k = 0; k < head->nphi; k++) {
      Ref v = head->first + k;
      if (class_of(kind_of(ra, v)) != classes[c])
        continue;
      val_of(ra, v)->ploc = REG_NONE;
      if (is_live_phi(ra, v))
        nphi++, offer(&phis, v, val_of(ra, v)->left, val_of(ra, v)->hint);
    }
    for (uint32_t k = 0; k < loop->nliveins; k++) {
      Ref v = z->livein[loop->liveins + k];
      if (class_of(kind_of(ra, v)) == classes[c] && val_of(ra, v)->left)
        nused++, offer(&used, v, is_remat(ra, v) ? val_of(ra, v)->left / 8 : val_of(ra, v)->left, val_of(ra, v)->hint); // what can be made again, last
    }
    for (uint32_t k = 0; k < used.n; k++)
      if (used.p[k].reg != REG_NONE)
        wanted |= BIT(used.p[k].reg);
    for (RegSet m = x.xregs & cls; m; m &= m - 1) {
      Reg r = zw_ctz64(m);
      Ref v = x.xval[r];
      if (!(x.xweak & BIT(r)) && def_pos(ra, v) < p->head_pos && !(val_of(ra, v)->vstate & VS_LIVEIN) && !is_remat(ra, v))
        offer(&through, v, val_of(ra, v)->left, (uint8_t)r);
    }
    // outside values that are used in it and wanted at an exit: stay where the exit wants them
    for (RegSet m = x.xregs & cls; m; m &= m - 1) {
      Reg r = zw_ctz64(m);
      Ref v = x.xval[r];
      if (!(x.xweak & BIT(r)) && def_pos(ra, v) < p->head_pos && (val_of(ra, v)->vstate & VS_LIVEIN) && val_of(ra, v)->left >= ra->weight &&
          (!loop->has_call || (RA_CALLEE & BIT(r))) && had + keep < nreg)
        promise(p, r, v, false), had++;
    }
    for (uint32_t k = 0; k < phis.n && had + keep < nreg; k++) {
      Reg r = promise_reg(ra, p, phis.p[k].v, phis.p[k].reg, loop->has_call ? 0 : x.xregs | wanted, x.xweak);
      if (r != REG_NONE)
        promise(p, r, phis.p[k].v, false), had++, p->phis |= BIT(r), val_of(ra, phis.p[k].v)->ploc = val_of(ra, phis.p[k].v)->hint = (uint8_t)r;
    }
    // values that only pass through: when there is room besides what the body uses
    uint32_t need = nphi + nused + (loop->max_height < 4 ? loop->max_height : 4), room = nreg > need ? nreg - need : 0;
    if (loop->has_call) {
      uint32_t saved = zw_popcnt64(cls & RA_CALLEE);
      room = saved > nphi + nused ? saved - nphi - nused : 0;
    }
    for (uint32_t k = 0; k < through.n && room; k++, room--) {
      Reg r = through.p[k].reg;
      if ((p->regs & BIT(r)) || (loop->has_call && !(RA_CALLEE & BIT(r))))
        r = promise_reg(ra, p, through.p[k].v, r, 0, x.xweak);
      if (r == REG_NONE || (loop->has_call && !(RA_CALLEE & BIT(r))) || had + keep >= nreg)
        break;
      promise(p, r, through.p[k].v, false), had++;
    }
    if (ra->nopen <= MAX_WEAK_DEPTH)
      for (uint32_t k = 0; k < used.n && had + keep < nreg; k++) {
        if (is_promised(p, used.p[k].v))
          continue;
        Reg r = promise_reg(ra, p, used.p[k].v, used.p[k].reg, wanted, x.xweak);
        if (r != REG_NONE && (!loop->has_call || (RA_CALLEE & BIT(r))))
          promise(p, r, used.p[k].v, true), had++;
      }
    for (RegSet m = x.xweak & cls & ~p->regs; m; m &= m - 1) { // an outer loop's weak values pass through for free
      Reg r = zw_ctz64(m);
      if (ra->nopen <= MAX_WEAK_DEPTH && def_pos(ra, x.xval[r]) < p->head_pos && !is_promised(p, x.xval[r]) &&
          (!loop->has_call || (RA_CALLEE & BIT(r))))
        promise(p, r, x.xval[r], true);
    }
    // phis without a register live in memory, from the first back edge on
    if (nphi)
      for (uint32_t k = 0; k < head->nphi; k++) {
        Ref v = head->first + k;
        if (class_of(kind_of(ra, v)) == classes[c] && val_of(ra, v)->ploc == REG_NONE && is_live_phi(ra, v))
          deliver_to_slot(ra, v, back ? back[k] : REF_NONE);
      }
  }
  for (uint32_t k = 0; k < loop->nliveins; k++)
    val_of(ra, z->livein[loop->liveins + k])->vstate &= (uint8_t)~VS_LIVEIN;
  for (uint32_t k = 0; k < head->nphi; k++)
    if (val_of(ra, head->first + k)->ploc != REG_NONE || dslot_of(ra, head->first + k))
      p->arrive |= arrive_bit(k);
}

static inline void save_entry(Ra *ra, uint32_t b, RegSet regs, RegSet weak, RegSet phis, uint32_t arrive, const Ref vals[RA_NREG])
{
  Entry *e = &ra->entry[b];
  e->regs = regs, e->weak = weak & regs, e->phis = phis & regs, e->arrive = arrive, e->vals = ra->evals.n;
  if (!regs)
    return;
  if (NEVER(ra->unpacked != NULL)) {
    pack_refs(ra, regs, vals);
    return;
  }
  zw_reserve(ra->a, &ra->evals, ra->evals.n + RA_NREG);
  Ref *out = ra->evals.p + ra->evals.n;
  memcpy(out, vals, HALF_FILE * sizeof *out);
  if (regs > LOW_HALF)
    memcpy(out + HALF_FILE, vals + HALF_FILE, HALF_FILE * sizeof *out);
  ra->evals.n += regs > LOW_HALF ? RA_NREG : HALF_FILE;
}
// At the header, body done: code at the head turns what the edges deliver (the promise) into what the body wants.
// The label is above that code, so the entry edge delivers the promise as well, as far as it is wanted.
static void close_loop(Ra *ra, uint32_t b)
{
  const ZBlock *head = &ra->z->blocks[b];
  Promise *p = ra->inner;
  ASSERT(p->head_pos == head->pos);
  Moves *mv = &ra->tmp;
  RegSet want = 0, weak = 0;
  mv->n = 0;
  Reg where[RA_NREG]; // inverse: for a value in cur, its promised register
  for (RegSet m = ra->busy; m; m &= m - 1)
    where[zw_ctz64(m)] = REG_NONE;
  for (RegSet m = p->regs; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Reg q = val_of(ra, p->reg[r])->loc;
    if (q != REG_NONE && (where[q] == REG_NONE || q == r))
      where[q] = r;
  }
  for (RegSet m = ra->busy; m; m &= m - 1) {
    Reg q = zw_ctz64(m), r = where[q];
    Ref v = ra->cur[q];
    if (ra->weak & BIT(q)) {
      if (r == q)
        want |= BIT(q), weak |= BIT(q);
      else
        forget_promise(ra, v, q);
      continue;
    }
    if (r == q) {
      want |= BIT(r);
    } else if (r != REG_NONE) {
      want |= BIT(r);
      add_move(ra, mv, q, r, v, kind_of(ra, v));
    } else if (is_phi_of(ra, v, b)) {
      ASSERT(dslot_of(ra, v)); // promised to memory when the loop was opened
      add_move(ra, mv, q, delivery_place(ra, v), v, kind_of(ra, v));
    } else if (is_remat(ra, v)) {
      add_move(ra, mv, q, PLACE_MAKE, v, kind_of(ra, v));
    } else {
      take_slot(ra, v);
      add_move(ra, mv, q, read_place(ra, v), v, kind_of(ra, v));
    }
  }
  for (uint32_t k = 0; k < head->nphi; k++) {
    Ref v = head->first + k;
    Reg r = val_of(ra, v)->ploc;
    if (r == REG_NONE) {
      if (val_of(ra, v)->slot && val_of(ra, v)->slot != dslot_of(ra, v)) // its home is elsewhere: an argument of its own was made here
        add_move(ra, mv, slot_place(ra, v), delivery_place(ra, v), v, kind_of(ra, v));
      if (val_of(ra, v)->loc == REG_NONE && !val_of(ra, v)->slot)
        val_of(ra, v)->vstate |= VS_UNWANTED;
      continue;
    }
    if (val_of(ra, v)->slot)
      want |= BIT(r), add_move(ra, mv, slot_place(ra, v), r, v, kind_of(ra, v));
    else if (val_of(ra, v)->loc == REG_NONE)
      val_of(ra, v)->ploc = REG_NONE; // nobody wants it after all
  }
  parallel_move(ra, mv);
  for (uint32_t k = 0; k < head->nphi; k++) {
    Ref v = head->first + k;
    if (val_of(ra, v)->slot)
      free_slot(ra, val_of(ra, v)->slot - 1);
    if (dslot_of(ra, v)) {
      ra->slots.p[ra->dslot[v] - 1].owner = 0;
      if (ra->dslot[v] != val_of(ra, v)->slot)
        free_slot(ra, ra->dslot[v] - 1);
    }
  }
  clear_registers(ra);
  save_entry(ra, b, want, weak, p->phis, p->arrive, p->reg);
  ra->open.n = --ra->nopen;
  set_inner(ra);
  set_calm(ra);
}
