// Comparisons, where their result is wanted: branches, selects, traps, values.  Part of select_all.h.
#pragma once

// ---- conditions ----
typedef struct Cond {
  enum { COND_CMP, COND_TEST, COND_BT, COND_FLOAT, COND_BOOL } form;
  uint8_t cc;            // the jump or move that is taken when the condition holds
  uint8_t parity;        // 0; 1: cc and not P; 2: cc or P
  uint8_t sz;
  bool shared;           // the comparison has other uses and may be made again for them: its operands stay values
  Ref a, b;
} Cond;
// Integer comparisons: the condition and, above it, the width in bytes; 0: not one.
static const uint8_t int_compare[OP_COUNT] = {
#define CMP(name, c) [OP_i32_##name] = 4 << 4 | (c), [OP_i64_##name] = 8 << 4 | (c),
  // clang-format off
  CMP(eq, CC_E) CMP(ne, CC_NE) CMP(lt_s, CC_L) CMP(lt_u, CC_B) CMP(gt_s, CC_G) CMP(gt_u, CC_A)
  CMP(le_s, CC_LE) CMP(le_u, CC_BE) CMP(ge_s, CC_GE) CMP(ge_u, CC_AE)
  // clang-format on
#undef CMP
};
static bool float_compare(Cond *c, const ZIns *ins)
{
  bool swap = false;
  switch (ins->op) {
  case OP_f32_eq: case OP_f64_eq: c->cc = CC_E, c->parity = 1; break;
  case OP_f32_ne: case OP_f64_ne: c->cc = CC_NE, c->parity = 2; break;
  case OP_f32_gt: case OP_f64_gt: c->cc = CC_A; break;
  case OP_f32_ge: case OP_f64_ge: c->cc = CC_AE; break;
  case OP_f32_lt: case OP_f64_lt: c->cc = CC_A, swap = true; break;
  case OP_f32_le: case OP_f64_le: c->cc = CC_AE, swap = true; break;
  default: return false;
  }
  c->form = COND_FLOAT;
  c->sz = ins->op >= OP_f32_eq && ins->op <= OP_f32_ge ? 4 : 8;
  c->a = swap ? ins->b : ins->a, c->b = swap ? ins->a : ins->b;
  return true;
}
static Cond negated(Cond c)
{
  c.cc ^= 1;
  c.parity = c.parity ? 3 - c.parity : 0;
  return c;
}
// May the comparison v be made again where its result is wanted, instead of keeping the result?
static bool can_fuse_compare(const Ra *ra, Ref v)
{
  if (!is_dead(ra, v))
    return false;
  const ZirFunc *z = ra->z;
  uint32_t db = zw_zir_block(z, v);
  return db == ra->b || (zw_zir_used_once(z, v) && z->blocks[db].depth >= z->blocks[ra->b].depth);
}
static Cond cond_from(Ra *ra, const ZIns *ins);
// What to test for "v is not zero".
static Cond cond_of(Ra *ra, Ref v)
{
  Cond c = { .form = COND_BOOL, .cc = CC_NE, .sz = 4, .a = v };
  if (!zw_ref_is_value(v) || !can_fuse_compare(ra, v))
    return c;
  Cond f = cond_from(ra, &ra->z->ins[v]);
  if (f.form == COND_BOOL && f.a == REF_NONE)
    return c;
  f.shared |= zw_zir_used_often(ra->z, v);
  return f;
}
static Cond test_zero(Ra *ra, Ref a, unsigned sz, unsigned cc)
{
  Cond c = { .form = COND_BOOL, .cc = (uint8_t)cc, .sz = (uint8_t)sz, .a = a };
  if (zw_ref_is_value(a)) {
    const ZIns *x = &ra->z->ins[a];
    if (x->op == (sz == 4 ? OP_i32_and : OP_i64_and) && is_private(ra, a))
      return (Cond){ .form = COND_TEST, .cc = (uint8_t)cc, .sz = (uint8_t)sz, .a = x->a, .b = x->b };
  }
  return c;
}
static Cond cond_from(Ra *ra, const ZIns *ins)
{
  Cond c = { .form = COND_BOOL, .a = REF_NONE };
  if (int_compare[ins->op]) {
    unsigned cc = int_compare[ins->op] & 15, sz = int_compare[ins->op] >> 4;
    uint64_t k;
    if (const_of(ra, ins->b, &k) && k == 0 && cc != CC_B && cc != CC_AE && cc != CC_A && cc != CC_BE)
      return test_zero(ra, ins->a, sz, cc == CC_L ? CC_S : cc == CC_GE ? CC_NS : cc);
    return (Cond){ .form = COND_CMP, .cc = (uint8_t)cc, .sz = (uint8_t)sz, .a = ins->a, .b = ins->b };
  }
  if (ins->op == OP_i32_eqz) {
    if (zw_ref_is_value(ins->a) && can_fuse_compare(ra, ins->a)) {
      Cond inner = cond_from(ra, &ra->z->ins[ins->a]);
      if (inner.form != COND_BOOL || inner.a != REF_NONE) {
        inner.shared |= zw_zir_used_often(ra->z, ins->a);
        return negated(inner);
      }
    }
    return test_zero(ra, ins->a, 4, CC_E);
  }
  if (ins->op == OP_i64_eqz)
    return test_zero(ra, ins->a, 8, CC_E);
  if (ins->op == OP_i32_and) // of a condition: not zero
    return is_private(ra, (Ref)(ins - ra->z->ins)) ? (Cond){ .form = COND_TEST, .cc = CC_NE, .sz = 4, .a = ins->a, .b = ins->b } : c;
  float_compare(&c, ins);
  return c;
}
static bool fuse_cond_load(Ra *ra, const Cond *c, Opnd *o) { return !c->shared && fuse_load(ra, c->a, c->sz, o); }
// Emit what sets the flags for c.  Its operands may not be in `locked` registers.
static void emit_cond(Ra *ra, Cond *c)
{
  int32_t imm;
  Opnd o;
  if (!c->shared && c->form != COND_FLOAT)
    c->a = narrow(ra, c->a, c->sz), c->b = narrow(ra, c->b, c->sz);
  if (c->form == COND_FLOAT) {
    Reg a = use(ra, c->a, RA_FPR, REG_NONE);
    o = c->shared ? in_reg(use(ra, c->b, RA_FPR, REG_NONE), c->b) : use_rm(ra, c->b, RA_FPR, REG_NONE, c->sz);
    bool f4 = c->sz == 4;
    emit_rm(ra, f4 ? X_ucomiss_rr : X_ucomisd_rr, f4 ? X_ucomiss_rm : X_ucomisd_rm, c->sz, a, &o, REF_NONE, c->a);
    return;
  }
  if (c->form == COND_BOOL) {
    if (fuse_cond_load(ra, c, &o)) {
      emit_mi(ra, X_cmp_mi, c->sz, &o, 0);
      return;
    }
    if (prefer_slot(ra, c->a, RA_GPR)) {
      o = at_place(use_slot(ra, c->a), c->a);
      emit_mi(ra, X_cmp_mi, c->sz, &o, 0);
      return;
    }
    Reg a = use(ra, c->a, RA_GPR, REG_NONE);
    emit_rr(ra, X_test_rr, c->sz, a, a);
    note(ra, REF_NONE, c->a, c->a, REF_NONE, REF_NONE);
    return;
  }
  unsigned rr = c->form == COND_CMP ? X_cmp_rr : X_test_rr;
  if (imm_of(ra, c->b, c->sz == 8, &imm)) {
    if (fuse_cond_load(ra, c, &o) || (prefer_slot(ra, c->a, RA_GPR) && (o = at_place(use_slot(ra, c->a), c->a), true))) {
      emit_mi(ra, rr + 4, c->sz, &o, imm);
      return;
    }
    Reg a = use(ra, c->a, RA_GPR, REG_NONE);
    emit_ri(ra, rr + 1, c->sz, a, imm);
    note(ra, REF_NONE, c->a, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  if (fuse_cond_load(ra, c, &o)) {
    Reg b = use(ra, c->b, RA_GPR, REG_NONE);
    emit_mem(ra, rr + 3, c->sz, &o, b, c->b);
    return;
  }
  Reg a = use(ra, c->a, RA_GPR, REG_NONE);
  o = c->shared ? in_reg(use(ra, c->b, RA_GPR, REG_NONE), c->b) : use_rm(ra, c->b, RA_GPR, REG_NONE, c->sz);
  emit_rm(ra, rr, rr + 2, c->sz, a, &o, REF_NONE, c->a);
}
static void sel_compare(Ra *ra, const ZIns *ins, Ref v)
{
  Cond c = cond_from(ra, ins);
  Reg d = def(ra, v, RA_GPR);
  ra->lock |= BIT(d); // zeroed before the operands are read
  if (c.parity) {
    Reg t = temp(ra, RA_GPR);
    Lir *l = emit_rr(ra, c.parity == 1 ? X_and_rr : X_or_rr, 4, d, t);
    note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    l = lir(ra, X_setcc_r), l->rd = (uint8_t)t, l->cc = c.parity == 1 ? CC_NP : CC_P, l->sz = 1;
    l = lir(ra, X_setcc_r), l->rd = (uint8_t)d, l->cc = c.cc, l->sz = 1;
    emit_cond(ra, &c);
    l = lir(ra, X_zero_r), l->rd = (uint8_t)t, l->sz = 4;
  } else {
    Lir *l = lir(ra, X_setcc_r);
    l->rd = (uint8_t)d, l->cc = c.cc, l->sz = 1;
    note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    emit_cond(ra, &c);
  }
  Lir *l = lir(ra, X_zero_r);
  l->rd = (uint8_t)d, l->sz = 4;
}
static void sel_sel_int(Ra *ra, const ZIns *ins, Ref v)
{
  Cond c = cond_of(ra, ins->c);
  unsigned sz = ins->ty == VK_I32 ? 4 : 8;
  Ref yes = ins->a, no = ins->b;
  Reg d = def(ra, v, RA_GPR);
  if (c.parity == 1) // (E and not P) ? yes : no  ==  (NE or P) ? no : yes
    c = negated(c), swap_refs(&yes, &no);
  else if (!c.parity && (!zw_ref_is_value(yes) || (zw_ref_is_value(no) && val_of(ra, no)->loc != REG_NONE && val_of(ra, yes)->loc == REG_NONE)) &&
           zw_ref_is_value(no))
    c = negated(c), swap_refs(&yes, &no);
  // d = no; if c, d = yes
  left_into(ra, no, d);
  Opnd o = use_rm(ra, yes, RA_GPR, REG_NONE, sz);
  if (c.parity) {
    Lir *l = emit_rm(ra, X_cmov_rr, X_cmov_rm, sz, d, &o, v, REF_NONE);
    if (opnd_is_reg(&o))
      l->cc = CC_P;
    else
      l->ra = CC_P;
  }
  Lir *l = emit_rm(ra, X_cmov_rr, X_cmov_rm, sz, d, &o, v, no);
  if (opnd_is_reg(&o))
    l->cc = c.cc;
  else
    l->ra = c.cc;
  emit_cond(ra, &c);
}
// Vectors and floats have no conditional move: jump over one.
static void sel_sel_float(Ra *ra, const ZIns *ins, Ref v)
{
  Cond c = cond_of(ra, ins->c);
  Ref yes = ins->a, no = ins->b;
  Reg d = def(ra, v, RA_FPR);
  if (c.parity == 1)
    c = negated(c), swap_refs(&yes, &no);
  // d = yes; jump if c; d = no
  left_into(ra, yes, d);
  Reg r = use(ra, no, RA_FPR, REG_NONE);
  uint32_t done = split_block(ra);
  resume_block(ra);
  emit_move(ra, d, r, (ValKind)ins->ty);
  note(ra, v, REF_NONE, no, REF_NONE, REF_NONE);
  jump_cc(ra, c.cc, done);
  note_fix(ra, d, v, LF_DEF);
  if (c.parity) {
    jump_cc(ra, CC_P, done);
    note_fix(ra, d, yes, LF_USE);
    note_fix(ra, d, v, LF_DEF);
  } else {
    note_fix(ra, d, yes, LF_USE);
  }
  emit_cond(ra, &c);
}
static void sel_sel(Ra *ra, const ZIns *ins, Ref v)
{
  if (ins->a == ins->b)
    sel_copy(ra, ins, v);
  else if (class_of((ValKind)ins->ty) == RA_GPR)
    sel_sel_int(ra, ins, v);
  else
    sel_sel_float(ra, ins, v);
}
