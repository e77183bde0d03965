// Vector instructions of wasm: the sel_ functions of emit_simd.def.  Part of select_all.h (it uses its static functions).
//
// Most rows are one machine instruction and use the float patterns of select_float.h.  The rest are short sequences: they are
// written down in program order (Seq) and emitted backwards at the end, with the notes for the allocation checker worked
// out on the way.  Sequences of more than one instruction keep their inputs apart from the register they write.
// X64_SCRATCH is free between the moves that bring operands into place, so it is every sequence's first temporary.
#pragma once

enum { SEQ_MAX = 24 };
typedef struct Seq {
  Ra *ra;
  Lir ins[SEQ_MAX];
  unsigned n;
  Ref in[RA_NREG];     // what registers hold before the sequence
} Seq;

static Seq begin_seq(Ra *ra)
{
  Seq s = { .ra = ra };
  for (unsigned r = 0; r < RA_NREG; r++)
    s.in[r] = REF_NONE;
  return s;
}
static Lir *sq(Seq *s, unsigned op, unsigned sz, Reg rd, Reg rn)
{
  ASSERT(s->n < SEQ_MAX);
  Lir *l = &s->ins[s->n++];
  *l = (Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = (uint8_t)rn, .rm = REG_NONE };
  return l;
}
// Emit, last first; the last write of d is value v.
static void end_seq(Seq *s, Reg d, Ref v)
{
  Ref cur[RA_NREG];
  struct { Ref rd, rn, ra; } use_[SEQ_MAX];
  memcpy(cur, s->in, sizeof cur);
  for (unsigned k = 0; k < s->n; k++) {
    const Lir *l = &s->ins[k];
    const X64Row *row = &zw_x64_rows[l->op];
    bool reads = row->use & U_R, pseudo = row->form == X64_P;
    use_[k].rd = reads && !pseudo ? cur[l->rd] : REF_NONE;
    use_[k].rn = !pseudo && (row->form == X64_RR || row->form == X64_RX || row->form == X64_RRR || row->form == X64_VR) ? cur[l->rn] : REF_NONE;
    use_[k].ra = row->form == X64_RRR || row->form == X64_RRM ? cur[l->ra] : REF_NONE;
    if (row->use & U_W)
      cur[l->rd] = REF_NONE;
  }
  bool seen = false;
  for (unsigned k = s->n; k--;) {
    bool writes = s->ins[k].rd == d && (zw_x64_rows[s->ins[k].op].use & U_W);
    *lir(s->ra, s->ins[k].op) = s->ins[k];
    note(s->ra, writes && !seen ? v : REF_NONE, use_[k].rd, use_[k].rn, REF_NONE, use_[k].ra);
    seen |= writes;
  }
}
// Operand v of the sequence in a register of its own, d and what is locked excepted.
static Reg seq_use(Seq *s, Ref v, Reg d)
{
  Reg r = use(s->ra, v, d < XMM0 ? RA_FPR : RA_FPR & ~BIT(d), REG_NONE);
  s->in[r] = v;
  return r;
}
static Reg seq_use_gpr(Seq *s, Ref v)
{
  Reg r = use(s->ra, v, RA_GPR, REG_NONE);
  s->in[r] = v;
  return r;
}
// The result's register, kept from the operands.
static Reg seq_def(Ra *ra, Ref v, RegSet cls)
{
  Reg d = def(ra, v, cls);
  ra->lock |= BIT(d);
  return d;
}

static void sq_move(Seq *s, Reg d, Reg a)
{
  if (d != a)
    sq(s, X_movaps_rr, 16, d, a);
}
// d = a op b, op the first row of a BIN family.  Legacy: b must not be d unless a is.
static void sq3(Seq *s, unsigned op, Reg d, Reg a, Reg b)
{
  if (s->ra->t->avx) {
    sq(s, op + 2, 16, d, b)->ra = (uint8_t)a;
    return;
  }
  ASSERT(d != b || d == a);
  sq_move(s, d, a);
  sq(s, op, 16, d, b);
}
static void sq3i(Seq *s, unsigned op, Reg d, Reg a, Reg b, int32_t imm) // BINI
{
  sq3(s, op, d, a, b);
  s->ins[s->n - 1].imm = imm;
}
static void sq3m(Seq *s, unsigned op, Reg d, Reg a, uint64_t lo, uint64_t hi) // with a constant
{
  int32_t c = add_const(s->ra, VK_V128, lo, hi);
  if (!s->ra->t->avx)
    sq_move(s, d, a);
  Lir *l = sq(s, s->ra->t->avx ? op + 3 : op + 1, 16, d, REG_CONST);
  l->ra = (uint8_t)a, l->disp = c;
}
static void sq_load(Seq *s, Reg d, uint64_t lo, uint64_t hi)
{
  if ((lo | hi) == 0) {
    sq(s, X_xorps_zero, 16, d, REG_NONE);
    return;
  }
  if ((lo & hi) == UINT64_MAX) {
    sq(s, X_ones_x, 16, d, REG_NONE);
    return;
  }
  sq(s, X_movaps_rm, 16, d, REG_CONST)->disp = add_const(s->ra, VK_V128, lo, hi);
}
static void sq_shift(Seq *s, unsigned op_ri, Reg d, Reg a, int32_t n) // PSHI: op_ri, then the VEX row
{
  if (s->ra->t->avx) {
    sq(s, op_ri + 1, 16, d, a)->imm = n;
    return;
  }
  sq_move(s, d, a);
  sq(s, op_ri, 16, d, REG_NONE)->imm = n;
}
static void sq_i(Seq *s, unsigned op, unsigned sz, Reg d, Reg a, int32_t imm) { sq(s, op, sz, d, a)->imm = imm; } // UNI and others
static uint64_t rep8(uint8_t b) { return 0x0101010101010101ull * b; }
static uint64_t rep16(uint16_t b) { return 0x0001000100010001ull * b; }
static uint64_t rep32(uint32_t b) { return (uint64_t)b << 32 | b; }

// ---- one source ----

static void sel_vun(Ra *ra, const ZIns *ins, Ref v, unsigned op) // UN family
{
  Reg d = def(ra, v, RA_FPR);
  Opnd o = use_rm(ra, ins->a, RA_FPR, d, ra->t->avx ? zw_x64_rows[op].mw : 99);
  if (ra->t->avx && zw_x64_rows[op].mw == 16)
    emit_rm(ra, op + 2, op + 3, 16, d, &o, v, REF_NONE);
  else
    emit_rm(ra, op, op + 1, 16, d, &o, v, REF_NONE);
}
static void sel_vuni(Ra *ra, const ZIns *ins, Ref v, unsigned op, int32_t imm) // UNI family
{
  Reg d = def(ra, v, RA_FPR);
  Reg a = use(ra, ins->a, RA_FPR, d);
  emit_rr(ra, op, 16, d, a)->imm = imm;
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
static void sel_vmask(Ra *ra, const ZIns *ins, Ref v, unsigned op, uint64_t half) // a op constant
{
  Seq s = begin_seq(ra);
  Reg d = def(ra, v, RA_FPR);
  Reg a = use(ra, ins->a, RA_FPR, d);
  s.in[a] = ins->a;
  sq3m(&s, op, d, a, half, half);
  end_seq(&s, d, v);
}
static void sel_vneg(Ra *ra, const ZIns *ins, Ref v, unsigned op) // 0 - a
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR);
  Reg a = seq_use(&s, ins->a, d);
  sq_load(&s, d, 0, 0);
  sq3(&s, op, d, d, a);
  end_seq(&s, d, v);
}
static void sel_vnot(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = def(ra, v, RA_FPR);
  Reg a = use(ra, ins->a, RA_FPR, d);
  s.in[a] = ins->a;
  sq_load(&s, X64_SCRATCH, UINT64_MAX, UINT64_MAX);
  sq3(&s, X_pxor_rr, d, a, X64_SCRATCH);
  end_seq(&s, d, v);
}
// Widen the low or high half.
static void sel_vextend(Ra *ra, const ZIns *ins, Ref v, unsigned op, bool high)
{
  Seq s = begin_seq(ra);
  Reg d = def(ra, v, RA_FPR);
  Reg a = use(ra, ins->a, RA_FPR, d);
  s.in[a] = ins->a;
  if (high)
    sq_i(&s, X_pshufd_rri, 16, d, a, 0xee);
  sq(&s, op, 16, d, high ? d : a);
  end_seq(&s, d, v);
}
static void sel_i8x16_popcnt(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), t = temp(ra, RA_FPR), a = seq_use(&s, ins->a, d);
  sq_shift(&s, X_psrlw_ri, t, a, 4);
  sq3m(&s, X_pand_rr, t, t, rep8(15), rep8(15));
  sq3m(&s, X_pand_rr, X64_SCRATCH, a, rep8(15), rep8(15));
  sq_load(&s, d, 0x0302020102010100ull, 0x0403030203020201ull); // bits of 0 .. 15
  Reg low = X64_SCRATCH;
  if (ra->t->avx) {
    sq3(&s, X_pshufb_rr, low, d, low);
    sq3(&s, X_pshufb_rr, d, d, t);
  } else {
    Reg u = temp(ra, RA_FPR);
    sq_move(&s, u, d);
    sq3(&s, X_pshufb_rr, u, u, low);
    sq3(&s, X_pshufb_rr, d, d, t);
    low = u;
  }
  sq3(&s, X_paddb_rr, d, d, low);
  end_seq(&s, d, v);
}
static void sel_i64x2_abs(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
  sq_i(&s, X_pshufd_rri, 16, X64_SCRATCH, a, 0xf5); // the sign of each half's upper word
  sq_shift(&s, X_psrad_ri, X64_SCRATCH, X64_SCRATCH, 31);
  sq3(&s, X_pxor_rr, d, a, X64_SCRATCH);
  sq3(&s, X_psubq_rr, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
static void sel_extadd_i8(Ra *ra, const ZIns *ins, Ref v, bool is_signed)
{
  Seq s = begin_seq(ra);
  if (is_signed) { // the left operand of pmaddubsw is unsigned
    Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
    sq_load(&s, d, rep8(1), rep8(1));
    sq3(&s, X_pmaddubsw_rr, d, d, a);
    end_seq(&s, d, v);
  } else {
    sel_vmask(ra, ins, v, X_pmaddubsw_rr, rep8(1));
  }
}
static void sel_extadd_i16_u(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
  sq_shift(&s, X_psrld_ri, X64_SCRATCH, a, 16);
  sq3m(&s, X_pand_rr, d, a, rep32(0xffff), rep32(0xffff));
  sq3(&s, X_paddd_rr, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}

// ---- two sources ----

static void sel_vswap(Ra *ra, const ZIns *ins, Ref v, unsigned op) // the right operand on the left
{
  ZIns other = *ins;
  other.a = ins->b, other.b = ins->a;
  sel_fbin(ra, &other, v, op, 16, 0);
}
static void sel_vcmp_not(Ra *ra, const ZIns *ins, Ref v, unsigned op, bool swap) // not (a op b)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, swap ? ins->b : ins->a, d), b = seq_use(&s, swap ? ins->a : ins->b, d);
  sq3(&s, op, d, a, b);
  sq_load(&s, X64_SCRATCH, UINT64_MAX, UINT64_MAX);
  sq3(&s, X_pxor_rr, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
// a <= b when min(a, b) == a; a >= b when max(a, b) == a; negated with `not`.
static void sel_vcmp_by(Ra *ra, const ZIns *ins, Ref v, unsigned minmax, unsigned eq, bool negate)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  sq3(&s, minmax, d, a, b);
  sq3(&s, eq, d, d, a);
  if (negate) {
    sq_load(&s, X64_SCRATCH, UINT64_MAX, UINT64_MAX);
    sq3(&s, X_pxor_rr, d, d, X64_SCRATCH);
  }
  end_seq(&s, d, v);
}
static void sel_fcmp_v(Ra *ra, const ZIns *ins, Ref v, unsigned op, int32_t predicate, bool swap)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, swap ? ins->b : ins->a, d), b = seq_use(&s, swap ? ins->a : ins->b, d);
  sq3i(&s, op, d, a, b, predicate);
  end_seq(&s, d, v);
}
static void sel_bitselect(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d), c = seq_use(&s, ins->c, d);
  sq3(&s, X_pxor_rr, d, a, b);
  sq3(&s, X_pand_rr, d, d, c);
  sq3(&s, X_pxor_rr, d, d, b);
  end_seq(&s, d, v);
}
// Lanes from 16 on give 0: saturating 0x70 on top of the index sets its high bit.
static void sel_swizzle(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  sq3m(&s, X_paddusb_rr, X64_SCRATCH, b, rep8(0x70), rep8(0x70));
  sq3(&s, X_pshufb_rr, d, a, X64_SCRATCH);
  end_seq(&s, d, v);
}
static void sel_q15mulr(Ra *ra, const ZIns *ins, Ref v) // -1 * -1 is the one product that does not fit
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  sq3(&s, X_pmulhrsw_rr, d, a, b);
  sq3m(&s, X_pcmpeqw_rr, X64_SCRATCH, d, rep16(0x8000), rep16(0x8000));
  sq3(&s, X_pxor_rr, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
static void sel_extmul_i8(Ra *ra, const ZIns *ins, Ref v, unsigned extend, bool high)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  if (high) {
    sq_i(&s, X_pshufd_rri, 16, d, a, 0xee);
    sq_i(&s, X_pshufd_rri, 16, X64_SCRATCH, b, 0xee);
  }
  sq(&s, extend, 16, d, high ? d : a);
  sq(&s, extend, 16, X64_SCRATCH, high ? X64_SCRATCH : b);
  sq3(&s, X_pmullw_rr, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
static void sel_extmul_i16(Ra *ra, const ZIns *ins, Ref v, unsigned mulh, unsigned unpack) // low and high halves of the products
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  sq3(&s, mulh, X64_SCRATCH, a, b);
  sq3(&s, X_pmullw_rr, d, a, b);
  sq3(&s, unpack, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
static void sel_extmul_i32(Ra *ra, const ZIns *ins, Ref v, unsigned mul, int32_t lanes)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  sq_i(&s, X_pshufd_rri, 16, d, a, lanes);
  sq_i(&s, X_pshufd_rri, 16, X64_SCRATCH, b, lanes);
  sq3(&s, mul, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
static void sel_i64x2_mul(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  sq_shift(&s, X_psrlq_ri, d, a, 32);
  sq3(&s, X_pmuludq_rr, d, d, b);
  sq_shift(&s, X_psrlq_ri, X64_SCRATCH, b, 32);
  sq3(&s, X_pmuludq_rr, X64_SCRATCH, X64_SCRATCH, a);
  sq3(&s, X_paddq_rr, d, d, X64_SCRATCH);
  sq_shift(&s, X_psllq_ri, d, d, 32);
  sq3(&s, X_pmuludq_rr, X64_SCRATCH, a, b);
  sq3(&s, X_paddq_rr, d, d, X64_SCRATCH);
  end_seq(&s, d, v);
}
// Products of signed bytes, neighbours added: even and odd lanes as 16-bit numbers.
static void dot_i8(Seq *s, Reg d, Reg t, Reg a, Reg b)
{
  sq_shift(s, X_psllw_ri, d, a, 8);
  sq_shift(s, X_psraw_ri, d, d, 8);
  sq_shift(s, X_psllw_ri, X64_SCRATCH, b, 8);
  sq_shift(s, X_psraw_ri, X64_SCRATCH, X64_SCRATCH, 8);
  sq3(s, X_pmullw_rr, d, d, X64_SCRATCH);
  sq_shift(s, X_psraw_ri, t, a, 8);
  sq_shift(s, X_psraw_ri, X64_SCRATCH, b, 8);
  sq3(s, X_pmullw_rr, t, t, X64_SCRATCH);
  sq3(s, X_paddw_rr, d, d, t);
}
static void sel_relaxed_dot(Ra *ra, const ZIns *ins, Ref v, bool add)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), t = temp(ra, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  Reg c = add ? seq_use(&s, ins->c, d) : d;
  dot_i8(&s, d, t, a, b);
  if (add) {
    sq3m(&s, X_pmaddwd_rr, d, d, rep16(1), rep16(1));
    sq3(&s, X_paddd_rr, d, d, c);
  }
  end_seq(&s, d, v);
}
// NaN and zeros: wasm's min and max are not the hardware's.  Both orders, combined so that -0 and NaN win, then NaNs made quiet.
static void sel_vminmax(Ra *ra, const ZIns *ins, Ref v, unsigned op, bool max, unsigned bytes)
{
  Seq s = begin_seq(ra);
  bool f4 = bytes == 4;
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d), t = X64_SCRATCH;
  sq3(&s, op, t, a, b);
  sq3(&s, op, d, b, a);
  if (max) {
    sq3(&s, X_xorps_rr, d, d, t);
    sq3(&s, X_orps_rr, t, t, d);
    sq3(&s, f4 ? X_subps_rr : X_subpd_rr, t, t, d);
    sq3i(&s, f4 ? X_cmpps_rri : X_cmppd_rri, d, d, t, 3);
  } else {
    sq3(&s, X_orps_rr, t, t, d);
    sq3i(&s, f4 ? X_cmpps_rri : X_cmppd_rri, d, d, t, 3);
    sq3(&s, X_orps_rr, t, t, d);
  }
  sq_shift(&s, f4 ? X_psrld_ri : X_psrlq_ri, d, d, f4 ? 10 : 13);
  sq3(&s, X_andnps_rr, d, d, t);
  end_seq(&s, d, v);
}
static void sel_madd(Ra *ra, const ZIns *ins, Ref v, unsigned mul, unsigned op, bool negative) // rounds twice, on every machine
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d), c = seq_use(&s, ins->c, d);
  if (negative) {
    sq3(&s, mul, X64_SCRATCH, a, b);
    sq3(&s, op, d, c, X64_SCRATCH);
  } else {
    sq3(&s, mul, d, a, b);
    sq3(&s, op, d, d, c);
  }
  end_seq(&s, d, v);
}

// ---- shifts: the count is taken modulo the lane's width ----

typedef struct Count { bool known; int32_t n; Reg r; } Count;
static Count seq_count(Seq *s, Ref c, unsigned width)
{
  uint64_t n;
  if (const_of(s->ra, c, &n))
    return (Count){ true, (int32_t)(n & (width - 1)), REG_NONE };
  Reg t = temp(s->ra, RA_GPR), r = seq_use_gpr(s, c);
  sq(s, X_mov_rr, 4, t, r);
  sq_i(s, X_and_ri, 4, t, REG_NONE, (int32_t)width - 1);
  return (Count){ false, 0, t };
}
static void sel_vshift(Ra *ra, const ZIns *ins, Ref v, unsigned op_rr, unsigned op_ri, unsigned width)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
  Count c = seq_count(&s, ins->b, width);
  if (c.known)
    sq_shift(&s, op_ri, d, a, c.n);
  else {
    sq(&s, X_movd_xr, 4, X64_SCRATCH, c.r);
    sq3(&s, op_rr, d, a, X64_SCRATCH);
  }
  end_seq(&s, d, v);
}
// Bytes: shift words, then mask away what came over from the neighbour.
static void sel_i8x16_shift(Ra *ra, const ZIns *ins, Ref v, unsigned op_rr, unsigned op_ri, bool left)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
  Count c = seq_count(&s, ins->b, 8);
  if (c.known) {
    uint64_t m = rep8((uint8_t)(left ? 0xff << c.n : 0xff >> c.n));
    sq_shift(&s, op_ri, d, a, c.n);
    sq3m(&s, X_pand_rr, d, d, m, m);
    end_seq(&s, d, v);
    return;
  }
  Reg t = temp(ra, RA_FPR), z = temp(ra, RA_FPR);
  sq(&s, X_movd_xr, 4, X64_SCRATCH, c.r);
  sq_load(&s, t, UINT64_MAX, UINT64_MAX); // 0xff << n or 0xff >> n, in every byte
  sq3(&s, op_rr, t, t, X64_SCRATCH);
  if (!left)
    sq_shift(&s, X_psrlw_ri, t, t, 8);
  sq_load(&s, z, 0, 0);
  sq3(&s, X_pshufb_rr, t, t, z);
  sq3(&s, op_rr, d, a, X64_SCRATCH);
  sq3(&s, X_pand_rr, d, d, t);
  end_seq(&s, d, v);
}
static void sel_i8x16_shr_s(Ra *ra, const ZIns *ins, Ref v) // each byte in the upper half of a word
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), t = temp(ra, RA_FPR);
  Count c = seq_count(&s, ins->b, 8);
  sq3(&s, X_punpckhbw_rr, t, a, a);
  sq3(&s, X_punpcklbw_rr, d, a, a);
  if (c.known) {
    sq_shift(&s, X_psraw_ri, t, t, c.n + 8);
    sq_shift(&s, X_psraw_ri, d, d, c.n + 8);
  } else {
    sq_i(&s, X_add_ri, 4, c.r, REG_NONE, 8);
    sq(&s, X_movd_xr, 4, X64_SCRATCH, c.r);
    sq3(&s, X_psraw_rr, t, t, X64_SCRATCH);
    sq3(&s, X_psraw_rr, d, d, X64_SCRATCH);
  }
  sq3(&s, X_packsswb_rr, d, d, t);
  end_seq(&s, d, v);
}
static void sel_i64x2_shr_s(Ra *ra, const ZIns *ins, Ref v) // (x >> n unsigned ^ m) - m, m = sign bit >> n
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
  Count c = seq_count(&s, ins->b, 64);
  if (c.known) {
    uint64_t m = 1ull << 63 >> c.n;
    sq_shift(&s, X_psrlq_ri, d, a, c.n);
    sq3m(&s, X_pxor_rr, d, d, m, m);
    sq3m(&s, X_psubq_rr, d, d, m, m);
  } else {
    Reg t = temp(ra, RA_FPR);
    sq(&s, X_movd_xr, 4, X64_SCRATCH, c.r);
    sq_load(&s, t, 1ull << 63, 1ull << 63);
    sq3(&s, X_psrlq_rr, t, t, X64_SCRATCH);
    sq3(&s, X_psrlq_rr, d, a, X64_SCRATCH);
    sq3(&s, X_pxor_rr, d, d, t);
    sq3(&s, X_psubq_rr, d, d, t);
  }
  end_seq(&s, d, v);
}

// ---- lanes ----

static void sel_splat_int(Ra *ra, const ZIns *ins, Ref v, unsigned bytes)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), r = seq_use_gpr(&s, ins->a);
  sq(&s, X_movd_xr, bytes == 8 ? 8 : 4, d, r);
  switch (bytes) {
  case 1:
    if (ra->t->avx2)
      sq(&s, X_vpbroadcastb_rr, 16, d, d);
    else {
      sq_load(&s, X64_SCRATCH, 0, 0);
      sq3(&s, X_pshufb_rr, d, d, X64_SCRATCH);
    }
    break;
  case 2:
    if (ra->t->avx2)
      sq(&s, X_vpbroadcastw_rr, 16, d, d);
    else {
      sq_i(&s, X_pshuflw_rri, 16, d, d, 0);
      sq_i(&s, X_pshufd_rri, 16, d, d, 0);
    }
    break;
  case 4: sq_i(&s, X_pshufd_rri, 16, d, d, 0); break;
  case 8: sq_i(&s, X_pshufd_rri, 16, d, d, 0x44); break;
  }
  end_seq(&s, d, v);
}
// Bytes and words, sign-extended when wanted.
static void sel_extract(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned extend)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_GPR), a = seq_use(&s, ins->a, RAX);
  if ((op == X_pextrd_rxi || op == X_pextrq_rxi) && ins->c == 0)
    sq(&s, X_movd_rx, op == X_pextrq_rxi ? 8 : 4, d, a);
  else
    sq_i(&s, op, 4, d, a, (int32_t)ins->c);
  if (extend)
    sq(&s, extend, 4, d, d);
  end_seq(&s, d, v);
}
static void sel_extract_float(Ra *ra, const ZIns *ins, Ref v, unsigned bytes)
{
  Reg d = def(ra, v, RA_FPR);
  Reg a = use(ra, ins->a, RA_FPR, d);
  if (ins->c)
    emit_rr(ra, X_pshufd_rri, 16, d, a)->imm = bytes == 4 ? (int32_t)ins->c : 0xee;
  else
    emit_rr(ra, X_movaps_rr, 16, d, a);
  note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
}
static void sel_replace(Ra *ra, const ZIns *ins, Ref v, unsigned op) // PINS family
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), r = seq_use_gpr(&s, ins->b);
  sq3i(&s, op, d, a, r, (int32_t)ins->c);
  end_seq(&s, d, v);
}
static void sel_replace_float(Ra *ra, const ZIns *ins, Ref v, unsigned bytes)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  if (bytes == 4)
    sq3i(&s, X_insertps_rri, d, a, b, (int32_t)ins->c << 4);
  else {
    sq_move(&s, d, a);
    sq(&s, ins->c ? X_movlhps_rr : X_movsd_rr, 16, d, b);
  }
  end_seq(&s, d, v);
}
static void set_flag(Seq *s, Reg d, unsigned cc)
{
  sq(s, X_setcc_r, 1, d, REG_NONE)->cc = (uint8_t)cc;
}
static void sel_any_true(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_GPR), a = seq_use(&s, ins->a, RAX);
  sq(&s, X_zero_r, 4, d, REG_NONE);
  sq(&s, X_ptest_rr, 16, a, a);
  set_flag(&s, d, CC_NE);
  end_seq(&s, d, v);
}
static void sel_all_true(Ra *ra, const ZIns *ins, Ref v, unsigned eq) // no lane equals zero
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_GPR), a = seq_use(&s, ins->a, RAX);
  sq(&s, X_zero_r, 4, d, REG_NONE);
  sq_load(&s, X64_SCRATCH, 0, 0);
  sq3(&s, eq, X64_SCRATCH, X64_SCRATCH, a);
  sq(&s, X_ptest_rr, 16, X64_SCRATCH, X64_SCRATCH);
  set_flag(&s, d, CC_E);
  end_seq(&s, d, v);
}
static void sel_bitmask(Ra *ra, const ZIns *ins, Ref v, unsigned op)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_GPR), a = seq_use(&s, ins->a, RAX);
  sq(&s, op, 4, d, a);
  end_seq(&s, d, v);
}
static void sel_i16x8_bitmask(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_GPR), a = seq_use(&s, ins->a, RAX);
  sq3(&s, X_packsswb_rr, X64_SCRATCH, a, a);
  sq(&s, X_pmovmskb_rx, 4, d, X64_SCRATCH);
  sq(&s, X_movzx8_rr, 4, d, d);
  end_seq(&s, d, v);
}

// ---- shuffle ----

static void shuffle_bytes(const Ra *ra, const ZIns *ins, uint8_t lane[16])
{
  for (unsigned half = 0; half < 2; half++) {
    uint64_t bits[2];
    const_bits(ra, ra->z->xa[ins->c + half], bits);
    memcpy(lane + 8 * half, &bits[0], 8);
  }
}
// The lanes as dwords of one source: the immediate of pshufd, or -1.
static int dword_pattern(const uint8_t lane[16])
{
  int imm = 0;
  for (unsigned k = 0; k < 4; k++) {
    if (lane[4 * k] % 4 || lane[4 * k] >= 16)
      return -1;
    for (unsigned b = 1; b < 4; b++)
      if (lane[4 * k + b] != lane[4 * k] + b)
        return -1;
    imm |= lane[4 * k] / 4 << 2 * k;
  }
  return imm;
}
// One instruction of two sources that does exactly this: its row and immediate; swap: with the sources exchanged.
typedef struct ShuffleRow { uint16_t op; uint8_t size, first; } ShuffleRow; // interleave `size`-byte lanes from byte `first` on
static const ShuffleRow unpacks[] = {
  { X_punpcklbw_rr, 1, 0 }, { X_punpckhbw_rr, 1, 8 }, { X_punpcklwd_rr, 2, 0 },  { X_punpckhwd_rr, 2, 8 },
  { X_punpckldq_rr, 4, 0 }, { X_punpckhdq_rr, 4, 8 }, { X_punpcklqdq_rr, 8, 0 }, { X_punpckhqdq_rr, 8, 8 },
};
static unsigned unpack_row(const uint8_t lane[16])
{
  for (unsigned u = 0; u < ARRAY_COUNT(unpacks); u++) {
    bool same = true;
    for (unsigned k = 0; same && k < 16; k++) {
      unsigned n = k / unpacks[u].size;
      same = lane[k] == (n & 1) * 16 + unpacks[u].first + n / 2 * unpacks[u].size + k % unpacks[u].size;
    }
    if (same)
      return unpacks[u].op;
  }
  return 0;
}
static int align_amount(const uint8_t lane[16]) // bytes n .. n+15 of a:b, or -1
{
  for (unsigned k = 1; k < 16; k++)
    if (lane[k] != lane[0] + k)
      return -1;
  return lane[0];
}
static int blend_words(const uint8_t lane[16]) // words in place: pblendw's mask of those from b, or -1
{
  int mask = 0;
  for (unsigned k = 0; k < 8; k++) {
    if (lane[2 * k] % 16 != 2 * k || lane[2 * k + 1] != lane[2 * k] + 1)
      return -1;
    mask |= (lane[2 * k] / 16) << k;
  }
  return mask;
}
static int shufps_pattern(const uint8_t lane[16]) // two dwords of a, then two of b
{
  int imm = 0;
  for (unsigned k = 0; k < 4; k++) {
    unsigned first = lane[4 * k];
    if (first % 4 || first / 16 != k / 2)
      return -1;
    for (unsigned b = 1; b < 4; b++)
      if (lane[4 * k + b] != first + b)
        return -1;
    imm |= (int)(first % 16 / 4) << 2 * k;
  }
  return imm;
}
static void exchange(uint8_t lane[16])
{
  for (unsigned k = 0; k < 16; k++)
    lane[k] ^= 16;
}
static bool shuffle_two(Seq *s, Reg d, Reg a, Reg b, const uint8_t lane[16])
{
  unsigned op = unpack_row(lane);
  int n;
  if (op)
    sq3(s, op, d, a, b);
  else if ((n = align_amount(lane)) >= 0) // palignr takes its low bytes from the right operand
    sq3i(s, X_palignr_rri, d, b, a, n);
  else if ((n = blend_words(lane)) >= 0)
    sq3i(s, X_pblendw_rri, d, a, b, n);
  else if ((n = shufps_pattern(lane)) >= 0)
    sq3i(s, X_shufps_rri, d, a, b, n);
  else
    return false;
  return true;
}
static void shuffle_mask(const uint8_t lane[16], unsigned from, uint64_t mask[2])
{
  uint8_t m[16];
  for (unsigned k = 0; k < 16; k++)
    m[k] = lane[k] / 16 == from ? lane[k] & 15 : 0x80;
  memcpy(mask, m, 16);
}
static void sel_shuffle(Ra *ra, const ZIns *ins, Ref v)
{
  uint8_t lane[16];
  shuffle_bytes(ra, ins, lane);
  bool from_a = false, from_b = false;
  for (unsigned k = 0; k < 16; k++)
    *(lane[k] < 16 ? &from_a : &from_b) = true;
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR);
  uint64_t mask[2];
  if (ins->a == ins->b || !from_a || !from_b) { // one source
    Reg a = seq_use(&s, from_a ? ins->a : ins->b, d);
    for (unsigned k = 0; k < 16; k++)
      lane[k] &= 15;
    int imm = dword_pattern(lane);
    shuffle_mask(lane, 0, mask);
    if (imm >= 0)
      sq_i(&s, X_pshufd_rri, 16, d, a, imm);
    else
      sq3m(&s, X_pshufb_rr, d, a, mask[0], mask[1]);
    end_seq(&s, d, v);
    return;
  }
  Reg a = seq_use(&s, ins->a, d), b = seq_use(&s, ins->b, d);
  bool done = shuffle_two(&s, d, a, b, lane);
  if (!done) {
    exchange(lane);
    done = shuffle_two(&s, d, b, a, lane);
    exchange(lane);
  }
  if (!done) {
    shuffle_mask(lane, 0, mask);
    sq3m(&s, X_pshufb_rr, d, a, mask[0], mask[1]);
    shuffle_mask(lane, 1, mask);
    sq3m(&s, X_pshufb_rr, X64_SCRATCH, b, mask[0], mask[1]);
    sq3(&s, X_por_rr, d, d, X64_SCRATCH);
  }
  end_seq(&s, d, v);
}

// ---- conversions ----

static void sel_trunc_sat_f32x4_s(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), t = X64_SCRATCH;
  sq3i(&s, X_cmpps_rri, t, a, a, 0);       // NaN lanes become 0
  sq3(&s, X_andps_rr, d, t, a);
  sq3(&s, X_pxor_rr, t, t, d);             // the sign bit is set where the number is not negative
  sq(&s, X_cvttps2dq_rr, 16, d, d);        // INT_MIN where it does not fit
  sq3(&s, X_pand_rr, t, t, d);
  sq_shift(&s, X_psrad_ri, t, t, 31);
  sq3(&s, X_pxor_rr, d, d, t);             // INT_MIN -> INT_MAX where it was positive
  end_seq(&s, d, v);
}
static void sel_trunc_sat_f32x4_u(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), t = X64_SCRATCH, u = temp(ra, RA_FPR);
  sq_load(&s, t, 0, 0);
  sq3(&s, X_maxps_rr, d, a, t);            // NaN and negative numbers become 0
  sq_load(&s, t, rep32(0x4f000000), rep32(0x4f000000)); // 2^31
  sq3(&s, X_subps_rr, u, d, t);
  sq3i(&s, X_cmpps_rri, t, t, u, 2);       // lanes of 2^32 and more
  sq(&s, X_cvttps2dq_rr, 16, u, u);
  sq3(&s, X_pxor_rr, u, u, t);             // their rest is INT_MAX, else at least 0
  sq_load(&s, t, 0, 0);
  sq3(&s, X_pmaxsd_rr, u, u, t);
  sq(&s, X_cvttps2dq_rr, 16, d, d);        // INT_MIN from 2^31 on
  sq3(&s, X_paddd_rr, d, d, u);
  end_seq(&s, d, v);
}
static void sel_trunc_sat_f64x2_s(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), t = X64_SCRATCH;
  const uint64_t max = 0x41dfffffffc00000; // 2^31 - 1
  sq3i(&s, X_cmppd_rri, t, a, a, 0);
  sq3m(&s, X_andps_rr, t, t, max, max);    // 0 for NaN
  sq3(&s, X_minpd_rr, d, a, t);            // the right operand when the left is NaN
  sq(&s, X_cvttpd2dq_rr, 16, d, d);
  end_seq(&s, d, v);
}
static void sel_trunc_sat_f64x2_u(Ra *ra, const ZIns *ins, Ref v)
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), t = X64_SCRATCH;
  sq_load(&s, t, 0, 0);
  sq3(&s, X_maxpd_rr, d, a, t);
  sq3m(&s, X_minpd_rr, d, d, 0x41efffffffe00000, 0x41efffffffe00000); // 2^32 - 1
  sq_i(&s, X_roundpd_rri, 16, d, d, 11);
  sq3m(&s, X_addpd_rr, d, d, 0x4330000000000000, 0x4330000000000000); // 2^52: the integer is the low word now
  sq3i(&s, X_shufps_rri, d, d, t, 0x88);
  end_seq(&s, d, v);
}
static void sel_f32x4_convert_u(Ra *ra, const ZIns *ins, Ref v) // low halves exactly, high halves halved; one rounding at the end
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d), t = X64_SCRATCH;
  sq3m(&s, X_pand_rr, t, a, rep32(0xffff), rep32(0xffff));
  sq3(&s, X_psubd_rr, d, a, t);
  sq(&s, X_cvtdq2ps_rr, 16, t, t);
  sq_shift(&s, X_psrld_ri, d, d, 1);
  sq(&s, X_cvtdq2ps_rr, 16, d, d);
  sq3(&s, X_addps_rr, d, d, d);
  sq3(&s, X_addps_rr, d, d, t);
  end_seq(&s, d, v);
}
static void sel_f64x2_convert_low_u(Ra *ra, const ZIns *ins, Ref v) // 2^52 + x, minus 2^52
{
  Seq s = begin_seq(ra);
  Reg d = seq_def(ra, v, RA_FPR), a = seq_use(&s, ins->a, d);
  sq3m(&s, X_unpcklps_rr, d, a, rep32(0x43300000), rep32(0x43300000));
  sq3m(&s, X_subpd_rr, d, d, 0x4330000000000000, 0x4330000000000000);
  end_seq(&s, d, v);
}

// ---- memory ----

static bool only_probed(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes)
{
  if (!is_dead(ra, v))
    return false;
  sel_load(ra, ins, v, op, 16, bytes);
  return true;
}
static void load_to(Ra *ra, const ZIns *ins, Ref v, unsigned op, Reg d, Ref def_v, Ref vd, int32_t imm)
{
  Opnd o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, v));
  if (zw_x64_rows[op].imm != I0)
    emit_rmi(ra, 0, op, 16, d, &o, imm, def_v, vd);
  else
    emit_rm(ra, 0, op, 16, d, &o, def_v, vd);
}
static void sel_load_splat(Ra *ra, const ZIns *ins, Ref v, unsigned bytes)
{
  static const uint16_t whole[] = { [1] = X_vpbroadcastb_rm, [2] = X_vpbroadcastw_rm, [4] = X_vbroadcastss_rm, [8] = X_movddup_rm };
  static const uint16_t lane[] = { [1] = X_pinsrb_rmi, [2] = X_pinsrw_rmi, [4] = X_movss_rm };
  if (only_probed(ra, ins, v, X_movddup_rm, bytes))
    return;
  Reg d = def(ra, v, RA_FPR);
  bool have = bytes == 8 || (bytes == 4 ? ra->t->avx : ra->t->avx2);
  if (have) {
    load_to(ra, ins, v, whole[bytes], d, v, REF_NONE, 0);
    return;
  }
  Seq s = begin_seq(ra);
  if (bytes == 1) {
    sq_load(&s, X64_SCRATCH, 0, 0);
    sq3(&s, X_pshufb_rr, d, d, X64_SCRATCH);
  } else {
    if (bytes == 2)
      sq_i(&s, X_pshuflw_rri, 16, d, d, 0);
    sq_i(&s, X_pshufd_rri, 16, d, d, 0);
  }
  end_seq(&s, d, v);
  load_to(ra, ins, v, lane[bytes], d, REF_NONE, REF_NONE, 0);
  if (bytes < 4) // no dependence on what d held
    emit_rr(ra, X_xorps_zero, 16, d, REG_NONE);
}
// xa: address, vector, lane
static void sel_load_lane(Ra *ra, const ZIns *ins, Ref v, unsigned op)
{
  const Ref *x = ra->z->xa + ins->a;
  Reg d = def(ra, v, RA_FPR);
  left_into(ra, x[1], d);
  Opnd o = mem_addr(ra, ins, x[0], ins->c, at_of(ra, v));
  if (zw_x64_rows[op].imm != I0)
    emit_rmi(ra, 0, op, 16, d, &o, (int32_t)x[2], v, x[1]);
  else
    emit_rm(ra, 0, op, 16, d, &o, v, x[1]);
}
static void sel_store_lane(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes)
{
  const Ref *x = ra->z->xa + ins->a;
  if (x[2] == 0 && bytes >= 4)
    op = bytes == 4 ? X_movss_mr : X_movsd_mr;
  else if (bytes == 8)
    op = X_movhps_mr;
  Reg r = use(ra, x[1], RA_FPR, REG_NONE);
  Opnd o = mem_addr(ra, ins, x[0], ins->c, at_of(ra, v));
  if (zw_x64_rows[op].imm == I0) {
    emit_mem(ra, op, 16, &o, r, x[1]);
    return;
  }
  emit_at(ra, &o);
  emit_mem(ra, op, 16, &o, r, x[1])->imm = (int32_t)x[2];
}
