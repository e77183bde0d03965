// P2: value numbering.  A pure instruction that an equal one dominates is that one's value.
//
// What dominates is known without a tree.  Every block remembers its home: the innermost open frame whose end its code does
// not dominate, because the frame is an arm of an `if` or something has branched to its end.  What was made in a block is
// good until that frame closes.  Branches back to loops limit nothing: a loop's end is reached from inside only.
#include "compiler/zir/build_int.h"
#include <string.h>

static uint32_t hash(const ZIns *k)
{
  uint64_t h = ((uint64_t)k->op << 48 ^ (uint64_t)k->a << 24 ^ k->b) * 0x9e3779b97f4a7c15u;
  h ^= (uint64_t)k->c * 0xc2b2ae3d27d4eb4fu;
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

// Cheap ones are made again rather than kept in a register across blocks.
static bool is_cheap(const ZIns *k)
{
  switch ((Op)k->op) {
  case OP_i32_add: case OP_i64_add: case OP_i32_sub: case OP_i64_sub: case OP_i32_and: case OP_i64_and: case OP_i32_or: case OP_i64_or:
  case OP_i32_xor: case OP_i64_xor: case OP_i32_shl: case OP_i64_shl: case OP_i32_shr_u: case OP_i64_shr_u: case OP_i32_shr_s:
  case OP_i64_shr_s: return !zw_ref_is_value(k->b);
  case OP_i32_eqz: case OP_i64_eqz: case OP_i32_eq: case OP_i64_eq: case OP_i32_ne: case OP_i64_ne: case OP_i32_lt_s: case OP_i32_lt_u:
  case OP_i32_gt_s: case OP_i32_gt_u: case OP_i32_le_s: case OP_i32_le_u: case OP_i32_ge_s: case OP_i32_ge_u: case OP_i64_lt_s:
  case OP_i64_lt_u: case OP_i64_gt_s: case OP_i64_gt_u: case OP_i64_le_s: case OP_i64_le_u: case OP_i64_ge_s: case OP_i64_ge_u:
  case OP_i64_extend_i32_u: case OP_i32_wrap_i64: case OP_i64_extend_i32_s: return true;
  default: return false;
  }
}

Ref zb_number(Build *b, const ZIns *k)
{
  uint32_t *slot = &b->numbers[hash(k) & b->number_mask], v = *slot - 1;
  if (v != UINT32_MAX) {
    const ZIns *i = &b->f->ins[v];
    if (i->op == k->op && i->a == k->a && i->b == k->b && i->c == k->c && i->ty == k->ty && i->fl == k->fl) {
      uint32_t from = b->f->blk[v];
      if (from == b->block || (!is_cheap(k) && zb_is_open(b, from)))
        return v;
    }
  }
  uint32_t r = append(b, (Op)k->op, k->ty, k->fl, k->a, k->b, k->c);
  *slot = r + 1;
  return r;
}
