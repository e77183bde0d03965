// Scalar floats and conversions.  Part of select_all.h.
#pragma once

// ---- floats ----
// Rows in the order legacy rr, rm, VEX rrr, rrm.
static void sel_fbin(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes, unsigned how)
{
  Ref a = ins->a, b = ins->b;
  Reg d = def(ra, v, RA_FPR);
  if (ra->t->avx) {
    if (!zw_ref_is_value(a) && (how & COMM))
      swap_refs(&a, &b);
    Reg r = use(ra, a, RA_FPR, near(ra, a, d));
    Opnd o = use_rm(ra, b, RA_FPR, d, bytes);
    Lir *l = emit_rm(ra, op + 2, op + 3, bytes, d, &o, v, REF_NONE);
    l->ra = (uint8_t)r;
    if (opnd_is_reg(&o))
      note(ra, v, REF_NONE, b, REF_NONE, a);
    else
      note(ra, v, REF_NONE, o.vrn, o.vrm, a);
    return;
  }
  if ((how & COMM) && (!zw_ref_is_value(a) || better_left(ra, a, b, d)))
    swap_refs(&a, &b);
  left_into(ra, a, d);
  Opnd o = use_rm(ra, b, RA_FPR, REG_NONE, bytes);
  emit_rm(ra, op, op + 1, bytes, d, &o, v, a);
}
// One source; rows rr, rm, then VEX rrr, rrm that take the rest of the register from a second source (sqrt, cvt).
static void sel_fmerge(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes)
{
  Reg d = def(ra, v, RA_FPR);
  Reg r = use(ra, ins->a, RA_FPR, near(ra, ins->a, d));
  Lir *l;
  if (ra->t->avx) {
    l = lir(ra, op + 2);
    l->rd = (uint8_t)d, l->ra = l->rn = (uint8_t)r, l->sz = (uint8_t)bytes;
    note(ra, v, REF_NONE, ins->a, REF_NONE, ins->a);
    return;
  }
  l = emit_rr(ra, op, bytes, d, r);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
  if (r != d) // no dependence on what d held
    emit_rr(ra, X_xorps_zero, 16, d, REG_NONE);
}
static void sel_round(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes, int32_t mode)
{
  Reg d = def(ra, v, RA_FPR);
  Reg r = use(ra, ins->a, RA_FPR, near(ra, ins->a, d));
  Lir *l;
  if (ra->t->avx) {
    l = lir(ra, op + 2);
    l->rd = (uint8_t)d, l->ra = l->rn = (uint8_t)r, l->sz = (uint8_t)bytes, l->imm = mode;
    note(ra, v, REF_NONE, ins->a, REF_NONE, ins->a);
    return;
  }
  l = emit_rr(ra, op, bytes, d, r);
  l->imm = mode;
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
  if (r != d)
    emit_rr(ra, X_xorps_zero, 16, d, REG_NONE);
}
// d = a op mask, for abs, neg; the mask is in the pool.
static void mask_op(Ra *ra, unsigned op, Reg d, Reg a, uint64_t lo, uint64_t hi, Ref def_v, Ref va)
{
  Opnd m = at_mask(ra, lo, hi);
  if (ra->t->avx) {
    Lir *l = emit_rm(ra, 0, op + 3, 16, d, &m, def_v, REF_NONE);
    l->ra = (uint8_t)a;
    note(ra, def_v, REF_NONE, REF_NONE, REF_NONE, va);
    return;
  }
  emit_rm(ra, 0, op + 1, 16, d, &m, def_v, va);
  if (d != a)
    emit_move(ra, d, a, VK_V128);
}
static uint64_t sign_mask(unsigned bytes) { return bytes == 4 ? 0x80000000u : 1ull << 63; }
static void sel_fmask(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes)
{
  Reg d = def(ra, v, RA_FPR);
  Reg r = use(ra, ins->a, RA_FPR, d);
  uint64_t m = sign_mask(bytes);
  if (op == X_andps_rr)
    m = bytes == 4 ? 0x7fffffffu : ~m;
  mask_op(ra, op, d, r, m, 0, v, ins->a);
}
static void sel_copysign(Ra *ra, const ZIns *ins, Ref v, unsigned bytes)
{
  uint64_t m = sign_mask(bytes), rest = bytes == 4 ? 0x7fffffffu : ~m;
  Reg d = def(ra, v, RA_FPR);
  ra->lock |= BIT(d);
  Reg b = use(ra, ins->b, RA_FPR, REG_NONE);
  ra->lock &= ~BIT(d);
  Reg a = use(ra, ins->a, RA_FPR, d == b ? REG_NONE : d);
  emit_rr(ra, X_orps_rr, 16, d, X64_SCRATCH);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  mask_op(ra, X_andps_rr, d, a, rest, 0, REF_NONE, ins->a);
  mask_op(ra, X_andps_rr, X64_SCRATCH, b, m, 0, REF_NONE, ins->b);
}
// The hardware gives the second operand for equal zeros and for NaN: both set ZF, and leave through a stub.
static void sel_minmax(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes)
{
  bool f4 = bytes == 4, max = op == X_maxss_rr || op == X_maxsd_rr;
  Reg d = def(ra, v, RA_FPR);
  left_into(ra, ins->a, d);
  Reg b = use(ra, ins->b, RA_FPR, REG_NONE);
  uint32_t done = split_block(ra);
  uint32_t nan = begin_stub(ra, true);
  jump_to(ra, done);
  emit_rr(ra, f4 ? X_addss_rr : X_addsd_rr, bytes, d, b);
  note(ra, v, ins->a, ins->b, REF_NONE, REF_NONE);
  end_chunk(ra);
  uint32_t equal = begin_stub(ra, true);
  jump_to(ra, done);
  emit_rr(ra, max ? X_andps_rr : X_orps_rr, 16, d, b);
  note(ra, v, ins->a, ins->b, REF_NONE, REF_NONE);
  jump_cc(ra, CC_P, nan);
  end_chunk(ra);
  resume_block(ra);
  emit_rr(ra, op, bytes, d, b);
  note(ra, v, ins->a, ins->b, REF_NONE, REF_NONE);
  jump_cc(ra, CC_E, equal);
  emit_rr(ra, f4 ? X_ucomiss_rr : X_ucomisd_rr, bytes, d, b);
  note(ra, REF_NONE, ins->a, ins->b, REF_NONE, REF_NONE);
}
// ---- conversions ----
static void sel_convert(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz)
{
  Reg d = def(ra, v, RA_FPR);
  bool wide = kind_of(ra, ins->a) == VK_I32 && sz == 8; // unsigned: the register is zero-extended, memory is not
  Opnd o = wide ? in_reg(use(ra, ins->a, RA_GPR, REG_NONE), ins->a) : use_rm(ra, ins->a, RA_GPR, REG_NONE, sz);
  unsigned row = ra->t->avx ? op + 2 : op;
  Lir *l = emit_rm(ra, row, row + 1, sz, d, &o, v, REF_NONE);
  if (ra->t->avx)
    l->ra = (uint8_t)d;
  emit_rr(ra, X_xorps_zero, 16, d, REG_NONE);
}
// u64: halve it when the sign bit is set, keeping the lowest bit for rounding, and double the result.
static void sel_convert_u64(Ra *ra, const ZIns *ins, Ref v, unsigned op)
{
  bool f4 = op == X_cvtsi2ss_rr;
  Reg d = def(ra, v, RA_FPR);
  Reg t = temp(ra, RA_GPR), t2 = temp(ra, RA_GPR);
  Reg r = use(ra, ins->a, RA_GPR, REG_NONE);
  uint32_t done = split_block(ra), big = begin_stub(ra, true);
  jump_to(ra, done);
  emit_rr(ra, f4 ? X_addss_rr : X_addsd_rr, f4 ? 4 : 8, d, d);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  emit_rr(ra, op, 8, d, t);
  emit_rr(ra, X_or_rr, 8, t, t2);
  emit_ri(ra, X_and_ri, 4, t2, 1);
  emit_rr(ra, X_mov_rr, 8, t2, r);
  note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
  emit_ri(ra, X_shr_ri, 8, t, 1);
  emit_rr(ra, X_mov_rr, 8, t, r);
  note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
  end_chunk(ra);
  resume_block(ra);
  emit_rr(ra, op, 8, d, r);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
  jump_cc(ra, CC_S, big);
  emit_rr(ra, X_test_rr, 8, r, r);
  note(ra, REF_NONE, ins->a, ins->a, REF_NONE, REF_NONE);
  emit_rr(ra, X_xorps_zero, 16, d, REG_NONE);
}
static void compare_const(Ra *ra, Reg x, Ref vx, unsigned bytes, uint64_t bits)
{
  Lir *l = lir(ra, bytes == 4 ? X_ucomiss_rm : X_ucomisd_rm);
  l->rd = (uint8_t)x, l->rn = REG_CONST, l->disp = add_const(ra, bytes == 4 ? VK_F32 : VK_F64, bits, 0);
  note(ra, REF_NONE, vx, REF_NONE, REF_NONE, REF_NONE);
}
static void compare_self(Ra *ra, Reg x, Ref vx, unsigned bytes)
{
  emit_rr(ra, bytes == 4 ? X_ucomiss_rr : X_ucomisd_rr, bytes, x, x);
  note(ra, REF_NONE, vx, vx, REF_NONE, REF_NONE);
}
static void set_int(Ra *ra, Reg d, uint64_t bits, Ref v)
{
  bool keep = ra->flags_live;
  ra->flags_live = true; // these run between a compare and its jumps
  load_imm(ra, d, bits, true);
  ra->flags_live = keep;
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
// float -> signed int of sz bytes.  The hardware gives INT_MIN for whatever does not fit: then a stub decides.
static void sel_trunc_s(Ra *ra, const ZIns *ins, Ref v, unsigned bytes, unsigned sz, bool sat)
{
  unsigned cvt = bytes == 4 ? X_cvttss2si_rr : X_cvttsd2si_rr;
  uint64_t min = sz == 4 ? 0x80000000u : 1ull << 63, max = min - 1;
  uint32_t at = at_of(ra, v);
  Reg d = def(ra, v, RA_GPR);
  Reg x = use(ra, ins->a, RA_FPR, REG_NONE);
  uint32_t done = split_block(ra), odd = begin_stub(ra, true);
  if (sat) { // NaN 0, negative INT_MIN (it is there), else INT_MAX
    jump_to(ra, done);
    set_int(ra, d, 0, v);
    jump_cc(ra, CC_NP, done);
    set_int(ra, d, min, v);
    jump_cc(ra, CC_A, done);
    set_int(ra, d, max, v);
    compare_const(ra, x, ins->a, bytes, 0);
  } else {
    // fits after all when -2^(n-1) - 1 < x < 0; in f32, and in f64 for 64 bits, only -2^(n-1) itself is left
    bool exact = bytes == 4 || sz == 8;
    uint64_t low = bytes == 4 ? (sz == 4 ? 0xcf000000u : 0xdf000000u) : sz == 4 ? 0xc1e0000000200000ull : 0xc3e0000000000000ull;
    trap_now(ra, TRAP_int_overflow, at);
    jump_cc(ra, CC_B, done);
    note_fix(ra, d, v, LF_DEF);
    compare_const(ra, x, ins->a, bytes, 0);
    trap_cc(ra, exact ? CC_B : CC_BE, TRAP_int_overflow, at);
    trap_cc(ra, CC_P, TRAP_bad_conversion, at);
    compare_const(ra, x, ins->a, bytes, low);
  }
  end_chunk(ra);
  resume_block(ra);
  jump_cc(ra, CC_O, odd);
  emit_ri(ra, X_cmp_ri, sz, d, 1);
  emit_rr(ra, cvt, sz, d, x);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
// float -> u32: exact in 64 bits.
static void sel_trunc_u32(Ra *ra, const ZIns *ins, Ref v, unsigned bytes, bool sat)
{
  unsigned cvt = bytes == 4 ? X_cvttss2si_rr : X_cvttsd2si_rr;
  uint32_t at = at_of(ra, v);
  Reg d = def(ra, v, RA_GPR);
  Reg t = temp(ra, RA_GPR);
  Reg x = use(ra, ins->a, RA_FPR, REG_NONE);
  uint32_t done = split_block(ra), odd = begin_stub(ra, true);
  if (sat) {
    jump_to(ra, done);
    set_int(ra, d, 0, v);
    jump_cc(ra, CC_A, done);
    set_int(ra, d, UINT32_MAX, v);
    compare_const(ra, x, ins->a, bytes, 0);
  } else {
    trap_now(ra, TRAP_int_overflow, at);
    trap_cc(ra, CC_P, TRAP_bad_conversion, at);
    compare_self(ra, x, ins->a, bytes);
  }
  end_chunk(ra);
  resume_block(ra);
  jump_cc(ra, CC_NE, odd);
  note_fix(ra, d, v, LF_DEF);
  emit_rr(ra, X_cmp_rr, 8, d, t);
  emit_rr(ra, X_mov_rr, 4, t, d);
  emit_rr(ra, cvt, 8, d, x);
  note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
// float -> u64: from 2^63 on, convert the rest and set the highest bit.
static void sel_trunc_u64(Ra *ra, const ZIns *ins, Ref v, unsigned bytes, bool sat)
{
  bool f4 = bytes == 4;
  unsigned cvt = f4 ? X_cvttss2si_rr : X_cvttsd2si_rr;
  uint32_t at = at_of(ra, v);
  Reg d = def(ra, v, RA_GPR);
  Reg x = use(ra, ins->a, RA_FPR, REG_NONE);
  uint32_t done = split_block(ra), odd2 = 0;
  if (sat) {
    odd2 = begin_stub(ra, true);
    jump_to(ra, done);
    set_int(ra, d, 0, v);
    jump_cc(ra, CC_A, done);
    set_int(ra, d, UINT64_MAX, v);
    compare_const(ra, x, ins->a, bytes, 0);
    end_chunk(ra);
  }
  uint32_t odd = begin_stub(ra, true);
  jump_to(ra, done);
  emit_ri(ra, X_btc_ri, 8, d, 63);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  if (sat)
    jump_cc(ra, CC_S, odd2);
  else
    trap_cc(ra, CC_S, TRAP_int_overflow, at);
  emit_rr(ra, X_test_rr, 8, d, d);
  emit_rr(ra, cvt, 8, d, X64_SCRATCH);
  Lir *l = lir(ra, f4 ? X_subss_rm : X_subsd_rm);
  l->rd = X64_SCRATCH, l->rn = REG_CONST, l->disp = add_const(ra, f4 ? VK_F32 : VK_F64, f4 ? 0x5f000000u : 0x43e0000000000000ull, 0);
  emit_move(ra, X64_SCRATCH, x, f4 ? VK_F32 : VK_F64);
  if (!sat) {
    trap_cc(ra, CC_P, TRAP_bad_conversion, at);
    compare_self(ra, x, ins->a, bytes);
  }
  end_chunk(ra);
  resume_block(ra);
  jump_cc(ra, CC_S, odd);
  note_fix(ra, d, v, LF_DEF);
  emit_rr(ra, X_test_rr, 8, d, d);
  emit_rr(ra, cvt, 8, d, x);
  note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
static void sel_bits_to_float(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  Reg d = def(ra, v, RA_FPR);
  Opnd o;
  if (fuse_load(ra, ins->a, sz, &o)) {
    emit_rm(ra, 0, sz == 4 ? X_movss_rm : X_movsd_rm, sz, d, &o, v, REF_NONE);
    return;
  }
  Reg r = use(ra, ins->a, RA_GPR, REG_NONE);
  emit_rr(ra, X_movd_xr, sz, d, r);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
static void sel_float_to_bits(Ra *ra, const ZIns *ins, Ref v, unsigned sz)
{
  Reg d = def(ra, v, RA_GPR);
  Opnd o;
  if (fuse_load(ra, ins->a, sz, &o)) {
    emit_rm(ra, 0, X_mov_rm, sz, d, &o, v, REF_NONE);
    return;
  }
  Reg r = use(ra, ins->a, RA_FPR, REG_NONE);
  emit_rr(ra, X_movd_rx, sz, d, r);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
