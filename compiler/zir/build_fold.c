// P2: what an instruction on these operands comes to, by rules over one instruction and the ones that made its operands.
// Source order is the producer's schedule, so nothing is reassociated beyond constants.
#include "compiler/zir/build_int.h"
#include "runtime/base/bits.h"

// i32 and i64 have the same rules: an op's twin, by table.
typedef enum Kind {
  K_NONE, K_ADD, K_SUB, K_MUL, K_AND, K_OR, K_XOR, K_SHL, K_SHR_S, K_SHR_U, K_ROT, K_EQZ, K_EQ, K_NE,
  K_LT_S, K_LT_U, K_GT_S, K_GT_U, K_LE_S, K_LE_U, K_GE_S, K_GE_U, K_BOOL, K_DIV_S, K_DIV_U, K_REM_S, K_REM_U,
  K_WRAP, K_EXT_S, K_EXT_U, K_EXT8, K_EXT16, K_EXT32, K_BITS /* the same bits as float and integer */
} Kind;
#define BOTH(id, k) [OP_i32_##id] = k, [OP_i64_##id] = k
static const uint8_t rules[OP_COUNT] = {
  BOTH(add, K_ADD), BOTH(sub, K_SUB), BOTH(mul, K_MUL), BOTH(and, K_AND), BOTH(or, K_OR), BOTH(xor, K_XOR),
  BOTH(shl, K_SHL), BOTH(shr_s, K_SHR_S), BOTH(shr_u, K_SHR_U), BOTH(rotl, K_ROT), BOTH(rotr, K_ROT),
  BOTH(eqz, K_EQZ), BOTH(eq, K_EQ), BOTH(ne, K_NE), BOTH(lt_s, K_LT_S), BOTH(lt_u, K_LT_U), BOTH(gt_s, K_GT_S),
  BOTH(gt_u, K_GT_U), BOTH(le_s, K_LE_S), BOTH(le_u, K_LE_U), BOTH(ge_s, K_GE_S), BOTH(ge_u, K_GE_U),
  BOTH(div_s, K_DIV_S), BOTH(div_u, K_DIV_U), BOTH(rem_s, K_REM_S), BOTH(rem_u, K_REM_U),
  BOTH(extend8_s, K_EXT8), BOTH(extend16_s, K_EXT16), [OP_i64_extend32_s] = K_EXT32,
  [OP_i32_wrap_i64] = K_WRAP, [OP_i64_extend_i32_s] = K_EXT_S, [OP_i64_extend_i32_u] = K_EXT_U,
  [OP_f32_eq] = K_BOOL, [OP_f32_ne] = K_BOOL, [OP_f32_lt] = K_BOOL, [OP_f32_gt] = K_BOOL,
  [OP_f32_le] = K_BOOL, [OP_f32_ge] = K_BOOL, [OP_f64_eq] = K_BOOL, [OP_f64_ne] = K_BOOL,
  [OP_f64_lt] = K_BOOL, [OP_f64_gt] = K_BOOL, [OP_f64_le] = K_BOOL, [OP_f64_ge] = K_BOOL,
  [OP_i32_reinterpret_f32] = K_BITS, [OP_i64_reinterpret_f64] = K_BITS,
  [OP_f32_reinterpret_i32] = K_BITS, [OP_f64_reinterpret_i64] = K_BITS,
};
// What folds with a constant only; with that or two equal operands.  ADD: see zb_may_fold.  Ops without rules are evaluated when
// all they have is constant.
const uint8_t zb_fold_when[OP_COUNT] = {
  BOTH(add, FOLD_ADD), BOTH(mul, FOLD_CONST), BOTH(div_s, FOLD_CONST), BOTH(div_u, FOLD_CONST), BOTH(rem_s, FOLD_CONST),
  BOTH(rem_u, FOLD_CONST), BOTH(sub, FOLD_SAME), BOTH(and, FOLD_SAME), BOTH(or, FOLD_SAME), BOTH(xor, FOLD_SAME),
  BOTH(eq, FOLD_SAME), BOTH(ne, FOLD_SAME), BOTH(lt_s, FOLD_SAME), BOTH(lt_u, FOLD_SAME), BOTH(gt_s, FOLD_SAME),
  BOTH(gt_u, FOLD_SAME), BOTH(le_s, FOLD_SAME), BOTH(le_u, FOLD_SAME), BOTH(ge_s, FOLD_SAME), BOTH(ge_u, FOLD_SAME),
  BOTH(shl, FOLD_ASK), BOTH(shr_s, FOLD_ASK), BOTH(shr_u, FOLD_ASK), BOTH(rotl, FOLD_ASK), BOTH(rotr, FOLD_ASK),
  BOTH(eqz, FOLD_ASK), BOTH(extend8_s, FOLD_ASK), BOTH(extend16_s, FOLD_ASK), [OP_i64_extend32_s] = FOLD_ASK,
  [OP_i32_wrap_i64] = FOLD_ASK, [OP_i64_extend_i32_s] = FOLD_ASK, [OP_i64_extend_i32_u] = FOLD_ASK,
  [OP_i32_reinterpret_f32] = FOLD_ASK, [OP_i64_reinterpret_f64] = FOLD_ASK, [OP_f32_reinterpret_i32] = FOLD_ASK,
  [OP_f64_reinterpret_i64] = FOLD_ASK,
};

typedef struct Fold {
  Build *b;
  Op op; Ref x, y;
  bool wide;                // operands are i64
  uint64_t c;               // y, when it is constant
  bool has_c;
} Fold;

// The instruction that made r, if it is an op of this block: to reach through an older one would keep its operands in
// registers for longer than the value that they made (a loop that carries p and p + 1).
static const ZIns *made_by(const Fold *f, Ref r, Op op)
{
  if (!zw_ref_is_value(r) || r < f->b->f->blocks[f->b->block].first)
    return NULL;
  const ZIns *i = &f->b->f->ins[r];
  return i->op == op ? i : NULL;
}
static Ref int_const(const Fold *f, uint64_t c) { return f->wide ? i64_const(f->b, c) : i32_const(f->b, (uint32_t)c); }
static Op twin(const Fold *f, Op op32, Op op64) { return f->wide ? op64 : op32; }
#define OP_OF(id) twin(f, OP_i32_##id, OP_i64_##id)
static unsigned width(const Fold *f) { return f->wide ? 64 : 32; }
static uint64_t all_ones(const Fold *f) { return f->wide ? UINT64_MAX : UINT32_MAX; }

// How many of the low bits of r can be set, at most.
static unsigned low_bits(const Build *b, Ref r, unsigned depth)
{
  uint64_t c;
  if (zb_is_const(b, r, &c))
    return 64 - (unsigned)zw_clz64(c);
  const ZIns *i = &b->f->ins[r];
  unsigned most = i->ty == VK_I32 ? 32 : 64, p, q;
  if (depth == 0)
    return most;
  switch ((Op)i->op) {
  case OP_i32_load8_u: case OP_i64_load8_u: return 8;
  case OP_i32_load16_u: case OP_i64_load16_u: return 16;
  case OP_i64_load32_u: return 32;
  case OP_i64_extend_i32_u: return low_bits(b, i->a, depth - 1);
  case OP_i32_wrap_i64: p = low_bits(b, i->a, depth - 1); return p < 32 ? p : 32;
  case OP_i32_clz: case OP_i32_ctz: case OP_i32_popcnt: return 6;
  case OP_i64_clz: case OP_i64_ctz: case OP_i64_popcnt: return 7;
  case OP_i32_and: case OP_i64_and:
    p = low_bits(b, i->b, depth - 1), q = p <= 8 ? p : low_bits(b, i->a, depth - 1);
    return p < q ? p : q;
  case OP_i32_or: case OP_i64_or: case OP_i32_xor: case OP_i64_xor:
    p = low_bits(b, i->b, depth - 1), q = low_bits(b, i->a, depth - 1);
    return p > q ? p : q;
  case OP_sel:
    p = low_bits(b, i->a, depth - 1), q = low_bits(b, i->b, depth - 1);
    return p > q ? p : q;
  case OP_i32_shr_u: case OP_i64_shr_u:
    if (!zb_is_const(b, i->b, &c))
      return most;
    p = low_bits(b, i->a, depth - 1), c &= most - 1;
    return p > c ? p - (unsigned)c : 0;
  case OP_i32_shl: case OP_i64_shl:
    if (!zb_is_const(b, i->b, &c))
      return most;
    p = low_bits(b, i->a, depth - 1) + (unsigned)(c & (most - 1));
    return p < most ? p : most;
  case OP_phi: return i->c ? i->c - 1 : most; // build_control.c knows the arguments of a join
  default: return rules[i->op] >= K_EQZ && rules[i->op] <= K_BOOL ? 1 : most;
  }
}

// The ops that low_bits knows something of.
const uint8_t zb_narrow[OP_COUNT] = {
  BOTH(eqz, 1), BOTH(eq, 1), BOTH(ne, 1), BOTH(lt_s, 1), BOTH(lt_u, 1), BOTH(gt_s, 1), BOTH(gt_u, 1), BOTH(le_s, 1), BOTH(le_u, 1),
  BOTH(ge_s, 1), BOTH(ge_u, 1), [OP_f32_eq] = 1, [OP_f32_ne] = 1, [OP_f32_lt] = 1, [OP_f32_gt] = 1, [OP_f32_le] = 1, [OP_f32_ge] = 1,
  [OP_f64_eq] = 1, [OP_f64_ne] = 1, [OP_f64_lt] = 1, [OP_f64_gt] = 1, [OP_f64_le] = 1, [OP_f64_ge] = 1,
  BOTH(load8_u, 1), BOTH(load16_u, 1), [OP_i64_load32_u] = 1, [OP_i64_extend_i32_u] = 1, [OP_i32_wrap_i64] = 1, BOTH(clz, 1),
  BOTH(ctz, 1), BOTH(popcnt, 1), BOTH(and, 1), BOTH(or, 1), BOTH(xor, 1), [OP_sel] = 1, BOTH(shr_u, 1), BOTH(shl, 1),
};
unsigned zb_low_bits(const Build *b, Ref r) { return low_bits(b, r, 4); }
static unsigned bits_of(const Fold *f, Ref r) { return low_bits(f->b, r, 4); }

static Ref again(Fold *f, Op op, Ref x, Ref y)
{
  const OpInfo *info = &zw_op_info[op];
  return zb_pure(f->b, op, info->out[0], x, info->nin > 1 ? y : 0, 0);
}

// ---- comparisons ----
static Op inverse(Op op)
{
#define PAIR(p, q) case p: return q; case q: return p;
  switch (op) {
    PAIR(OP_i32_eq, OP_i32_ne) PAIR(OP_i32_lt_s, OP_i32_ge_s) PAIR(OP_i32_lt_u, OP_i32_ge_u)
    PAIR(OP_i32_gt_s, OP_i32_le_s) PAIR(OP_i32_gt_u, OP_i32_le_u)
    PAIR(OP_i64_eq, OP_i64_ne) PAIR(OP_i64_lt_s, OP_i64_ge_s) PAIR(OP_i64_lt_u, OP_i64_ge_u)
    PAIR(OP_i64_gt_s, OP_i64_le_s) PAIR(OP_i64_gt_u, OP_i64_le_u)
    PAIR(OP_f32_eq, OP_f32_ne) PAIR(OP_f64_eq, OP_f64_ne) // the others are all false with a NaN
  default: return OP_COUNT;
  }
}
static Op mirrored(Op op)
{
  switch (op) {
    PAIR(OP_i32_lt_s, OP_i32_gt_s) PAIR(OP_i32_lt_u, OP_i32_gt_u) PAIR(OP_i32_le_s, OP_i32_ge_s) PAIR(OP_i32_le_u, OP_i32_ge_u)
    PAIR(OP_i64_lt_s, OP_i64_gt_s) PAIR(OP_i64_lt_u, OP_i64_gt_u) PAIR(OP_i64_le_s, OP_i64_ge_s) PAIR(OP_i64_le_u, OP_i64_ge_u)
  case OP_i32_eq: case OP_i32_ne: case OP_i64_eq: case OP_i64_ne: return op;
  default: return zw_op_info[op].flags & OPF_COMM ? op : OP_COUNT;
  }
}

static Ref fold_eqz(Fold *f)
{
  const ZIns *i = zw_ref_is_value(f->x) ? &f->b->f->ins[f->x] : NULL;
  if (!i)
    return REF_NONE;
  Op not = inverse((Op)i->op);
  if (not != OP_COUNT)
    return again(f, not, i->a, i->b);
  switch ((Op)i->op) {
  case OP_i32_eqz: return again(f, OP_i32_ne, i->a, i32_const(f->b, 0));
  case OP_i64_eqz: return again(f, OP_i64_ne, i->a, i64_const(f->b, 0));
  case OP_i64_extend_i32_u: case OP_i64_extend_i32_s: return again(f, OP_i32_eqz, i->a, 0);
  case OP_vm_addr: return i32_const(f->b, 0); // of a record: not null
  default: return REF_NONE;
  }
}

// x against a constant.
static Ref fold_compare_const(Fold *f, Kind k)
{
  bool truth = f->c == 0 && (k == K_GE_U || k == K_LT_U);
  if (truth || (f->c == all_ones(f) && (k == K_LE_U || k == K_GT_U)))
    return i32_const(f->b, k == K_GE_U || k == K_LE_U);
  if (f->c == 0 && (k == K_EQ || k == K_LE_U))
    return again(f, OP_OF(eqz), f->x, 0);
  if (f->c == 1 && k == K_LT_U)
    return again(f, OP_OF(eqz), f->x, 0);
  if ((f->c == 0 && k == K_GT_U) || (f->c == 1 && k == K_GE_U))
    return again(f, OP_OF(ne), f->x, int_const(f, 0));
  unsigned n = bits_of(f, f->x);
  if (n < width(f) && f->c >> n) { // x is below c, both as unsigned; and as signed unless c is negative
    bool below = !(f->c >> (width(f) - 1));
    switch (k) {
    case K_EQ: return i32_const(f->b, 0);
    case K_NE: case K_LT_U: case K_LE_U: return i32_const(f->b, 1);
    case K_GT_U: case K_GE_U: return i32_const(f->b, 0);
    case K_LT_S: case K_LE_S: return i32_const(f->b, below);
    case K_GT_S: case K_GE_S: return i32_const(f->b, !below);
    default: break;
    }
  }
  if (n == 1 && !f->wide) { // x is 0 or 1
    if ((k == K_NE && f->c == 0) || (k == K_EQ && f->c == 1))
      return f->x;
    if (k == K_NE && f->c == 1)
      return again(f, OP_i32_eqz, f->x, 0);
  }
  return REF_NONE;
}

static Ref fold_compare(Fold *f, Kind k)
{
  if (f->has_c)
    return fold_compare_const(f, k);
  if (f->x != f->y)
    return REF_NONE;
  return i32_const(f->b, k == K_EQ || k == K_LE_S || k == K_LE_U || k == K_GE_S || k == K_GE_U);
}

// ---- arithmetic ----
static Ref fold_shift(Fold *f, Kind k)
{
  if (!f->has_c) { // the count is taken modulo the width anyway
    const ZIns *m = made_by(f, f->y, OP_OF(and));
    uint64_t mask;
    return m && zb_is_const(f->b, m->b, &mask) && (mask & (width(f) - 1)) == width(f) - 1 ? again(f, f->op, f->x, m->a) : REF_NONE;
  }
  uint64_t c = f->c & (width(f) - 1);
  if (c == 0)
    return f->x;
  if (k == K_SHR_U && bits_of(f, f->x) <= c)
    return int_const(f, 0);
  const ZIns *l = made_by(f, f->x, OP_OF(shl));
  uint64_t left;
  if (l && k == K_SHR_S && zb_is_const(f->b, l->b, &left) && (left & (width(f) - 1)) == c) {
    if (width(f) - c == 8)
      return again(f, OP_OF(extend8_s), l->a, 0);
    if (width(f) - c == 16)
      return again(f, OP_OF(extend16_s), l->a, 0);
    if (width(f) - c == 32)
      return again(f, OP_i64_extend32_s, l->a, 0);
  }
  return c != f->c ? again(f, f->op, f->x, int_const(f, c)) : REF_NONE;
}

static Ref fold_add(Fold *f)
{
  if (!f->has_c)
    return REF_NONE;
  if (f->c == 0)
    return f->x;
  const ZIns *i = made_by(f, f->x, f->op);
  uint64_t c;
  return i && zb_is_const(f->b, i->b, &c) ? again(f, f->op, i->a, int_const(f, c + f->c)) : REF_NONE;
}

// A phi of a loop that is still open may turn out to be as narrow as this mask makes it.
static void note_masked(const Fold *f)
{
  Build *b = f->b;
  if (!zw_ref_is_value(f->x) || b->f->ins[f->x].op != OP_phi || b->nmasked == MOST_MASKED ||
      !b->f->blocks[zw_zir_block(b->f, f->x)].is_header)
    return;
  unsigned bits = 64 - zw_clz64(f->c);
  for (uint32_t k = 0; k < b->nmasked; k++)
    if (b->masked[k].phi == f->x && b->masked[k].bits == bits)
      return;
  b->masked[b->nmasked].phi = f->x, b->masked[b->nmasked++].bits = bits;
}
static Ref fold_and(Fold *f)
{
  if (f->x == f->y)
    return f->x;
  if (!f->has_c)
    return REF_NONE;
  if (f->c == 0)
    return int_const(f, 0);
  unsigned n = bits_of(f, f->x);
  uint64_t may = n == 64 ? UINT64_MAX : (1ull << n) - 1;
  if ((f->c & may) == may)
    return f->x;
  const ZIns *i = made_by(f, f->x, f->op);
  uint64_t c;
  if (i && zb_is_const(f->b, i->b, &c))
    return again(f, f->op, i->a, int_const(f, c & f->c));
  if (!f->wide && (f->c & (f->c + 1)) == 0)
    note_masked(f);
  if (f->wide && f->c == UINT32_MAX) // a move of the low half
    return again(f, OP_i64_extend_i32_u, again(f, OP_i32_wrap_i64, f->x, 0), 0);
  return REF_NONE;
}

static Ref fold_or_xor(Fold *f, Kind k)
{
  if (f->x == f->y)
    return k == K_OR ? f->x : int_const(f, 0);
  if (!f->has_c)
    return REF_NONE;
  if (f->c == 0)
    return f->x;
  if (k == K_OR)
    return f->c == all_ones(f) ? int_const(f, f->c) : REF_NONE;
  const ZIns *i = made_by(f, f->x, f->op);
  uint64_t c;
  if (f->c == 1 && zw_ref_is_value(f->x) && inverse((Op)f->b->f->ins[f->x].op) != OP_COUNT)
    return again(f, OP_i32_eqz, f->x, 0);
  return i && zb_is_const(f->b, i->b, &c) ? again(f, f->op, i->a, int_const(f, c ^ f->c)) : REF_NONE;
}

static Ref fold_mul(Fold *f)
{
  if (!f->has_c)
    return REF_NONE;
  if (f->c == 0)
    return int_const(f, 0);
  if (f->c == 1)
    return f->x;
  if ((f->c & (f->c - 1)) == 0)
    return again(f, OP_OF(shl), f->x, int_const(f, (uint64_t)zw_ctz64(f->c)));
  for (unsigned k = 1; k <= 3; k++) // 3, 5, 9: one lea
    if (f->c == (1u << k) + 1)
      return again(f, OP_OF(add), f->x, again(f, OP_OF(shl), f->x, int_const(f, k)));
  return REF_NONE;
}

// ---- division by a constant: a multiplication by its inverse, rounded up ----
// For n-bit x and 2^(l-1) < d <= 2^l, m = ceil(2^(n+l) / d) gives x / d = x*m >> (n+l) for every x (Granlund, Montgomery:
// Division by invariant integers using multiplication); m has n+1 bits.  i32 has 64 bits to work in.
static Ref high_half(Fold *f, Op mulh, Ref x, uint64_t m) { return zb_pure(f->b, mulh, VK_I64, x, i64_const(f->b, m), 0); }

// ceil(2^p / d) * d - 2^p for a d that is no power of two: by how much the inverse is too large.
static uint64_t excess(unsigned p, uint64_t d) { return d - (uint64_t)(((unsigned __int128)1 << p) % d); }
static uint64_t inverse_of(unsigned p, uint64_t d) { return (uint64_t)(((unsigned __int128)1 << p) / d + 1); }

static Ref quotient_u32(Fold *f, uint32_t d)
{
  unsigned l = 32 - (unsigned)zw_clz32(d - 1), s = l;
  while (s > 0 && excess(32 + s - 1, d) <= 1ull << (s - 1)) // a smaller one does
    s--;
  Ref x = again(f, OP_i64_extend_i32_u, f->x, 0), q;
  if (s == l)
    q = high_half(f, OP_mulh_u, x, inverse_of(64, d));
  else
    q = again(f, OP_i64_shr_u, again(f, OP_i64_mul, x, i64_const(f->b, inverse_of(32 + s, d))), i64_const(f->b, 32 + s));
  return again(f, OP_i32_wrap_i64, q, 0);
}

static Ref quotient_u64(Fold *f, uint64_t d)
{
  unsigned l = 64 - (unsigned)zw_clz64(d - 1), s = l, even = (unsigned)zw_ctz64(d);
  while (s > 0 && excess(64 + s - 1, d) <= 1ull << (s - 1))
    s--;
  if (s < l)
    return again(f, OP_i64_shr_u, high_half(f, OP_mulh_u, f->x, inverse_of(64 + s, d)), i64_const(f->b, s));
  if (even) { // divide by the power of two first: what is left has fewer bits
    for (s = 0, d >>= even; excess(64 + s, d) > 1ull << (s + even);)
      s++;
    Ref x = again(f, OP_i64_shr_u, f->x, i64_const(f->b, even));
    return again(f, OP_i64_shr_u, high_half(f, OP_mulh_u, x, inverse_of(64 + s, d)), i64_const(f->b, s));
  }
  Ref h = high_half(f, OP_mulh_u, f->x, inverse_of(64 + l, d)); // without its bit 64, which stands for one more x
  Ref rest = again(f, OP_i64_shr_u, again(f, OP_i64_sub, f->x, h), i64_const(f->b, 1));
  return again(f, OP_i64_shr_u, again(f, OP_i64_add, rest, h), i64_const(f->b, l - 1));
}

// |d| >= 3 and no power of two.  Rounded down, and one more when x is negative.
static Ref quotient_s(Fold *f, uint64_t d)
{
  unsigned n = width(f), l = 64 - (unsigned)zw_clz64(d - 1);
  uint64_t m = inverse_of(n + l - 1, d); // below 2^n
  Ref q, x = f->x;
  if (!f->wide) {
    q = again(f, OP_i64_mul, again(f, OP_i64_extend_i32_s, x, 0), i64_const(f->b, m));
    q = again(f, OP_i32_wrap_i64, again(f, OP_i64_shr_s, q, i64_const(f->b, 32 + l - 1)), 0);
  } else {
    q = high_half(f, OP_mulh_s, x, m);
    if (m >> 63) // m - 2^64 was multiplied
      q = again(f, OP_i64_add, q, x);
    q = again(f, OP_i64_shr_s, q, i64_const(f->b, l - 1));
  }
  return again(f, OP_OF(add), q, again(f, OP_OF(shr_u), x, int_const(f, n - 1)));
}

static Ref quotient(Fold *f, Kind k)
{
  uint64_t d = f->c;
  if (k == K_DIV_U || k == K_REM_U)
    return f->wide ? quotient_u64(f, d) : quotient_u32(f, (uint32_t)d);
  bool negative = d >> (width(f) - 1);
  if (negative)
    d = (0 - d) & all_ones(f);
  Ref q;
  if ((d & (d - 1)) == 0) { // round towards zero: a negative x gets d - 1 more before
    unsigned s = (unsigned)zw_ctz64(d);
    Ref sign = again(f, OP_OF(shr_s), f->x, int_const(f, s > 1 ? s - 1 : 0));
    Ref more = again(f, OP_OF(shr_u), sign, int_const(f, width(f) - s));
    q = again(f, OP_OF(shr_s), again(f, OP_OF(add), f->x, more), int_const(f, s));
  } else {
    q = quotient_s(f, d);
  }
  return negative ? again(f, OP_OF(sub), int_const(f, 0), q) : q;
}

static Ref fold_div(Fold *f, Kind k)
{
  if (!f->has_c || f->c == 0)
    return REF_NONE;
  bool is_signed = k == K_DIV_S || k == K_REM_S, rem = k == K_REM_S || k == K_REM_U, power = (f->c & (f->c - 1)) == 0;
  if (f->c == 1 || (k == K_REM_S && f->c == all_ones(f)))
    return rem ? int_const(f, 0) : f->x;
  if (is_signed && f->c == all_ones(f))
    return REF_NONE; // may overflow
  if (!is_signed && power)
    return rem ? again(f, OP_OF(and), f->x, int_const(f, f->c - 1))
               : again(f, OP_OF(shr_u), f->x, int_const(f, (uint64_t)zw_ctz64(f->c)));
  if (!is_signed && f->c >> (width(f) - 1)) { // 0 or 1
    Ref ge = again(f, OP_OF(ge_u), f->x, f->y);
    if (!rem)
      return f->wide ? again(f, OP_i64_extend_i32_u, ge, 0) : ge;
    return REF_NONE;
  }
  if (is_signed && f->c == 1ull << (width(f) - 1))
    return REF_NONE; // its own negative
  Ref q = quotient(f, k);
  return rem ? again(f, OP_OF(sub), f->x, again(f, OP_OF(mul), q, f->y)) : q;
}

// ---- conversions ----
static Ref fold_wrap(Fold *f)
{
  const ZIns *i = zw_ref_is_value(f->x) ? &f->b->f->ins[f->x] : NULL;
  uint64_t c;
  if (!i)
    return REF_NONE;
  if (i->op == OP_i64_extend_i32_u || i->op == OP_i64_extend_i32_s)
    return i->a;
  if (i->op == OP_i64_extend32_s || (i->op == OP_i64_and && zb_is_const(f->b, i->b, &c) && (uint32_t)c == UINT32_MAX))
    return again(f, OP_i32_wrap_i64, i->a, 0);
  return REF_NONE;
}

static Ref fold_extend(Fold *f, Kind k)
{
  const ZIns *i = zw_ref_is_value(f->x) ? &f->b->f->ins[f->x] : NULL;
  unsigned from = k == K_EXT8 ? 8 : k == K_EXT16 ? 16 : 32, n = bits_of(f, f->x);
  if (k == K_EXT_U)
    return i && i->op == OP_i32_wrap_i64 && bits_of(f, i->a) <= 32 ? i->a : REF_NONE;
  if (n < from) // the sign bit is 0
    return k == K_EXT_S ? again(f, OP_i64_extend_i32_u, f->x, 0) : f->x;
  if (k == K_EXT_S || !i)
    return REF_NONE;
  if (i->op == f->op || (from == 8 && (i->op == OP_i32_load8_s || i->op == OP_i64_load8_s)) ||
      (from == 16 && (i->op == OP_i32_load16_s || i->op == OP_i64_load16_s)) ||
      (from == 32 && (i->op == OP_i64_load32_s || i->op == OP_i64_extend_i32_s)))
    return f->x;
  if (from == 32 && i->op == OP_i64_extend_i32_u)
    return again(f, OP_i64_extend_i32_s, i->a, 0);
  uint64_t c;
  if ((i->op == OP_i32_and || i->op == OP_i64_and) && zb_is_const(f->b, i->b, &c) && ~c << (64 - from) == 0)
    return again(f, f->op, i->a, 0); // a mask that leaves all that is read
  return REF_NONE;
}

static Ref fold_bits(Fold *f)
{
  const ZIns *i = zw_ref_is_value(f->x) ? &f->b->f->ins[f->x] : NULL;
  bool back = i && rules[i->op] == K_BITS && zw_ref_type(f->b->f, i->a) == zw_op_info[f->op].out[0];
  return back ? i->a : REF_NONE;
}

Ref zb_fold(Build *b, Op op, Ref *x, Ref *y)
{
  const OpInfo *info = &zw_op_info[op];
  bool binary = info->nin == 2;
  uint64_t in[2], out;
  bool kx = zb_is_const(b, *x, &in[0]), ky = binary && zb_is_const(b, *y, &in[1]);
  if (kx && (ky || !binary))
    return zw_zir_eval(op, in, &out) ? zw_zir_const(b->f, (ValKind)info->out[0], out, 0) : REF_NONE;
  Kind k = (Kind)rules[op];
  if (k == K_NONE)
    return REF_NONE;
  if (kx) { // constants stand right
    Op other = mirrored(op);
    if (other == op) {
      Ref t = *x;
      *x = *y, *y = t, in[1] = in[0], ky = true;
    } else if (other != OP_COUNT) {
      return zb_pure(b, other, info->out[0], *y, *x, 0);
    }
  }
  Fold f = { .b = b, .op = op, .x = *x, .y = *y, .wide = info->in[0] == VK_I64, .c = ky ? in[1] : 0, .has_c = ky };
  switch (k) {
  case K_ADD: return fold_add(&f);
  case K_SUB: return ky && f.c == 0 ? *x : *x == *y ? int_const(&f, 0) : REF_NONE;
  case K_MUL: return fold_mul(&f);
  case K_AND: return fold_and(&f);
  case K_OR: case K_XOR: return fold_or_xor(&f, k);
  case K_SHL: case K_SHR_S: case K_SHR_U: case K_ROT: return fold_shift(&f, k);
  case K_EQZ: return fold_eqz(&f);
  case K_EQ: case K_NE: case K_LT_S: case K_LT_U: case K_GT_S: case K_GT_U: case K_LE_S: case K_LE_U: case K_GE_S: case K_GE_U:
    return fold_compare(&f, k);
  case K_DIV_S: case K_DIV_U: case K_REM_S: case K_REM_U: return fold_div(&f, k);
  case K_WRAP: return fold_wrap(&f);
  case K_EXT_S: case K_EXT_U: case K_EXT8: case K_EXT16: case K_EXT32: return fold_extend(&f, k);
  case K_BITS: return fold_bits(&f);
  case K_NONE: case K_BOOL: break;
  }
  return REF_NONE;
}

// What a branch or select asks of a condition is only whether it is zero.
Ref zb_simpler_condition(const Build *b, Ref c)
{
  uint64_t zero;
  while (!b->o->no_fold && zw_ref_is_value(c) && b->f->ins[c].op == OP_i32_ne && zb_is_const(b, b->f->ins[c].b, &zero) && zero == 0)
    c = b->f->ins[c].a;
  return c;
}

Ref zb_select(Build *b, Ref yes, Ref no, Ref cond)
{
  unsigned ty = zw_ref_type(b->f, yes);
  if (!b->o->no_fold) {
    uint64_t c, p, q;
    cond = zb_condition(b, cond);
    if (zb_is_const(b, cond, &c))
      return c ? yes : no;
    if (yes == no)
      return yes;
    if (b->f->ins[cond].op == OP_i32_eqz) {
      Ref t = yes;
      yes = no, no = t, cond = zb_condition(b, b->f->ins[cond].a);
    }
    if (ty == VK_I32 && zb_is_const(b, yes, &p) && zb_is_const(b, no, &q)) {
      if (p == 1 && q == 0 && low_bits(b, cond, 4) == 1)
        return cond;
      if (p == 0 && q == 1)
        return zb_pure(b, OP_i32_eqz, VK_I32, cond, 0, 0);
    }
  }
  return zb_pure(b, OP_sel, ty, yes, no, cond);
}
