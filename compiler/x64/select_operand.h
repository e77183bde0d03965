// What the allocator asks the target for; constants; operands in registers and memory, loads that become operands.  Part of select_all.h.
#pragma once

// ---- the core's hooks ----
static void set_place(Lir *l, uint32_t place)
{
  if (place >= PLACE_VM)
    l->rn = X64_VMCTX, l->disp = (int32_t)(place - PLACE_VM);
  else if (place >= PLACE_AREA)
    l->rn = REG_AREA, l->disp = (int32_t)(place - PLACE_AREA);
  else if (place >= PLACE_ARG)
    l->rn = REG_ARG, l->disp = (int32_t)(place - PLACE_ARG);
  else
    l->rn = REG_SLOT, l->disp = (int32_t)(place - PLACE_SLOT);
}
static uint8_t gpr_size(ValKind kind) { return kind == VK_I32 ? 4 : 8; }
static void emit_move(Ra *ra, Reg dst, Reg src, ValKind kind)
{
  Lir *l = lir(ra, dst >= XMM0 ? X_movaps_rr : X_mov_rr);
  l->rd = (uint8_t)dst, l->rn = (uint8_t)src;
  l->sz = dst >= XMM0 ? 16 : gpr_size(kind);
}
static void emit_load(Ra *ra, Reg dst, uint32_t place, ValKind kind)
{
  unsigned op = dst < XMM0 ? X_mov_rm : kind == VK_F32 ? X_movss_rm : kind == VK_V128 ? X_movups_rm : X_movsd_rm;
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)dst, l->sz = gpr_size(kind);
  set_place(l, place);
}
static void emit_store(Ra *ra, uint32_t place, Reg src, ValKind kind)
{
  unsigned op = src < XMM0 ? X_mov_mr : kind == VK_F32 ? X_movss_mr : kind == VK_V128 ? X_movups_mr : X_movsd_mr;
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)src, l->sz = gpr_size(kind);
  set_place(l, place);
}
static void emit_mem_move(Ra *ra, uint32_t dst, uint32_t src, ValKind kind)
{
  ValKind k = kind == VK_V128 ? VK_V128 : kind == VK_I32 || kind == VK_F32 ? VK_F32 : VK_F64;
  emit_store(ra, dst, X64_SCRATCH, k);
  emit_load(ra, X64_SCRATCH, src, k);
}
static void emit_swap(Ra *ra, Reg x, Reg y)
{
  Lir *l = lir(ra, X_xchg_rr);
  l->rd = (uint8_t)x, l->rn = (uint8_t)y, l->sz = 8;
}
static void emit_jump(Ra *ra, uint32_t label) { lir(ra, X_jmp)->x = label; }

// ---- constants ----
static int32_t add_const(Ra *ra, ValKind ty, uint64_t lo, uint64_t hi)
{
  for (uint32_t k = ra->z->nconsts; k < ra->consts.n; k++) { // ours: masks, less than twenty kinds
    const ZConst *c = &ra->consts.p[k];
    if (c->bits[0] == lo && c->bits[1] == hi && c->ty == ty)
      return (int32_t)k;
  }
  if (ra->consts.p == ra->z->consts) { // the function's own, which stay as they are
    enum { MORE = 24 };
    ra->consts.cap = ra->consts.n + MORE;
    ra->consts.p = zw_stale_array(ra->a, ZConst, ra->consts.cap);
    if (ra->consts.n)
      memcpy(ra->consts.p, ra->z->consts, ra->consts.n * sizeof(ZConst));
  }
  *zw_push(ra->a, &ra->consts) = (ZConst){ { lo, hi }, (uint8_t)ty };
  return (int32_t)ra->consts.n - 1;
}
static void const_bits(const Ra *ra, Ref r, uint64_t bits[2])
{
  bool ok = zw_ref_const(ra->z, r, bits);
  ASSERT(ok);
  (void)ok;
}
static int32_t pool_index(Ra *ra, Ref r)
{
  if (zw_ref_is_pool(r))
    return (int32_t)(r & ~REF_POOL);
  uint64_t bits[2];
  const_bits(ra, r, bits);
  return add_const(ra, zw_ref_type(ra->z, r), bits[0], bits[1]);
}
static void load_imm(Ra *ra, Reg dst, uint64_t v, bool wide)
{
  Lir *l;
  if (v == 0 && !ra->flags_live) {
    l = lir(ra, X_zero_r), l->sz = 4;
  } else if (v <= UINT32_MAX || !wide) {
    l = lir(ra, X_mov_ri), l->sz = 4, l->imm = (int32_t)(uint32_t)v;
  } else if ((int64_t)v == (int32_t)v) {
    l = lir(ra, X_mov_ri), l->sz = 8, l->imm = (int32_t)v;
  } else {
    l = lir(ra, X_movabs_ri), l->sz = 8, l->imm = (int32_t)(uint32_t)v, l->x = (uint32_t)(v >> 32);
  }
  l->rd = (uint8_t)dst;
}
static __attribute__((noinline)) void make_far_const(Ra *ra, Reg dst, Ref ref)
{
  uint64_t bits[2];
  const_bits(ra, ref, bits);
  ValKind kind = zw_ref_type(ra->z, ref);
  if (dst < XMM0) {
    load_imm(ra, dst, bits[0], kind != VK_I32);
    return;
  }
  if (bits[0] == 0 && bits[1] == 0) {
    Lir *l = lir(ra, X_xorps_zero);
    l->rd = (uint8_t)dst, l->sz = 16;
    return;
  }
  if (kind == VK_V128 && (bits[0] & bits[1]) == UINT64_MAX) {
    Lir *l = lir(ra, X_ones_x);
    l->rd = (uint8_t)dst, l->sz = 16;
    return;
  }
  Lir *l = lir(ra, kind == VK_F32 ? X_movss_rm : kind == VK_V128 ? X_movaps_rm : X_movsd_rm);
  l->rd = (uint8_t)dst, l->rn = REG_CONST, l->disp = pool_index(ra, ref);
}
static inline void make_const(Ra *ra, Reg dst, Ref ref)
{
  if (dst < XMM0 && ref >> 29 == REF_CONST >> 29) { // an inline i32 or i64
    int64_t c = zw_ref_inline(ref);
    bool wide = ref & 1u << 28;
    load_imm(ra, dst, wide ? (uint64_t)c : (uint32_t)c, wide);
  } else {
    make_far_const(ra, dst, ref);
  }
}
static inline void emit_const(Ra *ra, Reg dst, Ref ref)
{
  make_const(ra, dst, ref);
  note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
// Constants, and the values whose definition is cheaper than a reload.
static void emit_make(Ra *ra, Reg dst, Ref ref)
{
  if (!zw_ref_is_value(ref)) {
    emit_const(ra, dst, ref);
    return;
  }
  const ZIns *ins = &ra->z->ins[ref];
  if (ins->op == OP_copy) {
    make_const(ra, dst, ins->a);
  } else if (ins->op == OP_undef) { // any value will do
    if (dst < XMM0)
      load_imm(ra, dst, 0, false);
    else
      lir(ra, X_xorps_zero)->rd = (uint8_t)dst;
  } else if (ins->op == OP_vm_load) {
    emit_load(ra, dst, PLACE_VM + ins->a, (ValKind)ins->ty);
  } else {
    ASSERT(ins->op == OP_vm_addr || ins->op == OP_frame_addr);
    Lir *l = lir(ra, X_lea);
    l->rd = (uint8_t)dst, l->sz = 8;
    set_place(l, (ins->op == OP_vm_addr ? PLACE_VM : PLACE_AREA) + ins->a);
  }
  note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
static const uint8_t value_special[OP_COUNT] = {
  [OP_copy] = 1, [OP_vm_load] = 1, [OP_vm_addr] = 1, [OP_frame_addr] = 1, [OP_undef] = 1, [OP_call] = 1, [OP_call_elem] = 1, [OP_lib] = 1, [OP_gc_new] = 1,
};
static uint8_t value_state(const ZIns *ins)
{
  switch (ins->op) {
  case OP_copy: return zw_ref_is_value(ins->a) ? 0 : VS_REMAT;
  case OP_vm_load: return ins->fl == AL_IMMUT ? VS_REMAT : 0;
  case OP_vm_addr: case OP_frame_addr: case OP_undef: return VS_REMAT;
  default: return 0;
  }
}
static uint8_t value_hint(const ZIns *ins)
{
  if (ins->op != OP_call && ins->op != OP_call_elem && ins->op != OP_lib && ins->op != OP_gc_new)
    return REG_NONE;
  return class_of((ValKind)ins->ty) == RA_GPR ? RAX : XMM0;
}
// The value is not noted: the checker sees the store of a constant as a slot that holds ref.
static void emit_store_make(Ra *ra, uint32_t place, Ref ref, ValKind kind)
{
  Ref c = zw_ref_is_value(ref) && ra->z->ins[ref].op == OP_copy ? ra->z->ins[ref].a : ref;
  if (!zw_ref_is_value(c)) {
    uint64_t bits[2];
    const_bits(ra, c, bits);
    bool narrow = kind == VK_I32 || kind == VK_F32;
    if (kind != VK_V128 && (narrow || (int64_t)bits[0] == (int32_t)bits[0])) {
      Lir *l = lir(ra, X_mov_mi);
      l->sz = narrow ? 4 : 8, l->imm = (int32_t)(uint32_t)bits[0];
      set_place(l, place);
      note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
      return;
    }
    ValKind k = kind == VK_V128 ? VK_V128 : VK_F64;
    emit_store(ra, place, X64_SCRATCH, k);
    Lir *l = lir(ra, k == VK_V128 ? X_movaps_rm : X_movsd_rm);
    l->rd = X64_SCRATCH, l->rn = REG_CONST, l->disp = pool_index(ra, c);
    note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  if (ra->z->ins[c].op == OP_undef) {
    emit_store(ra, place, X64_SCRATCH, kind == VK_V128 ? VK_V128 : VK_F64);
    lir(ra, X_xorps_zero)->rd = X64_SCRATCH;
    note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  if (ra->z->ins[c].op == OP_vm_load) {
    emit_mem_move(ra, place, PLACE_VM + ra->z->ins[c].a, kind);
    note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  // an address: borrow rax, with its value parked in the slot meanwhile
  Lir *l = lir(ra, X_xchg_mr);
  l->rd = RAX, l->sz = 8;
  set_place(l, place);
  emit_make(ra, RAX, c);
  emit_store(ra, place, RAX, VK_I64);
}

// ---- operands ----
static bool pool_const(const Ra *ra, Ref r, uint64_t *v)
{
  uint64_t bits[2];
  if (!zw_ref_const(ra->z, r, bits))
    return false;
  *v = bits[0];
  return true;
}
static inline bool const_of(const Ra *ra, Ref r, uint64_t *v)
{
  if (zw_ref_is_value(r))
    return false;
  if (r >> 29 != REF_CONST >> 29) // not an inline i32 or i64
    return pool_const(ra, r, v);
  int64_t c = zw_ref_inline(r);
  *v = r & 1u << 28 ? (uint64_t)c : (uint32_t)c;
  return true;
}
static inline bool imm_of(const Ra *ra, Ref r, bool wide, int32_t *imm) // does the constant fit a sign-extended imm32?
{
  uint64_t v;
  if (!const_of(ra, r, &v))
    return false;
  *imm = (int32_t)(uint32_t)v;
  return !wide || (int64_t)v == *imm;
}
static inline Opnd in_reg(Reg r, Ref v) { return (Opnd){ .reg = (uint8_t)r, .rn = REG_NONE, .rm = REG_NONE, .val = v, .vrn = REF_NONE, .vrm = REF_NONE }; }
static Opnd at_place(uint32_t place, Ref v)
{
  Lir l = { 0 };
  set_place(&l, place);
  return (Opnd){ .reg = REG_NONE, .rn = l.rn, .rm = REG_NONE, .disp = l.disp, .val = REF_NONE, .vrn = place < PLACE_ARG ? v : REF_NONE, .vrm = REF_NONE };
}
static Opnd at_const(Ra *ra, Ref r)
{
  return (Opnd){ .reg = REG_NONE, .rn = REG_CONST, .rm = REG_NONE, .disp = pool_index(ra, r), .val = REF_NONE, .vrn = REF_NONE, .vrm = REF_NONE };
}
static Opnd at_mask(Ra *ra, uint64_t lo, uint64_t hi)
{
  return (Opnd){ .reg = REG_NONE, .rn = REG_CONST, .rm = REG_NONE, .disp = add_const(ra, VK_V128, lo, hi), .val = REF_NONE, .vrn = REF_NONE, .vrm = REF_NONE };
}
static inline void set_mem(Lir *l, const Opnd *o)
{
  l->rn = o->rn, l->rm = o->rm, l->disp = o->disp, l->at = o->at;
  if (o->rm != REG_NONE)
    l->cc = o->scale;
}
// rd op o, where o is a register or memory: rows op_rr and op_rm.  vd: the value read in rd, or REF_NONE.
static Lir *emit_rm(Ra *ra, unsigned op_rr, unsigned op_rm, unsigned sz, Reg rd, const Opnd *o, Ref def_v, Ref vd)
{
  Lir *l = lir(ra, opnd_is_reg(o) ? op_rr : op_rm);
  l->rd = (uint8_t)rd, l->sz = (uint8_t)sz;
  if (opnd_is_reg(o)) {
    l->rn = o->reg;
    note(ra, def_v, vd, o->val, REF_NONE, REF_NONE);
  } else {
    set_mem(l, o);
    note(ra, def_v, vd, o->vrn, o->vrm, REF_NONE);
  }
  return l;
}
// Where the instruction that is emitted next may trap: it has an immediate where others have their wasm offset.
static inline void emit_at(Ra *ra, const Opnd *o)
{
  if (o->at)
    lir(ra, X_at)->x = o->at;
}
// The same with an immediate, for rows that have one.
static Lir *emit_rmi(Ra *ra, unsigned op_rr, unsigned op_rm, unsigned sz, Reg rd, const Opnd *o, int32_t imm, Ref def_v, Ref vd)
{
  if (!opnd_is_reg(o))
    emit_at(ra, o);
  Lir *l = emit_rm(ra, op_rr, op_rm, sz, rd, o, def_v, vd);
  l->imm = imm;
  return l;
}
static inline Lir *emit_rr(Ra *ra, unsigned op, unsigned sz, Reg rd, Reg rn)
{
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)rd, l->rn = (uint8_t)rn, l->sz = (uint8_t)sz;
  return l;
}
static inline Lir *emit_ri(Ra *ra, unsigned op, unsigned sz, Reg rd, int32_t imm)
{
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)rd, l->imm = imm, l->sz = (uint8_t)sz;
  return l;
}
// mem op reg: rows _mr.
static inline Lir *emit_mem(Ra *ra, unsigned op, unsigned sz, const Opnd *m, Reg rd, Ref vd)
{
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)rd, l->sz = (uint8_t)sz;
  set_mem(l, m);
  note(ra, REF_NONE, vd, m->vrn, m->vrm, REF_NONE);
  return l;
}
// mem op imm: rows _mi.
static inline void emit_mi(Ra *ra, unsigned op, unsigned sz, const Opnd *m, int32_t imm)
{
  emit_at(ra, m);
  emit_mem(ra, op, sz, m, REG_NONE, REF_NONE)->imm = imm;
}

// ---- addresses and fusion ----
static bool blocks_loads(const ZirFunc *z, uint32_t i)
{
  unsigned flags = zw_zir_shape[z->ins[i].op].flags;
  return (flags & OPF_EFFECT) || ((flags & OPF_TRAPS) && !zw_zir_is(z, i, ZV_PROVED));
}
// Is v defined in this block, used only by the current instruction, without a place of its own?
static bool is_private_here(const Ra *ra, Ref v)
{
  const ZirFunc *z = ra->z;
  return v >= z->blocks[ra->b].first && v < ra->i && is_dead(ra, v) && !zw_zir_is(z, v, ZV_HOISTED);
}
static inline bool is_private(const Ra *ra, Ref v) { return zw_ref_is_value(v) && zw_zir_used_once(ra->z, v) && is_private_here(ra, v); }
// May the load v run here instead?  No effect and no other trap lies between.
static bool can_sink(Ra *ra, Ref v)
{
  if (!is_private(ra, v) || ra->hoisting)
    return false;
  const ZirFunc *z = ra->z;
  if (ra->effect_at >= ra->i)
    ra->effect_at = (int64_t)ra->i - 1;
  while (ra->effect_at >= (int64_t)z->blocks[ra->b].first && !blocks_loads(z, (uint32_t)ra->effect_at))
    ra->effect_at--;
  return ra->effect_at <= (int64_t)v;
}
// Is v below 2^bits, as far as its own instruction says?
static bool is_below(const Ra *ra, Ref v, unsigned bits)
{
  uint64_t c;
  if (const_of(ra, v, &c))
    return c >> bits == 0;
  if (bits >= 32 && kind_of(ra, v) == VK_I32)
    return true;
  const ZIns *ins = &ra->z->ins[v];
  switch (ins->op) {
  case OP_i32_and: return const_of(ra, ins->b, &c) && c >> bits == 0;
  case OP_i32_shr_u: return const_of(ra, ins->b, &c) && (c & 31) >= 32 - bits;
  case OP_i32_load8_u: return bits >= 8;
  case OP_i32_load16_u: return bits >= 16;
  default: return false;
  }
}
// An operand of which 4 bytes are read: a wrap for this instruction alone is no instruction.
static Ref narrow(const Ra *ra, Ref v, unsigned sz)
{
  return sz == 4 && zw_ref_is_value(v) && ra->z->ins[v].op == OP_i32_wrap_i64 && !ra->hoisting && is_private(ra, v) ? ra->z->ins[v].a : v;
}
// Is the 64-bit v below 2^32, as far as its own instruction says?
static bool is_word(const Ra *ra, Ref v)
{
  uint64_t c;
  if (!zw_ref_is_value(v))
    return false;
  const ZIns *ins = &ra->z->ins[v];
  switch (ins->op) {
  case OP_i64_extend_i32_u: case OP_i64_load32_u: case OP_i64_load16_u: case OP_i64_load8_u: return true;
  case OP_i64_shr_u: return const_of(ra, ins->b, &c) && (c & 63) >= 32;
  case OP_i64_and: return const_of(ra, ins->b, &c) && c <= UINT32_MAX;
  default: return false;
  }
}
static Reg use_base(Ra *ra, Ref v) { return use(ra, v, RA_GPR, REG_NONE); }
// base + index * scale + disp of an access to a linear memory.
static inline __attribute__((always_inline)) Opnd mem_addr_here(Ra *ra, const ZIns *ins, Ref addr, uint32_t offset, uint32_t at)
{
  Opnd o = { .reg = REG_NONE, .rn = X64_MEM0, .rm = REG_NONE, .disp = (int32_t)offset, .at = at, .val = REF_NONE, .vrn = REF_NONE, .vrm = REF_NONE };
  if (ins->fl != 0) {
    o.rn = (uint8_t)temp(ra, RA_GPR);
    *zw_push(ra->a, &ra->pre) = (Move){ o.rn, PLACE_VM + ra->z->layout.memories + 16 * ins->fl, REF_NONE, VK_I64 };
  }
  uint64_t c;
  if (const_of(ra, addr, &c)) {
    if (c + offset <= INT32_MAX) {
      o.disp = (int32_t)(c + offset);
      return o;
    }
  } else {
    const ZIns *a = &ra->z->ins[addr];
    if (a->op == OP_i32_shl && const_of(ra, a->b, &c) && (c & 31) <= 3 && is_private(ra, addr) && is_below(ra, a->a, 32 - (c & 31))) {
      o.scale = c & 31;
      addr = a->a;
    } else if (a->op == OP_i64_extend_i32_u && is_private(ra, addr)) {
      addr = a->a;
    }
  }
  o.rm = (uint8_t)use_base(ra, addr);
  o.vrm = addr;
  return o;
}
static __attribute__((noinline)) Opnd mem_addr(Ra *ra, const ZIns *ins, Ref addr, uint32_t offset, uint32_t at)
{
  return mem_addr_here(ra, ins, addr, offset, at);
}
static Opnd ptr_addr(Ra *ra, Ref base, uint32_t offset)
{
  Opnd o = { .reg = REG_NONE, .rn = REG_NONE, .rm = REG_NONE, .disp = (int32_t)offset, .val = REF_NONE, .vrn = REF_NONE, .vrm = REF_NONE };
  if (zw_ref_is_value(base) && val_of(ra, base)->loc == REG_NONE) {
    const ZIns *a = &ra->z->ins[base];
    if (a->op == OP_vm_addr || a->op == OP_frame_addr) {
      o.rn = a->op == OP_vm_addr ? X64_VMCTX : REG_AREA;
      o.disp += (int32_t)a->a;
      return o;
    }
    if (a->op == OP_i64_add && is_private(ra, base)) {
      o.rn = (uint8_t)use_base(ra, a->a), o.vrn = a->a;
      o.rm = (uint8_t)use_base(ra, a->b), o.vrm = a->b;
      return o;
    }
  }
  o.rn = (uint8_t)use_base(ra, base), o.vrn = base;
  return o;
}
// The base of the GC heap + a reference + offset.
static Opnd field_addr(Ra *ra, Ref ref, Ref base, uint32_t offset)
{
  Opnd o = { .reg = REG_NONE, .rm = REG_NONE, .disp = (int32_t)offset, .val = REF_NONE, .vrn = ref, .vrm = base };
  o.rn = (uint8_t)use_base(ra, ref);
  o.rm = (uint8_t)use_base(ra, base);
  return o;
}
static unsigned kind_bytes(ValKind k) { return k == VK_I32 || k == VK_F32 || k == VK_REF ? 4 : k == VK_V128 ? 16 : 8; }
static const bool may_fuse[OP_COUNT] = {
  [OP_i32_load] = true, [OP_f32_load] = true, [OP_i64_load] = true, [OP_f64_load] = true, [OP_v128_load] = true,
  [OP_vm_load] = true, [OP_ptr_load] = true, [OP_gc_load] = true,
};
static __attribute__((noinline)) bool fuse_load_now(Ra *ra, Ref v, unsigned bytes, Opnd *o)
{
  if (!can_sink(ra, v))
    return false;
  const ZIns *ins = &ra->z->ins[v];
  switch (ins->op) {
  case OP_i32_load: case OP_f32_load:
    if (bytes != 4)
      return false;
    break;
  case OP_i64_load: case OP_f64_load:
    if (bytes != 8 && !(bytes == 4 && ins->op == OP_i64_load)) // the low half, for wraps
      return false;
    break;
  case OP_v128_load:
    if (bytes != 16 || !ra->t->avx) // legacy instructions want aligned memory
      return false;
    break;
  case OP_vm_load: case OP_ptr_load:
    if (kind_bytes((ValKind)ins->ty) != bytes || (bytes == 16 && !ra->t->avx))
      return false;
    val_of(ra, v)->vstate |= VS_FUSED;
    *o = ins->op == OP_vm_load ? at_place(PLACE_VM + ins->a, v) : ptr_addr(ra, ins->a, ins->c);
    return true;
  case OP_gc_load:
    if (1u << (ins->fl & GCA_WIDTH) != bytes || bytes < 4 || (bytes == 16 && !ra->t->avx))
      return false;
    val_of(ra, v)->vstate |= VS_FUSED;
    *o = field_addr(ra, ins->a, ins->b, ins->c);
    return true;
  default: return false;
  }
  val_of(ra, v)->vstate |= VS_FUSED;
  *o = mem_addr(ra, ins, ins->a, ins->c, at_of(ra, v));
  return true;
}
// The load v as a memory operand of the current instruction: `bytes` wide, no extension.
static inline bool fuse_load(Ra *ra, Ref v, unsigned bytes, Opnd *o)
{
  return zw_ref_is_value(v) && may_fuse[ra->z->ins[v].op] && fuse_load_now(ra, v, bytes, o);
}
// v as the operand of an instruction that takes a register or memory.
static Opnd use_rm(Ra *ra, Ref v, RegSet allowed, Reg want, unsigned bytes)
{
  Opnd o;
  if (!zw_ref_is_value(v)) {
    uint64_t bits[2];
    const_bits(ra, v, bits);
    if (allowed & RA_FPR ? bits[0] | bits[1] : bytes == 8 && bits[0] > UINT32_MAX) // a wide constant needs no register
      return at_const(ra, v);
    return in_reg(use(ra, v, allowed, want), v);
  }
  if (val_of(ra, v)->loc == REG_NONE && (val_of(ra, v)->vstate & VS_REMAT)) {
    const ZIns *ins = &ra->z->ins[v];
    RegSet can = allowed & ra->file & ~ra->lock;
    if (ins->op == OP_copy && bytes == 8 && !(allowed & RA_FPR) && !(ra->inner && is_promised(ra->inner, v))) { // kept for nobody
      lose_weight(ra, v);
      return at_const(ra, ins->a);
    }
    if (!(can & ~ra->busy)) { // a memory operand needs no register
      if (ins->op == OP_vm_load && kind_bytes((ValKind)ins->ty) == bytes && (bytes < 16 || ra->t->avx)) {
        lose_weight(ra, v);
        return at_place(PLACE_VM + ins->a, v);
      }
      if (ins->op == OP_copy && (allowed & RA_FPR)) {
        lose_weight(ra, v);
        return at_const(ra, ins->a);
      }
    }
  }
  if (fuse_load(ra, v, bytes, &o))
    return o;
  if (prefer_slot(ra, v, allowed))
    return at_place(use_slot(ra, v), v);
  return in_reg(use(ra, v, allowed, want), v);
}
