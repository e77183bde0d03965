// Stores sink below a large switch: a value that some of its targets need in memory is stored on the ways to those, not at its definition
// for every dispatch.  Part of ra_core.h.
//
// Values that are defined in a loop in front of a large switch of that loop are watched when they take a slot: a bit for the value and its
// slot, of which each block's head says whether it needs them (needs[b], a union over what is below).  At the switch the value may give its
// slot up.  The bit is away then: whoever goes to a block that needs it brings it there (bring_needed).
#pragma once
#include "ra_moves.h"

static inline bool ends_in_large_switch(const Ra *ra, const ZBlock *b)
{
  return b->nedges >= ra->large && ra->z->ins[b->end - 1].op == OP_switch;
}
static uint32_t edge_source(Ra *ra, Ref v, RegSet avoid);

// b goes to a block that needs watched values in their slots.
static __attribute__((noinline)) void bring_needed(Ra *ra, uint32_t to, RegSet avoid, Moves *mv)
{
  SinkState *k = ra->sink;
  k->here |= k->needs[to] & ~k->away;
  for (uint64_t m = k->needs[to] & k->away; m; m &= m - 1) {
    const Watch *w = &k->watch[zw_ctz64(m)];
    if (val_of(ra, w->v)->loc == REG_NONE && dslot_of(ra, w->v))
      take_slot(ra, w->v); // where it was delivered, mostly
    uint32_t from = val_of(ra, w->v)->loc == REG_NONE && val_of(ra, w->v)->slot ? read_place(ra, w->v) : edge_source(ra, w->v, avoid);
    if (from != PLACE_SLOT + w->slot)
      add_move(ra, mv, PLACE_SLOT + w->slot, from, w->v, kind_of(ra, w->v));
  }
}
// The head of a case: what it needs in memory and has in a register is stored here, if it was made inside the innermost loop around.
static void store_in_case(Ra *ra, uint32_t b)
{
  SinkState *k = ra->sink;
  const Promise *p = ra->inner;
  const ZBlock *z = &ra->z->blocks[b];
  for (uint64_t m = k->here; m; m &= m - 1) {
    unsigned bit = zw_ctz64(m);
    Ref v = k->watch[bit].v;
    if (def_pos(ra, v) < p->head_pos || (v >= z->first && v < z->end))
      continue;
    Reg r = val_of(ra, v)->loc;
    for (RegSet s = p->regs & ~ra->busy; s && r == REG_NONE; s &= s - 1) // it comes by here
      if (p->reg[zw_ctz64(s)] == v)
        r = zw_ctz64(s), bind(ra, r, v);
    if (r == REG_NONE)
      continue;
    be_strong(ra, r);
    dirty(ra, r);
    store_slot(ra, v, r);
    k->here &= ~((uint64_t)1 << bit);
  }
}
// In front of a large switch, before its edges: values that some target wants in a register, and at most three in four of the hot ones in memory, have
// no slot from here upward.
static void give_up_slots(Ra *ra, const ZBlock *b)
{
  SinkState *k = ra->sink;
  if (!k || b->nedges < ra->large || !ra->nopen || !(k->watched & ~k->away))
    return;
  const ZirFunc *z = ra->z;
  const Promise *p = ra->inner;
  uint32_t n[WATCH_MAX] = { 0 }, hot = 0;
  uint64_t can = 0;
  for (uint32_t j = 0; j < b->nedges; j++) {
    uint32_t to = z->edges[b->edges + j].to;
    if (z->blocks[to].cold)
      continue;
    hot++;
    for (uint64_t m = k->needs[to] & ~k->away; m; m &= m - 1)
      n[zw_ctz64(m)]++;
    Wanted w = required(ra, to);
    for (RegSet m = w.regs & ~w.weak & ~w.phis; m; m &= m - 1)
      can |= watch_bit(ra, val_of(ra, w.vals[zw_ctz64(m)])->slot);
  }
  for (RegSet m = p->regs; m; m &= m - 1)
    can |= watch_bit(ra, val_of(ra, p->reg[zw_ctz64(m)])->slot);
  for (uint64_t m = k->watched & ~k->away; m; m &= m - 1) {
    unsigned bit = zw_ctz64(m);
    Ref v = k->watch[bit].v;
    bool there = dslot_of(ra, v) && !(val_of(ra, v)->vstate & VS_LENT);
    if (def_pos(ra, v) < p->head_pos || def_pos(ra, v) > b->pos + (b->end - b->first) || n[bit] * 4 > hot * 3 || !(there || (can >> bit & 1)))
      continue;
    ra->slots.p[k->watch[bit].slot].watch = 0;
    val_of(ra, v)->slot = 0;
    free_slot(ra, k->watch[bit].slot);
    k->away |= (uint64_t)1 << bit;
  }
}
// The head of b is complete: nobody above needs what is made in it.
static void finish_needs(Ra *ra, uint32_t b)
{
  SinkState *k = ra->sink;
  const ZBlock *z = &ra->z->blocks[b];
  for (uint64_t m = k->away; m; m &= m - 1) {
    unsigned bit = zw_ctz64(m);
    if (k->watch[bit].v >= z->first && k->watch[bit].v < z->end)
      k->away &= ~((uint64_t)1 << bit), k->watched &= ~((uint64_t)1 << bit);
  }
  k->needs[b] = k->here;
  k->here = 0;
}
// Loops with a large switch of their own: the position of the last one.
static void find_switches(Ra *ra)
{
  const ZirFunc *z = ra->z;
  if (!ra->cases || !z->nloops || z->ntries)
    return;
  SinkState *k = ra->sink = zw_new(ra->a, SinkState);
  k->needs = zw_new_array(ra->a, uint64_t, z->nblocks + 1);
  k->last = zw_new_array(ra->a, uint32_t, z->nloops);
  for (uint32_t j = 0; j < z->norder; j++) {
    const ZBlock *b = &z->blocks[z->order[j]];
    if (b->loop != NO_LOOP && ends_in_large_switch(ra, b))
      k->last[b->loop] = b->pos + (b->end - b->first);
  }
}
