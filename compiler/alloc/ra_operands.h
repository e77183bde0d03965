// Registers given up, taken and asked for: what an instruction's selection calls.  Part of ra_core.h.
#pragma once
#include "ra_state.h"

// ---- giving registers up ----
// Weak promises are made only by the outermost 64 open loops, so that this is O(1) however deep loops nest.
enum { MAX_WEAK_DEPTH = 64 };
// No open loop may count on v in r any longer.  Strong promises stay: what they need is required on every path.
static void forget_promise(Ra *ra, Ref v, Reg r)
{
  for (uint32_t k = ra->nopen < MAX_WEAK_DEPTH ? ra->nopen : MAX_WEAK_DEPTH; k--;) {
    Promise *p = open_at(ra, k);
    if ((p->regs & p->weak & BIT(r)) && promised(p, r) == v)
      p->regs &= ~BIT(r), p->weak &= ~BIT(r), ra->l->dropped++;
  }
}
static void drop(Ra *ra, Reg r)
{
  ASSERT(ra->weak & BIT(r));
  Ref v = ra->cur[r];
  unbind(ra, r);
  forget_promise(ra, v, r);
}
static inline Reg best_of(const Ra *ra, RegSet m)
{
  if (m & RA_CALLEE & ra->dirty)
    m &= RA_CALLEE & ra->dirty;
  if (m & RA_LOW)
    m &= RA_LOW;
  return zw_ctz64(m);
}
static inline Reg choose(Ra *ra, RegSet m) { return NEVER(ra->o->random_ra != 0) ? random_bit(ra, m) : best_of(ra, m); }
static inline void dirty(Ra *ra, Reg r) { ra->dirty |= BIT(r) & RA_CALLEE; }
// The value in r is needed here.  Whoever is strong already has made r dirty.
static inline void be_strong(Ra *ra, Reg r)
{
  if (ra->weak & BIT(r))
    ra->weak &= ~BIT(r), dirty(ra, r);
}

// r holds w, which is needed below; above this point r is for somebody else.  into: registers w may move to.
static void free_up(Ra *ra, Reg r, RegSet into)
{
  Ref w = ra->cur[r];
  ASSERT(ra->busy & BIT(r));
  if (ra->weak & BIT(r)) {
    drop(ra, r);
    return;
  }
  unbind(ra, r);
  if (is_remat(ra, w)) {
    make(ra, r, w);
    return;
  }
  RegSet q = into & ra->file & class_of(kind_of(ra, w)) & ~ra->busy & ~ra->lock & ~ra->written & ~BIT(r);
  if (q & RA_CALLEE & ~worth_saving(ra, w))
    q &= ~RA_CALLEE | worth_saving(ra, w);
  if (q && !val_of(ra, w)->slot) {
    RegSet best = crosses_call(ra, w) ? q & RA_CALLEE : q & ~RA_CALLEE;
    Reg to = choose(ra, best ? best : q);
    move_reg(ra, r, to, kind_of(ra, w));
    bind(ra, to, w);
    dirty(ra, to);
    return;
  }
  load_slot(ra, r, w);
}

// ---- who gives way ----
// In a block under pressure the value whose next use upward is farthest gives way.  Uses are linked by a walk down the
// part of the block that is still above, made at its first eviction; going up, each instruction takes its own back.
// A part of a very large block at a time: what is not used in so many instructions is far away.
enum { SCAN_WINDOW = 8192 };
static void link_operand(Ra *ra, Ref v, uint32_t i)
{
  if (!zw_ref_is_value(v))
    return;
  *zw_push(ra->a, &ra->links) = ra->up[v];
  ra->up[v] = i + 1;
}
// The instruction of the block that the walk is at; what is hoisted into the block runs at its end.
static inline uint32_t point(const Ra *ra) { return ra->hoisting ? ra->z->blocks[ra->b].end - 1 : ra->i; }
static void scan_block(Ra *ra)
{
  const ZirFunc *z = ra->z;
  uint32_t first = z->blocks[ra->b].first, end = point(ra);
  if (end - first > SCAN_WINDOW)
    first = end - SCAN_WINDOW;
  if (!ra->up)
    ra->up = zw_new_array(ra->a, uint32_t, z->nins + 1);
  ra->links.n = ra->link_at.n = 0;
  zw_reserve(ra->a, &ra->link_at, end - first);
  zw_reserve(ra->a, &ra->links, 2 * (end - first));
  ra->scanned = ra->b + 1, ra->scan_first = first, ra->watched = true;
  for (uint32_t i = first; i < end; i++) {
    *zw_push(ra->a, &ra->link_at) = ra->links.n;
    const ZIns *ins = &z->ins[i];
    const ZShape *shape = &zw_zir_shape[ins->op];
    if ((!zw_zir_is_used(z, i) && (shape->flags & OPF_PURE)) || zw_zir_is(z, i, ZV_HOISTED))
      continue;
    if (shape->xa) {
      uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
      for (uint32_t k = 0; k < n; k++)
        link_operand(ra, z->xa[ins->a + k], i);
      continue;
    }
    if (shape->refs & 1)
      link_operand(ra, ins->a, i);
    if (shape->refs & 2)
      link_operand(ra, ins->b, i);
    if (shape->refs & 4)
      link_operand(ra, ins->c, i);
  }
}
static inline void unlink_operand(Ra *ra, Ref v, uint32_t *at)
{
  if (zw_ref_is_value(v)) {
    ra->up[v] = ra->links.p[*at];
    ++*at;
  }
}
// The walk has come to instruction i of a scanned block: its operands' next uses are those before it.
static void unlink_uses(Ra *ra, uint32_t i)
{
  const ZirFunc *z = ra->z;
  uint32_t k = i - ra->scan_first;
  if (i < ra->scan_first) // the next eviction will look again
    ra->scanned = 0;
  if (k >= ra->link_at.n)
    return;
  const ZIns *ins = &z->ins[i];
  const ZShape *shape = &zw_zir_shape[ins->op];
  uint32_t at = ra->link_at.p[k], end = k + 1 < ra->link_at.n ? ra->link_at.p[k + 1] : ra->links.n;
  if (at == end)
    return;
  if (shape->xa) {
    uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
    for (uint32_t j = 0; j < n; j++)
      unlink_operand(ra, z->xa[ins->a + j], &at);
    return;
  }
  if (shape->refs & 1)
    unlink_operand(ra, ins->a, &at);
  if (shape->refs & 2)
    unlink_operand(ra, ins->b, &at);
  if (shape->refs & 4)
    unlink_operand(ra, ins->c, &at);
}
// How good it is to have v in memory from here upward: distance to its next use or definition, dearer when that means a
// store in this loop; among values that this block uses no more, the one with the least weight above.
static uint64_t evict_score(const Ra *ra, Ref v)
{
  uint32_t first = ra->z->blocks[ra->b].first, here = point(ra), left = val_of(ra, v)->left;
  uint64_t dist;
  if (ra->scanned == ra->b + 1 && ra->up[v] > ra->scan_first && ra->up[v] <= here)
    dist = here + 1 - ra->up[v];
  else if (v >= first && v < here)
    dist = here - v;
  else
    dist = here - first + 16;
  bool free = val_of(ra, v)->slot || (val_of(ra, v)->vstate & VS_REMAT) || (ra->inner && def_pos(ra, v) < ra->inner->head_pos);
  return (dist * (free ? 4 : 3)) << 32 | (UINT32_MAX - left);
}
static Reg cheapest(Ra *ra, RegSet m)
{
  if (NEVER(ra->o->random_ra != 0))
    return random_bit(ra, m);
  if (ra->scanned != ra->b + 1)
    scan_block(ra);
  Reg best = zw_ctz64(m);
  uint64_t score = evict_score(ra, ra->cur[best]);
  for (m &= m - 1; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    uint64_t c = evict_score(ra, ra->cur[r]);
    if (c > score || (c == score && def_pos(ra, ra->cur[r]) < def_pos(ra, ra->cur[best])))
      best = r, score = c;
  }
  return best;
}
// A register of `from`, emptied.  from may hold anything but locked registers.
static Reg make_room(Ra *ra, RegSet from)
{
  RegSet free = from & ~ra->busy;
  if (free)
    return choose(ra, free);
  RegSet w = from & ra->weak;
  if (NEVER(!from))
    BUG("no register left in function %u at instruction %u", ra->z->func, ra->i);
  Reg r = cheapest(ra, w ? w : from);
  free_up(ra, r, 0);
  return r;
}
// Of `allowed`, what may be picked.  The small file is for shaking the allocator; what it cannot hold at all may go beyond it.
static inline RegSet pickable(const Ra *ra, RegSet allowed, RegSet but)
{
  RegSet can = allowed & ra->file & ~but;
  return can || !ra->o->small_file ? can : allowed & ~but;
}
STATIC_ASSERT(RA_NREG <= (REG_NONE & 63), "bit 63 is REG_NONE's, and never set");
static inline bool has(RegSet m, Reg r) { return (uint64_t)m >> (r & 63) & 1; } // r may be REG_NONE
// A register for v from here upward, emptied but not bound.  Preferences: want, its hint, callee-saved when a call is crossed.
static inline __attribute__((always_inline)) Reg pick(Ra *ra, Ref v, RegSet allowed, Reg want)
{
  RegSet can = pickable(ra, allowed, ra->lock), free = can & ~ra->busy;
  if (!free)
    return make_room(ra, can);
  if (NEVER(ra->o->random_ra != 0))
    return random_bit(ra, free);
  bool cross = false;
  if (def_pos(ra, v) < ra->calm) {
    cross = crosses_call_far(ra, v);
    if ((free & RA_AVOID_DIV) && (free & ~RA_AVOID_DIV) && crosses_div(ra, v))
      free &= ~RA_AVOID_DIV;
    if ((free & RA_AVOID_SHIFT) && (free & ~RA_AVOID_SHIFT) && crosses_shift(ra, v))
      free &= ~RA_AVOID_SHIFT;
  }
  RegSet good = cross ? free & worth_saving(ra, v) : free & ~RA_CALLEE;
  if (cross && !good)
    good = free & ~RA_CALLEE, cross = false;
  if (has(free, want) && (!cross || has(RA_CALLEE, want) || !good))
    return want;
  if (has(good, val_of(ra, v)->hint))
    return val_of(ra, v)->hint;
  if (!good) {
    if (!cross && (free & ra->dirty))
      return best_of(ra, free & ra->dirty);
    good = free;
  }
  if (good & ~ra->written)
    good &= ~ra->written;
  return best_of(ra, good);
}

// ---- operands of an instruction.  Order: def, clobbers, fixed uses, temps for early writes, other uses, LIR, end_ins ----
static inline void lose_weight(Ra *ra, Ref v)
{
  RaValue *p = val_of(ra, v);
  uint32_t left = p->left, less = left - ra->weight;
  p->left = left < ra->weight ? 0 : less;
}
// A register that the instruction may write before it has read its operands.
static Reg temp(Ra *ra, RegSet allowed)
{
  Reg r = make_room(ra, pickable(ra, allowed, ra->lock | ra->written));
  ra->lock |= BIT(r), ra->written |= BIT(r);
  dirty(ra, r);
  return r;
}
// Empty a fixed register and keep it for this instruction.
static void take_reg(Ra *ra, Reg r)
{
  if (ra->busy & BIT(r))
    free_up(ra, r, ra->file);
  ra->lock |= BIT(r), ra->written |= BIT(r);
  dirty(ra, r);
}
// v is in no register (d), in one that the instruction cannot write, or in memory as well.
static __attribute__((noinline)) Reg def_away(Ra *ra, Ref v, RegSet allowed, Reg d)
{
  if (d == REG_NONE) {
    RegSet can = allowed & ra->file & ~ra->lock & ~ra->written;
    d = can || !allowed ? make_room(ra, can) : zw_ctz64(allowed);
    if (!can && (ra->busy & BIT(d)))
      free_up(ra, d, ra->file);
  } else {
    unbind(ra, d);
  }
  dirty(ra, d);
  if (val_of(ra, v)->slot) {
    store_slot(ra, v, d);
    free_slot(ra, val_of(ra, v)->slot - 1);
  }
  if (!(allowed & BIT(d))) {
    RegSet can = allowed & ra->file & ~ra->lock & ~ra->written, free = can & ~ra->busy;
    Reg q = free ? choose(ra, free) : can ? cheapest(ra, can) : zw_ctz64(allowed);
    if (ra->busy & BIT(q))
      free_up(ra, q, ra->file & ~BIT(d));
    move_reg(ra, d, q, kind_of(ra, v));
    d = q;
    dirty(ra, d);
  }
  ra->written |= BIT(d);
  return d;
}
// The register of `allowed` that the instruction must write v to.  v's range ends here.
static Reg def(Ra *ra, Ref v, RegSet allowed)
{
  RaValue *p = val_of(ra, v);
  Reg d = p->loc;
  if (d != REG_NONE && !p->slot && (allowed & BIT(d))) { // nearly always
    p->loc = REG_NONE;
    be_strong(ra, d);
    ra->busy &= ~BIT(d);
    ra->written |= BIT(d);
    return d;
  }
  return def_away(ra, v, allowed, d);
}
// Nothing needs the value of v: no code when it has no effect either.
static inline bool is_dead(const Ra *ra, Ref v) { return val_of(ra, v)->loc == REG_NONE && !val_of(ra, v)->slot; }

// A value (or constant) in a register for this instruction only, made or copied right above it.
static void bring(Ra *ra, Reg r, Ref v, Reg from)
{
  Move *m = zw_push(ra->a, &ra->pre);
  m->dst = r, m->src = from == REG_NONE ? PLACE_MAKE : from, m->ref = v;
  m->kind = from == REG_NONE ? 0 : (uint8_t)kind_of(ra, v); // what is made knows its kind
}
static __attribute__((noinline)) Reg use_const(Ra *ra, Ref v, RegSet allowed, Reg want)
{
  RegSet can = pickable(ra, allowed, ra->lock);
  Reg r = has(can & ~ra->busy, want) ? want : make_room(ra, can & ~ra->written ? can & ~ra->written : can);
  ra->lock |= BIT(r);
  dirty(ra, r);
  bring(ra, r, v, REG_NONE);
  return r;
}
// v is in r, where this instruction cannot use it: a copy of it.
static __attribute__((noinline)) Reg use_copy(Ra *ra, Ref v, RegSet allowed, Reg r)
{
  ra->weak &= ~BIT(r);
  RegSet keep = ra->lock;
  ra->lock |= BIT(r);
  Reg q = make_room(ra, pickable(ra, allowed, ra->lock));
  ra->lock = keep | BIT(r) | BIT(q);
  ra->written |= BIT(q);
  dirty(ra, r), dirty(ra, q);
  bring(ra, q, v, r);
  return q;
}
static __attribute__((noinline)) Reg use_first(Ra *ra, Ref v, RegSet allowed, Reg want)
{
  Reg r = pick(ra, v, allowed, want);
  bind(ra, r, v);
  ra->lock |= BIT(r);
  dirty(ra, r);
  return r;
}
// v in one of `allowed`.  want: best register when it has none yet (the destination of a two-address instruction ...).
static Reg use(Ra *ra, Ref v, RegSet allowed, Reg want)
{
  if (!zw_ref_is_value(v))
    return use_const(ra, v, allowed, want);
  Reg r = val_of(ra, v)->loc;
  lose_weight(ra, v);
  if (r == REG_NONE)
    return use_first(ra, v, allowed, want);
  if (!(allowed & BIT(r)))
    return use_copy(ra, v, allowed, r);
  be_strong(ra, r);
  ra->lock |= BIT(r);
  return r;
}
// use_at when r is not simply free for v, whose use is counted.
static __attribute__((noinline)) Reg use_at_far(Ra *ra, Ref v, Reg r)
{
  if (zw_ref_is_value(v)) {
    Reg have = val_of(ra, v)->loc;
    if (have == REG_NONE) {
      if (ra->busy & BIT(r))
        free_up(ra, r, ra->file);
      bool stay = (ra->file & BIT(r)) || !ra->o->small_file;
      if (!stay || (crosses_call(ra, v) && !has(RA_CALLEE, r))) { // live in a better register, copy when one is free
        RegSet good = class_of(kind_of(ra, v)) & ra->file & worth_saving(ra, v) & ~ra->busy & ~ra->lock & ~ra->written;
        if (good) {
          have = choose(ra, good);
          bind(ra, have, v);
        }
      }
      if (have == REG_NONE) {
        bind(ra, r, v);
        ra->lock |= BIT(r);
        dirty(ra, r);
        return r;
      }
    }
    ra->weak &= ~BIT(have);
    dirty(ra, have);
    RegSet keep = ra->lock;
    ra->lock |= BIT(have); // it must not be moved by what follows
    if (ra->busy & BIT(r))
      free_up(ra, r, ra->file);
    ra->lock = keep | BIT(have) | BIT(r);
    ra->written |= BIT(r);
    dirty(ra, r);
    bring(ra, r, v, have);
    return r;
  }
  if (ra->busy & BIT(r))
    free_up(ra, r, ra->file);
  ra->lock |= BIT(r), ra->written |= BIT(r);
  dirty(ra, r);
  bring(ra, r, v, REG_NONE);
  return r;
}
// v in exactly register r (also one outside the file).  When v lives elsewhere r gets a copy.
static Reg use_at(Ra *ra, Ref v, Reg r)
{
  if (!zw_ref_is_value(v))
    return use_at_far(ra, v, r);
  lose_weight(ra, v);
  Reg have = val_of(ra, v)->loc;
  if (have == REG_NONE && (ra->file & ~ra->busy & BIT(r)) && (has(RA_CALLEE, r) || !crosses_call(ra, v))) {
    bind(ra, r, v);
    dirty(ra, r);
  } else if (have != r) {
    return use_at_far(ra, v, r);
  }
  ra->weak &= ~BIT(r);
  ra->lock |= BIT(r);
  return r;
}
static __attribute__((noinline)) bool prefer_slot_now(Ra *ra, Ref v, RegSet can)
{
  if (!zw_ref_is_value(v) || val_of(ra, v)->loc != REG_NONE || is_remat(ra, v))
    return false;
  if (!can)
    return true;
  return evict_score(ra, v) >= evict_score(ra, ra->cur[cheapest(ra, can)]);
}
// Is it cheaper to read v from its slot here than to give it a register?  Only when no register is free.
static inline bool prefer_slot(Ra *ra, Ref v, RegSet allowed)
{
  RegSet can = allowed & ra->file & ~ra->lock;
  return !(can & (~ra->busy | ra->weak)) && prefer_slot_now(ra, v, can);
}
// The place of v's slot, as a memory operand of this instruction.
static uint32_t use_slot(Ra *ra, Ref v)
{
  lose_weight(ra, v);
  take_slot(ra, v);
  weigh_slot(ra, slot_place(ra, v));
  ra->l->w_reload += ra->weight;
  return read_place(ra, v);
}
static __attribute__((noinline)) void make_operands(Ra *ra)
{
  for (uint32_t k = ra->pre.n; k--;) {
    Move m = ra->pre.p[k];
    if (m.src == PLACE_MAKE && !zw_ref_is_value(m.ref))
      emit_const(ra, m.dst, m.ref);
    else if (m.src == PLACE_MAKE)
      emit_make(ra, m.dst, m.ref);
    else if (!is_reg(m.dst))
      emit_store(ra, m.dst, m.src, (ValKind)m.kind);
    else if (!is_reg(m.src))
      emit_load(ra, m.dst, m.src, (ValKind)m.kind);
    else
      move_reg(ra, m.dst, m.src, (ValKind)m.kind);
  }
  ra->pre.n = 0;
}
// Everything of the instruction is emitted: make what it needed only for itself, above it.
static inline void end_ins(Ra *ra)
{
  if (ra->pre.n)
    make_operands(ra);
  ra->lock = ra->written = 0;
}
