// P2: value numbering.  A pure instruction that an equal one dominates is that one's value.
//
// What dominates is known without a tree.  Every block remembers its home: the innermost open frame whose end its code does
// not dominate, because the frame is an arm of an `if` or something has branched to its end.  What was made in a block is
// good until that frame closes.  Branches back to loops limit nothing: a loop's end is reached from inside only.
#include "compiler/zir/build_int.h"
#include <string.h>

static inline uint32_t hash(Key k)
{
  uint64_t h = (k.lo << 48 ^ (k.lo >> 32) << 24 ^ (uint32_t)k.hi) * 0x9e3779b97f4a7c15u;
  h ^= (k.hi >> 32) * 0xc2b2ae3d27d4eb4fu;
  return (uint32_t)(h >> 40);
}

void zb_start_numbers(Build *b)
{
  uint32_t want = b->facts->nops / 4, bits = 4;
  while (bits < NUMBER_BITS && 1u << bits < want)
    bits++;
  b->numbers = zw_new_array(b->scratch, uint32_t, (size_t)1 << bits);
  b->number_mask = (1u << bits) - 1;
}

// CHEAP: made again rather than kept in a register across blocks; CHEAP_WITH_CONST: when the right operand is one.
// SLOW: takes several cycles, so worth a register in every iteration outside of the loop.  Producers have hoisted what they
// could see; this is for what inlining and the lowering of accesses bring.
enum { CHEAP = 1, CHEAP_WITH_CONST = 2, SLOW = 4 };
#define BOTH(id, k) [OP_i32_##id] = k, [OP_i64_##id] = k
#define FLOATS(id, k) [OP_f32_##id] = k, [OP_f64_##id] = k
static const uint8_t cost_of[OP_COUNT] = {
  BOTH(add, CHEAP_WITH_CONST), BOTH(sub, CHEAP_WITH_CONST), BOTH(and, CHEAP_WITH_CONST), BOTH(or, CHEAP_WITH_CONST),
  BOTH(xor, CHEAP_WITH_CONST), BOTH(shl, CHEAP_WITH_CONST), BOTH(shr_u, CHEAP_WITH_CONST), BOTH(shr_s, CHEAP_WITH_CONST),
  BOTH(eqz, CHEAP), BOTH(eq, CHEAP), BOTH(ne, CHEAP), BOTH(lt_s, CHEAP), BOTH(lt_u, CHEAP), BOTH(gt_s, CHEAP), BOTH(gt_u, CHEAP),
  BOTH(le_s, CHEAP), BOTH(le_u, CHEAP), BOTH(ge_s, CHEAP), BOTH(ge_u, CHEAP),
  [OP_i64_extend_i32_u] = CHEAP, [OP_i32_wrap_i64] = CHEAP, [OP_i64_extend_i32_s] = CHEAP,
  BOTH(mul, SLOW), [OP_mulh_u] = SLOW, [OP_mulh_s] = SLOW,
  FLOATS(add, SLOW), FLOATS(sub, SLOW), FLOATS(mul, SLOW), FLOATS(div, SLOW), FLOATS(sqrt, SLOW),
  FLOATS(convert_i32_s, SLOW), FLOATS(convert_i32_u, SLOW), FLOATS(convert_i64_s, SLOW), FLOATS(convert_i64_u, SLOW),
  [OP_f32_demote_f64] = SLOW, [OP_f64_promote_f32] = SLOW,
  [OP_i8x16_splat] = SLOW, [OP_i16x8_splat] = SLOW, [OP_i32x4_splat] = SLOW, [OP_i64x2_splat] = SLOW, [OP_f32x4_splat] = SLOW,
  [OP_f64x2_splat] = SLOW,
};
static inline bool is_cheap(unsigned cost, uint32_t right) { return cost & CHEAP || (cost & CHEAP_WITH_CONST && !zw_ref_is_value(right)); }

// ---- hoisting ----
enum { MOST_HOISTED = 6 }; // out of one loop
// Was r there before the loop was entered?
static bool is_outside(const ZirFunc *f, Ref r, const ZLoop *l)
{
  return !zw_ref_is_value(r) || f->blocks[zw_zir_block(f, r)].first < f->blocks[l->header].first;
}

static uint32_t count_hoisted(const ZirFunc *f, const ZLoop *l)
{
  uint32_t n = 0;
  for (uint32_t h = l->hoist_first; h != REF_NONE; h = f->hoisted[h].next)
    n++;
  return n;
}

// Make k at the end of the entry of the outermost loop that it is constant in, which has none of these effects.  REF_NONE:
// there is no such loop, or registers are better used otherwise.
Ref zb_hoist(Build *b, const ZIns *k, uint32_t effects)
{
  enum { LEVELS = 8 };
  ZirFunc *f = b->f;
  const ZBlock *here = &f->blocks[b->block];
  if (b->o->no_hoist || here->loop == NO_LOOP || here->cold)
    return REF_NONE;
  Ref in[3];
  uint32_t n = zw_zir_operands(f, k, in, 3), best = NO_LOOP, level = 0;
  for (uint32_t l = here->loop; l != NO_LOOP && level < LEVELS; l = f->loops[l].parent, level++) {
    const ZLoop *z = &f->loops[l];
    bool outside = !(z->effects & effects);
    for (uint32_t j = 0; j < n; j++)
      outside &= is_outside(f, in[j], z);
    if (!outside)
      break;
    best = l;
  }
  if (best == NO_LOOP || count_hoisted(f, &f->loops[best]) >= MOST_HOISTED)
    return REF_NONE;
  uint32_t v = append_key(b, zb_key_of(k));
  zw_zir_hoist(f, v, best);
  return v;
}

// What one load makes again as fast is not carried across calls: no vector register survives them.
static uint32_t not_across(const ZIns *k)
{
  switch ((Op)k->op) {
  case OP_f32_div: case OP_f64_div: case OP_f32_sqrt: case OP_f64_sqrt: return 0;
  default: return k->ty == VK_F32 || k->ty == VK_F64 || k->ty == VK_V128 ? EFF_CALL : 0;
  }
}

// `anyhow`: out of loops if it can be, whatever it costs.
static inline __attribute__((always_inline)) Ref number(Build *b, Key k, bool anyhow)
{
  const ZirFunc *f = b->f;
  uint32_t *slot = &b->numbers[hash(k) & b->number_mask], v = *slot - 1;
  unsigned cost = cost_of[(uint16_t)k.lo];
  if (v != UINT32_MAX) {
    Key old = zb_key_of(&f->ins[v]);
    uint32_t blk = f->val[v].blk, from = blk >> ZV_BITS;
    if (old.lo == k.lo && old.hi == k.hi &&
        (from == b->block || ((!is_cheap(cost, (uint32_t)k.hi) || blk & ZV_HOISTED) && zb_is_open(b, from))))
      return v;
  }
  if (__builtin_expect(anyhow || cost & SLOW, 0)) {
    ZIns ins = zb_ins_of(k);
    Ref r = zb_hoist(b, &ins, not_across(&ins));
    if (r != REF_NONE) {
      *slot = r + 1;
      return r;
    }
  }
  Ref r = append_key(b, k);
  *slot = r + 1;
  return r;
}

// A constant that no instruction can hold, in an innermost loop: a value made at the loop's entry, which P3 keeps in a register when one is
// left, and else reads from memory as before.
static __attribute__((noinline)) Key with_constant_outside(Build *b, Key k)
{
  ZirFunc *f = b->f;
  const ZBlock *here = &f->blocks[b->block];
  Ref c = (Ref)k.hi;
  if (c == REF_NONE || here->loop == NO_LOOP || here->cold || f->loops[here->loop].nested || b->o->no_hoist ||
      !(zw_zir_shape[(uint16_t)k.lo].refs & 2) || zw_ref_type(f, c) != VK_I64)
    return k;
  int64_t value = (int64_t)f->consts[c & ~REF_POOL].bits[0];
  if (value == (int32_t)value)
    return k;
  Key copy = zb_key(OP_copy, VK_I64, 0, c, 0, 0);
  uint32_t h = f->loops[here->loop].hoist_first, n = 0, v;
  for (; h != REF_NONE && zb_key_of(&f->ins[f->hoisted[h].value]).lo != copy.lo; h = f->hoisted[h].next)
    n++;
  if (h == REF_NONE) {
    if (n >= MOST_HOISTED)
      return k;
    v = append_key(b, copy);
    zw_zir_hoist(f, v, here->loop);
  } else {
    v = f->hoisted[h].value;
  }
  return (Key){ k.lo, (k.hi & ~(uint64_t)UINT32_MAX) | v };
}

Ref zb_number(Build *b, Key k)
{
  if (__builtin_expect(b->o->no_number, 0))
    return append_key(b, k);
  if (__builtin_expect((uint32_t)k.hi >= REF_POOL, 0))
    k = with_constant_outside(b, k);
  return number(b, k, false);
}

Ref zb_invariant(Build *b, const ZIns *k) { return b->o->no_number ? append_key(b, zb_key_of(k)) : number(b, zb_key_of(k), true); }
