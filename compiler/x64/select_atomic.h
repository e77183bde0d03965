// Atomic accesses.  Part of select_all.h.  Plain loads and locked instructions are sequentially consistent on x86 when every
// store is an exchange.  The builder has checked the alignment.
#pragma once

static void sel_fence(Ra *ra, const ZIns *ins, Ref v)
{
  (void)ins, (void)v;
  lir(ra, X_mfence);
}
// The old value, of sz bytes, is zero-extended in d; 32-bit operations have done so themselves.
static void widen_old(Ra *ra, Reg d, unsigned sz, Ref v)
{
  if (sz >= 4)
    return;
  emit_rr(ra, sz == 1 ? X_movzx8_rr : X_movzx16_rr, 4, d, d);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
static Opnd atomic_addr(Ra *ra, const ZIns *ins, Ref addr, Ref v) { return mem_addr(ra, ins, addr, ins->c, at_of(ra, v)); }
// mem op d, where d is read (vd) and becomes the old value.
static void emit_old(Ra *ra, unsigned op, unsigned sz, const Opnd *m, Reg d, Ref vd, Ref v)
{
  widen_old(ra, d, sz, v);
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)d, l->sz = (uint8_t)sz;
  set_mem(l, m);
  note(ra, sz >= 4 ? v : REF_NONE, vd, m->vrn, m->vrm, REF_NONE);
}
static void sel_atomic_store(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  Reg t = temp(ra, RA_GPR), r = use(ra, ins->b, RA_GPR, REG_NONE);
  Opnd m = atomic_addr(ra, ins, ins->a, v);
  Lir *l = lir(ra, X_xchg_mr);
  l->rd = (uint8_t)t, l->sz = (uint8_t)sz;
  set_mem(l, &m);
  note(ra, REF_NONE, REF_NONE, m.vrn, m.vrm, REF_NONE);
  emit_rr(ra, X_mov_rr, 8, t, r);
  note(ra, REF_NONE, REF_NONE, ins->b, REF_NONE, REF_NONE);
}
// The result is not wanted: lock op [mem], value.  op: the _mr row; _mi follows.
static void locked(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz)
{
  int32_t imm;
  Ref b = stored_value(ra, ins->b, sz);
  if (imm_of(ra, b, sz == 8, &imm)) {
    Opnd m = atomic_addr(ra, ins, ins->a, v);
    emit_mi(ra, op + 1, sz, &m, sz == 1 ? (int8_t)imm : sz == 2 ? (int16_t)imm : imm);
    return;
  }
  Reg r = use(ra, b, RA_GPR, REG_NONE);
  Opnd m = atomic_addr(ra, ins, ins->a, v);
  emit_mem(ra, op, sz, &m, r, b);
}
static void sel_atomic_add(Ra *ra, const ZIns *ins, Ref v, unsigned sz, bool sub)
{
  if (is_dead(ra, v)) {
    locked(ra, ins, v, sub ? X_lock_sub_mr : X_lock_add_mr, sz);
    return;
  }
  Reg d = def(ra, v, RA_GPR);
  if (!sub) {
    left_into(ra, ins->b, d);
    Opnd m = atomic_addr(ra, ins, ins->a, v);
    emit_old(ra, X_lock_xadd_mr, sz, &m, d, ins->b, v);
    return;
  }
  ra->lock |= BIT(d); // negated before the address is read, which may be in the value's own register
  Reg r = use(ra, ins->b, RA_GPR, REG_NONE);
  Opnd m = atomic_addr(ra, ins, ins->a, v);
  emit_old(ra, X_lock_xadd_mr, sz, &m, d, REF_NONE, v);
  Lir *l = lir(ra, X_neg_r);
  l->rd = (uint8_t)d, l->sz = 8;
  note(ra, REF_NONE, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  emit_rr(ra, X_mov_rr, 8, d, r);
  note(ra, REF_NONE, REF_NONE, ins->b, REF_NONE, REF_NONE);
}
static void sel_atomic_xchg(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  if (is_dead(ra, v)) {
    sel_atomic_store(ra, ins, v, sz);
    return;
  }
  Reg d = def(ra, v, RA_GPR);
  left_into(ra, ins->b, d);
  Opnd m = atomic_addr(ra, ins, ins->a, v);
  emit_old(ra, X_xchg_mr, sz, &m, d, ins->b, v);
}
static Lir *load_old(Ra *ra, unsigned sz, const Opnd *m, Ref v)
{
  static const uint16_t ops[] = { [1] = X_movzx8_rm, [2] = X_movzx16_rm, [4] = X_mov_rm, [8] = X_mov_rm };
  Lir *l = lir(ra, ops[sz]);
  l->rd = RAX, l->sz = sz == 8 ? 8 : 4;
  set_mem(l, m);
  note(ra, v, REF_NONE, m->vrn, m->vrm, REF_NONE);
  return l;
}
// and, or, xor with the old value wanted: rax = [mem]; again: t = rax op value; lock cmpxchg [mem], t; jne again
static void sel_atomic_op(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned lock_op, unsigned sz)
{
  if (is_dead(ra, v)) {
    locked(ra, ins, v, lock_op, sz);
    return;
  }
  def(ra, v, only(RAX));
  ra->lock |= BIT(RAX);
  Reg t = temp(ra, RA_GPR & ~BIT(RAX)), r = use(ra, ins->b, RA_GPR & ~BIT(RAX), REG_NONE);
  Opnd m = atomic_addr(ra, ins, ins->a, v);
  uint32_t again = LABEL_STUB | ra->nstubs; // what split_block will say
  jump_cc(ra, CC_NE, again);
  note_fix(ra, RAX, v, LF_DEF);
  Lir *l = lir(ra, X_lock_cmpxchg_mr);
  l->rd = (uint8_t)t, l->sz = (uint8_t)sz;
  set_mem(l, &m);
  note(ra, REF_NONE, REF_NONE, m.vrn, m.vrm, REF_NONE);
  emit_rr(ra, op, 8, t, r);
  note(ra, REF_NONE, REF_NONE, ins->b, REF_NONE, REF_NONE);
  emit_rr(ra, X_mov_rr, 8, t, RAX);
  uint32_t label = split_block(ra);
  ASSERT(label == again);
  (void)label;
  resume_block(ra);
  load_old(ra, sz, &m, REF_NONE);
}
// xa: address, expected, replacement.  A narrow exchange compares the low bits of `expected` only, as every engine does;
// when it fails the machine writes the low part of rax, so the result is extended in any case.
static void sel_atomic_cmpxchg(Ra *ra, const ZIns *ins, Ref v, unsigned sz, unsigned full)
{
  const Ref *x = ra->z->xa + ins->a;
  def(ra, v, only(RAX));
  ra->lock |= BIT(RAX);
  Reg r = use(ra, x[2], RA_GPR & ~BIT(RAX), REG_NONE);
  Opnd m = atomic_addr(ra, ins, x[0], v);
  ra->lock &= ~BIT(RAX);
  use_at(ra, x[1], RAX);
  if (sz < full) {
    emit_rr(ra, sz == 1 ? X_movzx8_rr : sz == 2 ? X_movzx16_rr : X_mov_rr, 4, RAX, RAX);
    note(ra, v, REF_NONE, v, REF_NONE, REF_NONE);
  }
  Lir *l = lir(ra, X_lock_cmpxchg_mr);
  l->rd = (uint8_t)r, l->sz = (uint8_t)sz;
  set_mem(l, &m);
  note(ra, REF_NONE, x[2], m.vrn, m.vrm, REF_NONE);
  note_fix(ra, RAX, x[1], LF_USE);
  note_fix(ra, RAX, v, LF_DEF);
}
