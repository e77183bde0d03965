// Moves that happen at once, in an order that makes it true.  Part of ra_core.h.
#pragma once
#include "ra_operands.h"

// ---- parallel moves ----
static inline uint32_t place_index(uint32_t place) { return place >= PLACE_SLOT ? place - PLACE_SLOT + RA_NREG : place; }
static inline bool is_tracked(uint32_t place) { return place < PLACE_ARG; } // argument area and constants are never overwritten
static void reserve_places(Ra *ra)
{
  uint32_t n = RA_NREG + ra->slot_bytes.n + 1, had = ra->readers.n;
  if (n <= had)
    return;
  zw_reserve(ra->a, &ra->readers, n);
  zw_reserve(ra->a, &ra->writer, n);
  memset(ra->readers.p + had, 0, (n - had) * sizeof *ra->readers.p);
  memset(ra->writer.p + had, 0, (n - had) * sizeof *ra->writer.p);
  ra->readers.n = ra->writer.n = n;
}
static inline void order_move(Ra *ra, uint32_t dst, uint32_t src, Ref ref, uint8_t kind)
{
  *zw_push(ra->a, &ra->order) = (Move){ dst, src, ref, kind };
}
static void finish_move(Ra *ra, const Moves *mv, uint32_t k)
{
  ra->writer.p[place_index(mv->p[k].dst)] = 0;
  if (is_tracked(mv->p[k].src)) {
    uint32_t s = place_index(mv->p[k].src);
    if (--ra->readers.p[s] == 0 && ra->writer.p[s])
      *zw_push(ra->a, &ra->work) = ra->writer.p[s] - 1;
  }
}
// A general register that nobody needs here and that costs no push, or REG_NONE.
static Reg spare_register(const Ra *ra, const Moves *mv)
{
  RegSet can = RA_GPR & ra->file & ~(ra->busy | ra->lock | ra->written | ra->reserved) & (~RA_CALLEE | ra->dirty);
  for (uint32_t k = 0; k < mv->n && can; k++) {
    if (is_reg(mv->p[k].src))
      can &= ~BIT(mv->p[k].src);
    if (is_reg(mv->p[k].dst))
      can &= ~BIT(mv->p[k].dst);
  }
  return can ? zw_ctz64(can) : REG_NONE;
}
// What is left is pure cycles.  Registers of one class rotate through a spare register, the scratch register or by
// swaps; a cycle with a slot in it goes through a slot of its own.
static void break_cycle(Ra *ra, const Moves *mv, uint32_t k)
{
  uint32_t start = mv->p[k].dst;
  bool fp = class_of((ValKind)mv->p[k].kind) == RA_FPR, mem = false;
  for (uint32_t d = start;;) {
    const Move *m = &mv->p[ra->writer.p[place_index(d)] - 1];
    mem |= !is_reg(m->dst);
    d = m->src;
    if (d == start)
      break;
  }
  uint32_t save = REG_NONE;
  if (!mem && !fp)
    save = spare_register(ra, mv);
  if (mem) {
    if (!ra->cycle_slot) // never shared: a slot from the free list may be a destination of this very move
      ra->cycle_slot = new_slot(ra, 16) + 1;
    save = PLACE_SLOT + ra->cycle_slot - 1;
  } else if (fp) {
    save = RA_SCRATCH_FP;
  }
  bool swap = save == REG_NONE;
  if (!swap) {
    bool wide = is_reg(start) ? fp : ra->slot_bytes.p[start - PLACE_SLOT] == 16;
    order_move(ra, save, start, REF_NONE, wide ? VK_V128 : is_reg(start) ? VK_I64 : VK_F64);
  }
  for (uint32_t d = start;;) {
    uint32_t at = place_index(d), j = ra->writer.p[at] - 1;
    const Move *m = &mv->p[j];
    ra->writer.p[at] = 0, ra->readers.p[at] = 0;
    if (m->src == start) {
      if (!swap)
        order_move(ra, m->dst, save, m->ref, m->kind);
      break;
    }
    if (swap)
      order_move(ra, m->dst, m->src | 0x80000000u, REF_NONE, m->kind);
    else
      order_move(ra, m->dst, m->src, m->ref, m->kind);
    d = m->src;
  }
}
static __attribute__((noinline)) void emit_far(Ra *ra, const Move *m)
{
  ValKind kind = (ValKind)m->kind;
  bool dst_reg = is_reg(m->dst);
  if (dst_reg)
    dirty(ra, m->dst);
  if (m->src == PLACE_MAKE) {
    if (dst_reg)
      make(ra, m->dst, m->ref);
    else
      emit_store_make(ra, m->dst, m->ref, kind);
  } else if (m->src & 0x80000000u) {
    emit_swap(ra, m->dst, m->src & 0xff);
    ra->l->w_move += ra->weight;
  } else if (dst_reg) {
    ra->l->w_reload += ra->weight;
    emit_load(ra, m->dst, m->src, kind);
    if (!is_tracked(m->src))
      note(ra, m->ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  } else if (is_reg(m->src)) {
    ra->l->w_store += ra->weight;
    emit_store(ra, m->dst, m->src, kind);
  } else {
    ra->l->w_store += ra->weight, ra->l->w_reload += ra->weight;
    emit_mem_move(ra, m->dst, m->src, kind);
    if (!is_tracked(m->src))
      note(ra, m->ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
  if (!dst_reg && m->dst < PLACE_ARG)
    weigh_slot(ra, m->dst);
  if (m->src >= PLACE_SLOT && m->src < PLACE_ARG)
    weigh_slot(ra, m->src);
}
static inline void emit_ordered(Ra *ra, const Move *m)
{
  if (is_reg(m->dst) && is_reg(m->src)) {
    dirty(ra, m->dst);
    move_reg(ra, m->dst, m->src, (ValKind)m->kind);
  } else {
    emit_far(ra, m);
  }
}
// Does no move write what another one reads?  Slots are not told apart here.
static bool are_independent(const Moves *mv)
{
  RegSet read = 0, written = 0;
  bool load = false, store = false;
  for (uint32_t k = 0; k < mv->n; k++) {
    const Move *m = &mv->p[k];
    if (is_reg(m->dst))
      written |= BIT(m->dst);
    else
      store = true;
    if (is_reg(m->src))
      read |= BIT(m->src);
    else
      load |= is_tracked(m->src);
  }
  return !(read & written) && !(load && store);
}
// All sources are read before any destination is written.  Linear in the number of moves.
static __attribute__((noinline)) void move_all(Ra *ra, const Moves *mv)
{
  if (mv->n == 1 || are_independent(mv)) {
    for (uint32_t k = mv->n; k--;)
      emit_ordered(ra, &mv->p[k]);
    return;
  }
  ra->order.n = 0, ra->work.n = 0;
  reserve_places(ra);
  for (uint32_t k = 0; k < mv->n; k++) {
    ASSERT(ra->writer.p[place_index(mv->p[k].dst)] == 0);
    ra->writer.p[place_index(mv->p[k].dst)] = k + 1;
    if (is_tracked(mv->p[k].src))
      ra->readers.p[place_index(mv->p[k].src)]++;
  }
  for (uint32_t k = mv->n; k--;)
    if (ra->readers.p[place_index(mv->p[k].dst)] == 0)
      *zw_push(ra->a, &ra->work) = k;
  while (ra->work.n) {
    uint32_t k = ra->work.p[--ra->work.n];
    const Move *m = &mv->p[k];
    order_move(ra, m->dst, m->src, m->ref, m->kind);
    finish_move(ra, mv, k);
  }
  for (uint32_t k = 0; k < mv->n; k++)
    if (ra->writer.p[place_index(mv->p[k].dst)] == k + 1)
      break_cycle(ra, mv, k);
  for (uint32_t k = ra->order.n; k--;)
    emit_ordered(ra, &ra->order.p[k]);
}
static inline void parallel_move(Ra *ra, const Moves *mv)
{
  if (mv->n)
    move_all(ra, mv);
}
static inline void add_move(Ra *ra, Moves *mv, uint32_t dst, uint32_t src, Ref ref, ValKind kind)
{
  *zw_push(ra->a, mv) = (Move){ dst, src, ref, (uint8_t)kind };
}
