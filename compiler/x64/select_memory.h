// Loads, stores and addresses.  Part of select_all.h.
#pragma once

// ---- memory ----
static __attribute__((noinline)) void sel_dead_load(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned bytes)
{
  if (zw_zir_is(ra->z, v, ZV_PROVED))
    return;
  // it may trap: touch all of its bytes, for the fault names the first that is out of bounds
  Opnd o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, v));
  if (bytes == 16)
    emit_rm(ra, 0, op, 16, X64_SCRATCH, &o, REF_NONE, REF_NONE);
  else
    emit_mi(ra, X_cmp_mi, bytes, &o, 0);
}
static void sel_load(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz, unsigned bytes)
{
  if (is_dead(ra, v)) {
    sel_dead_load(ra, ins, v, op, bytes);
    return;
  }
  RegSet cls = class_of((ValKind)ins->ty);
  Reg d = def(ra, v, cls);
  Opnd o = mem_addr_here(ra, ins, ins->a, ins->c, at_of(ra, v));
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)d, l->sz = (uint8_t)sz;
  set_mem(l, &o);
  note(ra, v, REF_NONE, o.vrn, o.vrm, REF_NONE);
}
// Narrow stores need only the low bits: look through what changes the others.
static Ref stored_value(const Ra *ra, Ref v, unsigned bytes)
{
  while (zw_ref_is_value(v)) {
    const ZIns *x = &ra->z->ins[v];
    uint64_t c;
    bool wide = x->op == OP_i32_wrap_i64 || x->op == OP_i64_extend_i32_u, mask = x->op == OP_i32_and || x->op == OP_i64_and;
    if (wide ? bytes > 4 : !mask || bytes == 8 || !const_of(ra, x->b, &c) || (~c & ((1ull << bytes * 8) - 1)))
      break;
    if (!is_private(ra, v))
      break;
    v = x->a;
  }
  return v;
}
// The row `op mem, reg` of an operation that may be done in memory, or 0.
static unsigned memory_alu(unsigned op, bool *commutes)
{
  *commutes = op != OP_i32_sub && op != OP_i64_sub;
  switch (op) {
  case OP_i32_add: case OP_i64_add: return X_add_mr;
  case OP_i32_sub: case OP_i64_sub: return X_sub_mr;
  case OP_i32_and: case OP_i64_and: return X_and_mr;
  case OP_i32_or: case OP_i64_or: return X_or_mr;
  case OP_i32_xor: case OP_i64_xor: return X_xor_mr;
  default: return 0;
  }
}
static unsigned load_width(unsigned op)
{
  switch (op) {
  case OP_i32_load8_u: case OP_i32_load8_s: case OP_i64_load8_u: case OP_i64_load8_s: return 1;
  case OP_i32_load16_u: case OP_i32_load16_s: case OP_i64_load16_u: case OP_i64_load16_s: return 2;
  case OP_i32_load: case OP_i64_load32_u: case OP_i64_load32_s: return 4;
  case OP_i64_load: return 8;
  default: return 0;
  }
}
// store(op(load)) at one address: one instruction that reads and writes memory.
static bool sel_store_alu(Ra *ra, const ZIns *ins, Ref b, unsigned sz)
{
  const ZirFunc *z = ra->z;
  if (!zw_ref_is_value(b))
    return false;
  const ZIns *x = &z->ins[b];
  bool commutes;
  unsigned op = memory_alu(x->op, &commutes);
  if (!op || !is_private(ra, b))
    return false;
  for (int k = 0; k < 1 + commutes; k++) {
    Ref old = k ? x->b : x->a, with = k ? x->a : x->b;
    if (!zw_ref_is_value(old) || old == with)
      continue;
    const ZIns *l = &z->ins[old];
    int32_t imm;
    if (load_width(l->op) != sz || l->a != ins->a || l->c != ins->c || l->fl != ins->fl || !can_sink(ra, old))
      continue;
    val_of(ra, old)->vstate |= VS_FUSED;
    if (imm_of(ra, with, sz == 8, &imm)) {
      Opnd o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, old));
      emit_mi(ra, op + 1, sz, &o, sz == 1 ? (int8_t)imm : sz == 2 ? (int16_t)imm : imm);
      return true;
    }
    Reg r = use(ra, with, RA_GPR, REG_NONE);
    Opnd o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, old));
    emit_mem(ra, op, sz, &o, r, with);
    return true;
  }
  return false;
}
static void sel_store(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz)
{
  int32_t imm;
  if (op == X_mov_mr) {
    Ref b = stored_value(ra, ins->b, sz);
    if (sel_store_alu(ra, ins, b, sz))
      return;
    if (imm_of(ra, b, sz == 8, &imm)) {
      Opnd o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, v));
      emit_mi(ra, X_mov_mi, sz, &o, sz == 1 ? (int8_t)imm : sz == 2 ? (int16_t)imm : imm);
      return;
    }
    Reg r = use(ra, b, RA_GPR, REG_NONE);
    Opnd o = mem_addr_here(ra, ins, ins->a, ins->c, at_of(ra, v));
    emit_mem(ra, op, sz, &o, r, b);
    return;
  }
  Reg r = use(ra, ins->b, RA_FPR, REG_NONE);
  Opnd o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, v));
  emit_mem(ra, op, sz, &o, r, ins->b);
}
static unsigned load_op(ValKind kind)
{
  return class_of(kind) == RA_GPR ? X_mov_rm : kind == VK_F32 ? X_movss_rm : kind == VK_V128 ? X_movups_rm : X_movsd_rm;
}
static unsigned store_op(ValKind kind)
{
  return class_of(kind) == RA_GPR ? X_mov_mr : kind == VK_F32 ? X_movss_mr : kind == VK_V128 ? X_movups_mr : X_movsd_mr;
}
static void sel_vm_load(Ra *ra, const ZIns *ins, Ref v)
{
  ValKind kind = (ValKind)ins->ty;
  Reg d = def(ra, v, class_of(kind));
  Opnd o = at_place(PLACE_VM + ins->a, REF_NONE);
  emit_rm(ra, 0, load_op(kind), kind_bytes(kind), d, &o, v, REF_NONE);
}
static void store_to(Ra *ra, Ref val, Opnd (*where)(Ra *, const ZIns *), const ZIns *ins, unsigned bytes)
{
  ValKind kind = kind_of(ra, val);
  int32_t imm;
  if (kind != VK_V128 && imm_of(ra, val, bytes == 8, &imm)) {
    Opnd o = where(ra, ins);
    emit_mi(ra, X_mov_mi, bytes, &o, imm);
    return;
  }
  Reg r = use(ra, val, class_of(kind), REG_NONE);
  Opnd o = where(ra, ins);
  emit_mem(ra, store_op(kind), bytes, &o, r, val);
}
static Opnd vm_place(Ra *ra, const ZIns *ins)
{
  (void)ra;
  return at_place(PLACE_VM + ins->a, REF_NONE);
}
static Opnd ptr_place(Ra *ra, const ZIns *ins) { return ptr_addr(ra, ins->a, ins->c); }
// A reference is a 64-bit word in a global or demoted local, a 32-bit one in tables and the heap.
static unsigned stored_bytes(ValKind kind, unsigned alias)
{
  return kind == VK_REF && (alias == AL_GLOBAL || alias == AL_FRAME) ? 8 : kind_bytes(kind);
}
static void sel_vm_store(Ra *ra, const ZIns *ins, Ref v)
{
  (void)v;
  store_to(ra, ins->b, vm_place, ins, stored_bytes(kind_of(ra, ins->b), ins->fl));
}
static void sel_ptr_load(Ra *ra, const ZIns *ins, Ref v)
{
  ValKind kind = (ValKind)ins->ty;
  Reg d = def(ra, v, class_of(kind));
  Opnd o = ptr_addr(ra, ins->a, ins->c);
  emit_rm(ra, 0, load_op(kind), kind_bytes(kind), d, &o, v, REF_NONE);
}
static void sel_ptr_store(Ra *ra, const ZIns *ins, Ref v)
{
  (void)v;
  store_to(ra, ins->b, ptr_place, ins, stored_bytes(kind_of(ra, ins->b), ins->fl));
}
static void sel_address(Ra *ra, const ZIns *ins, Ref v, uint32_t place)
{
  Reg d = def(ra, v, RA_GPR);
  Lir *l = lir(ra, X_lea);
  l->rd = (uint8_t)d, l->sz = 8;
  set_place(l, place + ins->a);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
static void sel_const(Ra *ra, const ZIns *ins, Ref v) // a copy of a constant: hoisted out of loops
{
  if (zw_ref_is_value(ins->a)) {
    sel_copy(ra, ins, v);
    return;
  }
  Reg d = def(ra, v, class_of((ValKind)ins->ty));
  make_const(ra, d, ins->a);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}

static void sel_const_undef(Ra *ra, const ZIns *ins, Ref v)
{
  Reg d = def(ra, v, class_of((ValKind)ins->ty));
  emit_make(ra, d, v);
}
