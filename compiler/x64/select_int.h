// Integer arithmetic.  Part of select_all.h.
#pragma once

// ---- integers ----
static RegSet only(Reg r) { return BIT(r); }
// The left operand into d, the register that the instruction reads and writes.
static void left_into(Ra *ra, Ref v, Reg d)
{
  Reg r = use(ra, v, d < XMM0 ? RA_GPR : RA_FPR, d);
  ra->lock |= BIT(d);
  if (r != d)
    bring(ra, d, v, r);
}
// For an instruction that need not read its destination d: the register that v would rather be in, where its definition
// or a parameter puts it, else d.
static Reg near(const Ra *ra, Ref v, Reg d)
{
  if (!zw_ref_is_value(v) || val_of(ra, v)->loc != REG_NONE || val_of(ra, v)->hint == REG_NONE)
    return d;
  Reg h = val_of(ra, v)->hint;
  return has(ra->file & ~ra->busy & ~ra->lock, h) && (has(RA_CALLEE, h) || !crosses_call(ra, v)) ? h : d;
}
static void swap_refs(Ref *a, Ref *b)
{
  Ref t = *a;
  *a = *b, *b = t;
}
// Would b be the better left operand: dying here while a lives on?
static bool better_left(const Ra *ra, Ref a, Ref b, Reg d)
{
  if (is_remat(ra, b) || val_of(ra, b)->loc != REG_NONE)
    return false;
  if (zw_ref_is_value(a) && val_of(ra, a)->loc == REG_NONE)
    return val_of(ra, b)->hint == d && (val_of(ra, a)->hint != d || crosses_call(ra, a));
  return true;
}
enum { COMM = 1, LEA_ADD = 2, LEA_SUB = 4 };
static void sel_alu(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz, unsigned how)
{
  Ref a = narrow(ra, ins->a, sz), b = narrow(ra, ins->b, sz);
  Reg d = def(ra, v, RA_GPR);
  if (!zw_ref_is_value(a) && (how & COMM))
    swap_refs(&a, &b);
  else if ((how & COMM) && better_left(ra, a, b, d))
    swap_refs(&a, &b);
  int32_t imm;
  bool has_imm = imm_of(ra, b, sz == 8, &imm), sub = how & LEA_SUB;
  if (zw_ref_is_value(a) && (how & (LEA_ADD | LEA_SUB)) && has_imm && !(sub && imm == INT32_MIN)) {
    Reg r = use(ra, a, RA_GPR, near(ra, a, d));
    if (r != d) { // a lives elsewhere: lea d, [a + b]
      Lir *l = lir(ra, X_lea);
      l->rd = (uint8_t)d, l->rn = (uint8_t)r, l->disp = sub ? -imm : imm, l->sz = (uint8_t)sz;
      note(ra, v, REF_NONE, a, REF_NONE, REF_NONE);
      return;
    }
    emit_ri(ra, op + 1, sz, d, imm);
    note(ra, v, a, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  if ((how & LEA_ADD) && zw_ref_is_value(a) && zw_ref_is_value(b) && val_of(ra, a)->loc != REG_NONE && val_of(ra, b)->loc != REG_NONE) {
    Reg r = use(ra, a, RA_GPR, REG_NONE), q = use(ra, b, RA_GPR, REG_NONE);
    Lir *l = lir(ra, X_lea);
    l->rd = (uint8_t)d, l->rn = (uint8_t)r, l->rm = (uint8_t)q, l->sz = (uint8_t)sz;
    note(ra, v, REF_NONE, a, b, REF_NONE);
    return;
  }
  left_into(ra, a, d);
  if (has_imm) {
    emit_ri(ra, op + 1, sz, d, imm);
    note(ra, v, a, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  Opnd o = use_rm(ra, b, RA_GPR, REG_NONE, sz);
  emit_rm(ra, op, op + 2, sz, d, &o, v, a);
}
static void sel_add(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz, unsigned how)
{
  // x + (y << k) as one lea; the 32-bit destination makes the wrap exact
  for (int k = 0; k < 2 && (how & LEA_ADD); k++) {
    Ref s = k ? ins->a : ins->b, x = k ? ins->b : ins->a;
    uint64_t c;
    if (!zw_ref_is_value(s) || (ra->z->ins[s].op != OP_i32_shl && ra->z->ins[s].op != OP_i64_shl) || !is_private(ra, s))
      continue;
    const ZIns *sh = &ra->z->ins[s];
    if (!const_of(ra, sh->b, &c) || (c &= sz * 8 - 1) > 3 || !zw_ref_is_value(sh->a))
      continue;
    Reg d = def(ra, v, RA_GPR);
    Lir base = { .rn = REG_NONE };
    int32_t imm = 0;
    if (!imm_of(ra, x, sz == 8, &imm))
      base.rn = (uint8_t)use(ra, x, RA_GPR, near(ra, x, d));
    Reg r = use(ra, sh->a, RA_GPR, base.rn == d ? REG_NONE : d);
    Lir *l = lir(ra, X_lea);
    l->rd = (uint8_t)d, l->rn = base.rn, l->rm = (uint8_t)r, l->cc = (uint8_t)c, l->disp = imm, l->sz = (uint8_t)sz;
    note(ra, v, REF_NONE, base.rn == REG_NONE ? REF_NONE : x, sh->a, REF_NONE);
    return;
  }
  sel_alu(ra, ins, v, op, sz, how);
}
// Is v the complement (private to the current instruction) of some value?
static bool complement_of(const Ra *ra, Ref v, unsigned sz, Ref *of)
{
  uint64_t c;
  if (!zw_ref_is_value(v) || ra->z->ins[v].op != (sz == 4 ? OP_i32_xor : OP_i64_xor) || !const_of(ra, ra->z->ins[v].b, &c) ||
      c != (sz == 4 ? UINT32_MAX : UINT64_MAX) || !is_private(ra, v))
    return false;
  *of = ra->z->ins[v].a;
  return zw_ref_is_value(*of);
}
// x & ~y in one instruction, and the masks that are moves.
static void sel_and(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  uint64_t c;
  if (const_of(ra, ins->b, &c) && zw_ref_is_value(ins->a) && (c == 0xff || c == 0xffff || (c == UINT32_MAX && sz == 8))) {
    Reg d = def(ra, v, RA_GPR);
    Ref a = narrow(ra, ins->a, sz);
    Reg r = use(ra, a, RA_GPR, near(ra, a, d));
    emit_rr(ra, c == 0xff ? X_movzx8_rr : c == 0xffff ? X_movzx16_rr : X_mov_rr, 4, d, r);
    note(ra, v, REF_NONE, a, REF_NONE, REF_NONE);
    return;
  }
  for (int k = 0; k < 2 && ra->t->bmi1; k++) {
    Ref x = k ? ins->b : ins->a, y;
    if (!complement_of(ra, k ? ins->a : ins->b, sz, &y))
      continue;
    Reg d = def(ra, v, RA_GPR);
    Reg r = use(ra, y, RA_GPR, near(ra, y, d));
    Opnd o = use_rm(ra, x, RA_GPR, d, sz);
    Lir *l = emit_rm(ra, X_andn_rrr, X_andn_rrm, sz, d, &o, v, REF_NONE);
    l->ra = (uint8_t)r;
    if (opnd_is_reg(&o))
      note(ra, v, REF_NONE, o.val, REF_NONE, y);
    else
      note(ra, v, REF_NONE, o.vrn, o.vrm, y);
    return;
  }
  sel_alu(ra, ins, v, X_and_rr, sz, COMM);
}
static void sel_xor(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  uint64_t c;
  if (!const_of(ra, ins->b, &c) || c != (sz == 4 ? UINT32_MAX : UINT64_MAX)) {
    sel_alu(ra, ins, v, X_xor_rr, sz, COMM);
    return;
  }
  Reg d = def(ra, v, RA_GPR);
  left_into(ra, ins->a, d);
  emit_rr(ra, X_not_r, sz, d, REG_NONE);
  note(ra, v, ins->a, REF_NONE, REF_NONE, REF_NONE);
}
static void sel_mul(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  Reg d = def(ra, v, RA_GPR);
  Ref a = narrow(ra, ins->a, sz), b = narrow(ra, ins->b, sz);
  if (!zw_ref_is_value(a))
    swap_refs(&a, &b);
  int32_t imm;
  if (imm_of(ra, b, sz == 8, &imm)) {
    Opnd o = use_rm(ra, a, RA_GPR, near(ra, a, d), sz);
    emit_rmi(ra, X_imul_rri, X_imul_rmi, sz, d, &o, imm, v, REF_NONE);
    return;
  }
  if (better_left(ra, a, b, d))
    swap_refs(&a, &b);
  left_into(ra, a, d);
  Opnd o = use_rm(ra, b, RA_GPR, REG_NONE, sz);
  emit_rm(ra, X_imul_rr, X_imul_rm, sz, d, &o, v, a);
}
// A mid-block label: what has been emitted so far begins there.  Stubs may be made before resume_block.
static uint32_t split_block(Ra *ra)
{
  uint32_t label = LABEL_STUB | ra->nstubs++;
  ra->chunks.p[ra->chunks.n - 1].label = label;
  ra->split = true;
  end_chunk(ra);
  return label;
}
static void resume_block(Ra *ra) { begin_chunk(ra, ra->b); }
static void jump_to(Ra *ra, uint32_t label) { lir(ra, X_jmp)->x = label; }
static void jump_cc(Ra *ra, unsigned cc, uint32_t label)
{
  Lir *l = lir(ra, X_jcc);
  l->cc = (uint8_t)cc, l->x = label;
}
static void trap_cc(Ra *ra, unsigned cc, TrapKind kind, uint32_t at)
{
  Lir *l = lir(ra, X_trapcc);
  l->cc = (uint8_t)cc, l->x = kind, l->at = at;
}
static void trap_now(Ra *ra, TrapKind kind, uint32_t at)
{
  Lir *l = lir(ra, X_trap);
  l->x = kind, l->at = at;
}
static void sel_div(Ra *ra, const ZIns *ins, Ref v, unsigned sz, bool is_signed, bool rem)
{
  uint64_t c = 0;
  bool known = const_of(ra, ins->b, &c);
  int64_t sc = sz == 8 ? (int64_t)c : (int32_t)c;
  bool check0 = !known || c == 0, check1 = is_signed && (!known || sc == -1);
  uint32_t at = at_of(ra, v);
  def(ra, v, only(rem ? RDX : RAX));
  if (rem) {
    take_reg(ra, RAX);
    ra->lock |= BIT(RDX);
  } else {
    take_reg(ra, RDX);
  }
  use_at(ra, ins->a, RAX);
  ra->lock |= BIT(RAX) | BIT(RDX);
  Reg b = use(ra, ins->b, RA_GPR & ~(BIT(RAX) | BIT(RDX)), REG_NONE);
  uint32_t done = 0, minus1 = 0;
  if (check1) {
    done = split_block(ra);
    minus1 = begin_stub(ra, true);
    jump_to(ra, done);
    if (rem) {
      Lir *z = lir(ra, X_zero_r);
      z->rd = RDX, z->sz = 4;
      note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    } else {
      trap_cc(ra, CC_O, TRAP_int_overflow, at);
      Lir *n = lir(ra, X_neg_r);
      n->rd = RAX, n->sz = (uint8_t)sz;
      note(ra, v, ins->a, REF_NONE, REF_NONE, REF_NONE);
    }
    end_chunk(ra);
    resume_block(ra);
  }
  Lir *l = lir(ra, is_signed ? X_idiv_r : X_div_r);
  l->rd = (uint8_t)b, l->sz = (uint8_t)sz;
  note(ra, REF_NONE, ins->b, REF_NONE, REF_NONE, REF_NONE);
  note_fix(ra, RAX, ins->a, LF_USE);
  note_fix(ra, rem ? RDX : RAX, v, LF_DEF);
  if (is_signed) {
    lir(ra, X_cdq)->sz = (uint8_t)sz;
  } else {
    Lir *z = lir(ra, X_zero_r);
    z->rd = RDX, z->sz = 4;
  }
  if (check1) {
    jump_cc(ra, CC_E, minus1);
    emit_ri(ra, X_cmp_ri, sz, b, -1);
  }
  if (check0) {
    trap_cc(ra, CC_E, TRAP_div_zero, at);
    emit_rr(ra, X_test_rr, sz, b, b);
  }
}
static void sel_shift(Ra *ra, const ZIns *ins, Ref v, unsigned op_cl, unsigned op_x, unsigned sz)
{
  uint64_t c;
  if (const_of(ra, ins->b, &c)) {
    c &= sz * 8 - 1;
    Reg d = def(ra, v, RA_GPR);
    if (ra->t->bmi2 && (op_cl == X_rol_cl || op_cl == X_ror_cl) && zw_ref_is_value(ins->a) && val_of(ra, ins->a)->loc != REG_NONE) {
      Opnd o = use_rm(ra, ins->a, RA_GPR, near(ra, ins->a, d), sz);
      c = op_cl == X_rol_cl ? (sz * 8 - c) & (sz * 8 - 1) : c;
      emit_rmi(ra, X_rorx_rri, X_rorx_rmi, sz, d, &o, (int32_t)c, v, REF_NONE);
      return;
    }
    if (op_cl == X_shl_cl && c <= 3 && c > 0 && zw_ref_is_value(ins->a) && val_of(ra, ins->a)->loc != REG_NONE) {
      Reg r = use(ra, ins->a, RA_GPR, REG_NONE);
      Lir *l = lir(ra, X_lea);
      l->rd = (uint8_t)d, l->sz = (uint8_t)sz;
      if (c == 1)
        l->rn = l->rm = (uint8_t)r;
      else
        l->rm = (uint8_t)r, l->cc = (uint8_t)c;
      note(ra, v, REF_NONE, c == 1 ? ins->a : REF_NONE, ins->a, REF_NONE);
      return;
    }
    left_into(ra, ins->a, d);
    emit_ri(ra, op_cl + 1, sz, d, (int32_t)c);
    note(ra, v, ins->a, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  if (op_x && ra->t->bmi2) {
    Reg d = def(ra, v, RA_GPR);
    Reg n = use(ra, ins->b, RA_GPR, REG_NONE);
    Opnd o = use_rm(ra, ins->a, RA_GPR, near(ra, ins->a, d), sz);
    Lir *l = emit_rm(ra, op_x, op_x + 1, sz, d, &o, v, REF_NONE);
    l->ra = (uint8_t)n;
    if (opnd_is_reg(&o))
      note(ra, v, REF_NONE, o.val, REF_NONE, ins->b);
    else
      note(ra, v, REF_NONE, o.vrn, o.vrm, ins->b);
    return;
  }
  Reg d = def(ra, v, RA_GPR & ~BIT(RCX));
  ra->lock |= BIT(d); // until the count has its register
  use_at(ra, ins->b, RCX);
  ra->lock &= ~BIT(d);
  left_into(ra, ins->a, d);
  Lir *l = lir(ra, op_cl);
  l->rd = (uint8_t)d, l->sz = (uint8_t)sz;
  note(ra, v, ins->a, REF_NONE, REF_NONE, REF_NONE);
  note_fix(ra, RCX, ins->b, LF_USE);
}
static void sel_mulh(Ra *ra, const ZIns *ins, Ref v, unsigned op)
{
  def(ra, v, only(RDX));
  ra->lock |= BIT(RDX);
  take_reg(ra, RAX);
  use_at(ra, ins->a, RAX);
  Opnd o = use_rm(ra, ins->b, RA_GPR & ~(BIT(RAX) | BIT(RDX)), REG_NONE, 8);
  Lir *l = lir(ra, opnd_is_reg(&o) ? op : op + 1);
  l->sz = 8;
  if (opnd_is_reg(&o)) {
    l->rd = o.reg;
    note(ra, REF_NONE, o.val, REF_NONE, REF_NONE, REF_NONE);
  } else {
    set_mem(l, &o);
    note(ra, REF_NONE, REF_NONE, o.vrn, o.vrm, REF_NONE);
  }
  note_fix(ra, RAX, ins->a, LF_USE);
  note_fix(ra, RDX, v, LF_DEF);
}
// One source, one result: rows op and op + 1 (memory operand of `bytes`).
static void sel_unary(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz, unsigned bytes)
{
  Reg d = def(ra, v, RA_GPR);
  Opnd o = use_rm(ra, ins->a, RA_GPR, near(ra, ins->a, d), bytes);
  emit_rm(ra, op, op + 1, sz, d, &o, v, REF_NONE);
}
// Sign extension of the low bits: the operand's memory holds them at the same address.
static void sel_extend(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz)
{
  Reg d = def(ra, v, RA_GPR);
  Reg r = use(ra, ins->a, RA_GPR, near(ra, ins->a, d));
  emit_rr(ra, op, sz, d, r);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
static void sel_bits(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned old, unsigned sz)
{
  bool lz = op == X_lzcnt_rr;
  if (lz ? ra->t->lzcnt : ra->t->bmi1) {
    sel_unary(ra, ins, v, op, sz, sz);
    return;
  }
  // bsr, bsf leave their destination undefined for 0
  Reg d = def(ra, v, RA_GPR);
  ra->lock |= BIT(d);
  Reg t = temp(ra, RA_GPR);
  Reg r = use(ra, ins->a, RA_GPR, REG_NONE);
  if (lz) {
    emit_ri(ra, X_xor_ri, sz, d, (int32_t)sz * 8 - 1);
    note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
  Lir *l = emit_rr(ra, X_cmov_rr, sz, d, t);
  l->cc = CC_E;
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  emit_rr(ra, old, sz, d, r);
  note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
  emit_ri(ra, X_mov_ri, 4, t, lz ? (int32_t)sz * 16 - 1 : (int32_t)sz * 8);
}
static void sel_copy(Ra *ra, const ZIns *ins, Ref v)
{
  ValKind kind = (ValKind)ins->ty;
  Reg d = def(ra, v, class_of(kind));
  Reg r = use(ra, ins->a, class_of(kind), d);
  if (r != d)
    emit_move(ra, d, r, kind);
  else
    note_alias(ra, d, v, ins->a);
  if (r != d)
    note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
// i32 values are zero-extended already; the wrap has to make it so.
static void sel_zext(Ra *ra, const ZIns *ins, Ref v)
{
  Reg d = def(ra, v, RA_GPR);
  Reg r = use(ra, ins->a, RA_GPR, d);
  if (r == d) {
    note_alias(ra, d, v, ins->a);
    return;
  }
  emit_rr(ra, X_mov_rr, 4, d, r);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
static void sel_wrap(Ra *ra, const ZIns *ins, Ref v)
{
  if (is_word(ra, ins->a)) {
    sel_zext(ra, ins, v);
    return;
  }
  Reg d = def(ra, v, RA_GPR);
  Opnd o = use_rm(ra, ins->a, RA_GPR, near(ra, ins->a, d), 4);
  emit_rm(ra, X_mov_rr, X_mov_rm, 4, d, &o, v, REF_NONE);
}
