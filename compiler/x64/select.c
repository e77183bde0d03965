// P3 for x86-64: ZIR to LIR.  What an instruction becomes is its row in emit.def and the sel_ function that row names;
// where values live is decided by compiler/alloc/ra_core.h, which is included here.
//
// Peculiar to this target: two-address integer instructions (the left operand should end in the result's register),
// fixed registers of divisions, shifts and compare-exchange, flags that nearly everything clobbers, memory operands.
// The walk is backward: what an instruction emits first runs last.
#include "compiler/x64/x64_int.h"
#include "runtime/base/bits.h"

typedef uint32_t RegSet;
#define RA_NREG X64_NREG
#define RA_GPR X64_ALLOC_GPR
#define RA_FPR X64_ALLOC_XMM
#define RA_CALLEE X64_CALLEE_SAVED
#define RA_SCRATCH_FP X64_SCRATCH
#define RA_AVOID_DIV (X64_BIT(RAX) | X64_BIT(RDX))
#define RA_AVOID_SHIFT X64_BIT(RCX)
// no REX prefix for 32-bit operations
#define RA_LOW (X64_BIT(RAX) | X64_BIT(RCX) | X64_BIT(RDX) | X64_BIT(RBX) | X64_BIT(RSI) | X64_BIT(RDI) | X64_BIT(RBP) | 0x00ff0000u)
#include "compiler/alloc/ra_core.h"

typedef struct TargetState {
  struct { uint32_t type; const X64Sig *sig; } sigs[16]; // signatures met last, by type + 1
  X64Sig self;
  bool avx, avx2, bmi1, bmi2, lzcnt, fma;
  uint32_t *catch_of;            // per block that is a handler: its catch + 1
} TargetState;

// A register or memory operand, with the values it carries for the checker.
typedef struct Opnd {
  uint8_t reg;                   // or REG_NONE: memory
  uint8_t rn, rm, scale;
  int32_t disp;
  uint32_t x, at;
  Ref val, vrn, vrm;
} Opnd;
static inline bool opnd_is_reg(const Opnd *o) { return o->reg != REG_NONE; }

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
static void make_const(Ra *ra, Reg dst, Ref ref)
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
// Constants, and the values whose definition is cheaper than a reload.
static void emit_make(Ra *ra, Reg dst, Ref ref)
{
  if (!zw_ref_is_value(ref)) {
    make_const(ra, dst, ref);
    note(ra, ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
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
  [OP_copy] = 1, [OP_vm_load] = 1, [OP_vm_addr] = 1, [OP_frame_addr] = 1, [OP_undef] = 1, [OP_call] = 1, [OP_call_elem] = 1, [OP_lib] = 1,
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
  if (ins->op != OP_call && ins->op != OP_call_elem && ins->op != OP_lib)
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
static bool imm_of(const Ra *ra, Ref r, bool wide, int32_t *imm) // does the constant fit a sign-extended imm32?
{
  uint64_t bits[2];
  if (!zw_ref_const(ra->z, r, bits))
    return false;
  *imm = (int32_t)(uint32_t)bits[0];
  return !wide || (int64_t)bits[0] == *imm;
}
static bool const_of(const Ra *ra, Ref r, uint64_t *v)
{
  uint64_t bits[2];
  if (!zw_ref_const(ra->z, r, bits))
    return false;
  *v = bits[0];
  return true;
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
static void set_mem(Lir *l, const Opnd *o)
{
  l->rn = o->rn, l->rm = o->rm, l->disp = o->disp;
  if (o->rm != REG_NONE)
    l->cc = o->scale;
  if (o->at)
    l->at = o->at, l->x = o->x;
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
// mem op reg / mem op imm: rows _mr and _mi.
static Lir *emit_mem(Ra *ra, unsigned op, unsigned sz, const Opnd *m, Reg rd, Ref vd)
{
  Lir *l = lir(ra, op);
  l->rd = (uint8_t)rd, l->sz = (uint8_t)sz;
  set_mem(l, m);
  note(ra, REF_NONE, vd, m->vrn, m->vrm, REF_NONE);
  return l;
}

// ---- addresses and fusion ----
static bool blocks_loads(const ZirFunc *z, uint32_t i)
{
  unsigned flags = zw_zir_shape[z->ins[i].op].flags;
  return (flags & OPF_EFFECT) || ((flags & OPF_TRAPS) && !(z->vflags[i] & ZV_PROVED));
}
// Is v defined in this block, used only by the current instruction, without a place of its own?
static bool is_private(const Ra *ra, Ref v)
{
  const ZirFunc *z = ra->z;
  return zw_ref_is_value(v) && z->uses[v] == 1 && v >= z->blocks[ra->b].first && v < ra->i && is_dead(ra, v) &&
         !(z->vflags[v] & ZV_HOISTED);
}
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
static Reg use_base(Ra *ra, Ref v) { return use(ra, v, RA_GPR, REG_NONE); }
// base + index * scale + disp of an access to a linear memory.
static Opnd mem_addr(Ra *ra, const ZIns *ins, Ref addr, uint32_t offset, uint32_t at)
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
  } else if (is_private(ra, addr)) {
    const ZIns *a = &ra->z->ins[addr];
    if (a->op == OP_i32_shl && const_of(ra, a->b, &c) && (c & 31) <= 3 && is_below(ra, a->a, 32 - (c & 31))) {
      o.scale = c & 31;
      addr = a->a;
    } else if (a->op == OP_i64_extend_i32_u) {
      addr = a->a;
    }
  }
  o.rm = (uint8_t)use_base(ra, addr);
  o.vrm = addr;
  return o;
}
static Opnd ptr_addr(Ra *ra, Ref base, uint32_t offset)
{
  Opnd o = { .reg = REG_NONE, .rn = REG_NONE, .rm = REG_NONE, .disp = (int32_t)offset, .val = REF_NONE, .vrn = REF_NONE, .vrm = REF_NONE };
  if (zw_ref_is_value(base) && ra->val[base].loc == REG_NONE) {
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
static unsigned kind_bytes(ValKind k) { return k == VK_I32 || k == VK_F32 || k == VK_REF ? 4 : k == VK_V128 ? 16 : 8; }
// The load v as a memory operand of the current instruction: `bytes` wide, no extension.
static bool fuse_load(Ra *ra, Ref v, unsigned bytes, Opnd *o)
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
    ra->val[v].vstate |= VS_FUSED;
    *o = ins->op == OP_vm_load ? at_place(PLACE_VM + ins->a, v) : ptr_addr(ra, ins->a, ins->c);
    return true;
  default: return false;
  }
  ra->val[v].vstate |= VS_FUSED;
  *o = mem_addr(ra, ins, ins->a, ins->c, ra->z->at[v]);
  return true;
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
  if (ra->val[v].loc == REG_NONE && (ra->val[v].vstate & VS_REMAT)) {
    const ZIns *ins = &ra->z->ins[v];
    RegSet can = allowed & ra->file & ~ra->lock;
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
  if (!zw_ref_is_value(v) || ra->val[v].loc != REG_NONE || ra->val[v].hint == REG_NONE)
    return d;
  Reg h = ra->val[v].hint;
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
  if (!zw_ref_is_value(b) || ra->val[b].loc != REG_NONE)
    return false;
  if (zw_ref_is_value(a) && ra->val[a].loc == REG_NONE)
    return ra->val[b].hint == d && (ra->val[a].hint != d || crosses_call(ra, a));
  return true;
}
enum { COMM = 1, LEA_ADD = 2, LEA_SUB = 4 };
static void sel_alu(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz, unsigned how)
{
  Ref a = ins->a, b = ins->b;
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
  if ((how & LEA_ADD) && zw_ref_is_value(a) && zw_ref_is_value(b) && ra->val[a].loc != REG_NONE && ra->val[b].loc != REG_NONE) {
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
    if (!is_private(ra, s) || (ra->z->ins[s].op != OP_i32_shl && ra->z->ins[s].op != OP_i64_shl))
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
  if (!is_private(ra, v) || ra->z->ins[v].op != (sz == 4 ? OP_i32_xor : OP_i64_xor) || !const_of(ra, ra->z->ins[v].b, &c) ||
      c != (sz == 4 ? UINT32_MAX : UINT64_MAX))
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
    Reg r = use(ra, ins->a, RA_GPR, near(ra, ins->a, d));
    emit_rr(ra, c == 0xff ? X_movzx8_rr : c == 0xffff ? X_movzx16_rr : X_mov_rr, 4, d, r);
    note(ra, v, REF_NONE, ins->a, REF_NONE, REF_NONE);
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
  Ref a = ins->a, b = ins->b;
  if (!zw_ref_is_value(a))
    swap_refs(&a, &b);
  int32_t imm;
  if (imm_of(ra, b, sz == 8, &imm)) {
    Opnd o = use_rm(ra, a, RA_GPR, near(ra, a, d), sz);
    Lir *l = emit_rm(ra, X_imul_rri, X_imul_rmi, sz, d, &o, v, REF_NONE);
    l->imm = imm;
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
  ra->chunks.p[ra->chunks.n - 1].part = true;
  ra->split = true;
  end_chunk(ra);
  return label;
}
static void resume_block(Ra *ra) { begin_chunk(ra, ra->b, ra->b, ra->cold); }
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
  uint32_t at = ra->z->at[v];
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
    if (ra->t->bmi2 && (op_cl == X_rol_cl || op_cl == X_ror_cl) && zw_ref_is_value(ins->a) && ra->val[ins->a].loc != REG_NONE) {
      Opnd o = use_rm(ra, ins->a, RA_GPR, near(ra, ins->a, d), sz);
      Lir *l = emit_rm(ra, X_rorx_rri, X_rorx_rmi, sz, d, &o, v, REF_NONE);
      l->imm = (int32_t)(op_cl == X_rol_cl ? (sz * 8 - c) & (sz * 8 - 1) : c);
      return;
    }
    if (op_cl == X_shl_cl && c <= 3 && c > 0 && zw_ref_is_value(ins->a) && ra->val[ins->a].loc != REG_NONE) {
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
  Reg d = def(ra, v, RA_GPR);
  Opnd o = use_rm(ra, ins->a, RA_GPR, near(ra, ins->a, d), 4);
  emit_rm(ra, X_mov_rr, X_mov_rm, 4, d, &o, v, REF_NONE);
}

// ---- conditions ----
typedef struct Cond {
  enum { COND_CMP, COND_TEST, COND_BT, COND_FLOAT, COND_BOOL } form;
  uint8_t cc;            // the jump or move that is taken when the condition holds
  uint8_t parity;        // 0; 1: cc and not P; 2: cc or P
  uint8_t sz;
  bool shared;           // the comparison has other uses and may be made again for them: its operands stay values
  Ref a, b;
} Cond;
static bool int_compare(unsigned op, unsigned *cc, unsigned *sz)
{
  switch (op) {
#define CMP(name, c) case OP_i32_##name: *cc = c, *sz = 4; return true; case OP_i64_##name: *cc = c, *sz = 8; return true;
  // clang-format off
  CMP(eq, CC_E) CMP(ne, CC_NE) CMP(lt_s, CC_L) CMP(lt_u, CC_B) CMP(gt_s, CC_G) CMP(gt_u, CC_A)
  CMP(le_s, CC_LE) CMP(le_u, CC_BE) CMP(ge_s, CC_GE) CMP(ge_u, CC_AE)
  // clang-format on
#undef CMP
  default: return false;
  }
}
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
  uint32_t db = z->blk[v];
  return z->uses[v] == 1 ? z->blocks[db].depth >= z->blocks[ra->b].depth || db == ra->b : db == ra->b;
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
  f.shared |= ra->z->uses[v] > 1;
  return f;
}
static Cond test_zero(Ra *ra, Ref a, unsigned sz, unsigned cc)
{
  Cond c = { .form = COND_BOOL, .cc = (uint8_t)cc, .sz = (uint8_t)sz, .a = a };
  if (is_private(ra, a)) {
    const ZIns *x = &ra->z->ins[a];
    if (x->op == (sz == 4 ? OP_i32_and : OP_i64_and))
      return (Cond){ .form = COND_TEST, .cc = (uint8_t)cc, .sz = (uint8_t)sz, .a = x->a, .b = x->b };
  }
  return c;
}
static Cond cond_from(Ra *ra, const ZIns *ins)
{
  Cond c = { .form = COND_BOOL, .a = REF_NONE };
  unsigned cc, sz;
  uint64_t k;
  if (ins->op == OP_i32_eqz) {
    if (zw_ref_is_value(ins->a) && can_fuse_compare(ra, ins->a)) {
      Cond inner = cond_from(ra, &ra->z->ins[ins->a]);
      if (inner.form != COND_BOOL || inner.a != REF_NONE) {
        inner.shared |= ra->z->uses[ins->a] > 1;
        return negated(inner);
      }
    }
    return test_zero(ra, ins->a, 4, CC_E);
  }
  if (ins->op == OP_i64_eqz)
    return test_zero(ra, ins->a, 8, CC_E);
  if (ins->op == OP_i32_and) // of a condition: not zero
    return is_private(ra, (Ref)(ins - ra->z->ins)) ? (Cond){ .form = COND_TEST, .cc = CC_NE, .sz = 4, .a = ins->a, .b = ins->b } : c;
  if (int_compare(ins->op, &cc, &sz)) {
    if (const_of(ra, ins->b, &k) && k == 0 && cc != CC_B && cc != CC_AE && cc != CC_A && cc != CC_BE) {
      c = test_zero(ra, ins->a, sz, cc == CC_L ? CC_S : cc == CC_GE ? CC_NS : cc);
      return c;
    }
    return (Cond){ .form = COND_CMP, .cc = (uint8_t)cc, .sz = (uint8_t)sz, .a = ins->a, .b = ins->b };
  }
  float_compare(&c, ins);
  return c;
}
static bool fuse_cond_load(Ra *ra, const Cond *c, Opnd *o) { return !c->shared && fuse_load(ra, c->a, c->sz, o); }
// Emit what sets the flags for c.  Its operands may not be in `locked` registers.
static void emit_cond(Ra *ra, Cond *c)
{
  int32_t imm;
  Opnd o;
  if (c->form == COND_FLOAT) {
    Reg a = use(ra, c->a, RA_FPR, REG_NONE);
    o = c->shared ? in_reg(use(ra, c->b, RA_FPR, REG_NONE), c->b) : use_rm(ra, c->b, RA_FPR, REG_NONE, c->sz);
    bool f4 = c->sz == 4;
    emit_rm(ra, f4 ? X_ucomiss_rr : X_ucomisd_rr, f4 ? X_ucomiss_rm : X_ucomisd_rm, c->sz, a, &o, REF_NONE, c->a);
    return;
  }
  if (c->form == COND_BOOL) {
    if (fuse_cond_load(ra, c, &o)) {
      emit_mem(ra, X_cmp_mi, c->sz, &o, REG_NONE, REF_NONE);
      return;
    }
    if (prefer_slot(ra, c->a, RA_GPR)) {
      o = at_place(use_slot(ra, c->a), c->a);
      emit_mem(ra, X_cmp_mi, c->sz, &o, REG_NONE, REF_NONE);
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
      emit_mem(ra, rr + 4, c->sz, &o, REG_NONE, REF_NONE)->imm = imm;
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
  else if (!c.parity && (!zw_ref_is_value(yes) || (zw_ref_is_value(no) && ra->val[no].loc != REG_NONE && ra->val[yes].loc == REG_NONE)) &&
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

// ---- memory ----
static void sel_load(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz, unsigned bytes)
{
  bool dead = is_dead(ra, v);
  if (dead && (ra->z->vflags[v] & ZV_PROVED))
    return;
  if (dead) { // it may trap: touch its last byte, for the first may be in bounds when the last is not
    Opnd o = mem_addr(ra, ins, ins->a, ins->c, ra->z->at[v]);
    if (o.disp > INT32_MAX - 16) { // no room to say "last byte"
      Reg t = temp(ra, class_of((ValKind)ins->ty));
      emit_rm(ra, 0, op, sz, t, &o, REF_NONE, REF_NONE);
      return;
    }
    o.disp += (int32_t)bytes - 1;
    emit_mem(ra, X_cmp_mi, 1, &o, REG_NONE, REF_NONE);
    return;
  }
  RegSet cls = class_of((ValKind)ins->ty);
  Reg d = def(ra, v, cls);
  Opnd o = mem_addr(ra, ins, ins->a, ins->c, ra->z->at[v]);
  emit_rm(ra, 0, op, sz, d, &o, v, REF_NONE);
}
// Narrow stores need only the low bits: look through what changes the others.
static Ref stored_value(const Ra *ra, Ref v, unsigned bytes)
{
  while (is_private(ra, v)) {
    const ZIns *x = &ra->z->ins[v];
    uint64_t c;
    if (x->op == OP_i32_wrap_i64 && bytes <= 4)
      v = x->a;
    else if ((x->op == OP_i32_and || x->op == OP_i64_and) && bytes < 8 && const_of(ra, x->b, &c) &&
             (~c & ((1ull << bytes * 8) - 1)) == 0)
      v = x->a;
    else if (x->op == OP_i64_extend_i32_u && bytes <= 4)
      v = x->a;
    else
      break;
  }
  return v;
}
static void sel_store(Ra *ra, const ZIns *ins, Ref v, unsigned op, unsigned sz)
{
  int32_t imm;
  if (op == X_mov_mr) {
    Ref b = stored_value(ra, ins->b, sz);
    if (imm_of(ra, b, sz == 8, &imm)) {
      Opnd o = mem_addr(ra, ins, ins->a, ins->c, ra->z->at[v]);
      emit_mem(ra, X_mov_mi, sz, &o, REG_NONE, REF_NONE)->imm = sz == 1 ? (int8_t)imm : sz == 2 ? (int16_t)imm : imm;
      return;
    }
    Reg r = use(ra, b, RA_GPR, REG_NONE);
    Opnd o = mem_addr(ra, ins, ins->a, ins->c, ra->z->at[v]);
    emit_mem(ra, op, sz, &o, r, b);
    return;
  }
  Reg r = use(ra, ins->b, RA_FPR, REG_NONE);
  Opnd o = mem_addr(ra, ins, ins->a, ins->c, ra->z->at[v]);
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
    emit_mem(ra, X_mov_mi, bytes, &o, REG_NONE, REF_NONE)->imm = imm;
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
  uint32_t at = ra->z->at[v];
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
  uint32_t at = ra->z->at[v];
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
  uint32_t at = ra->z->at[v];
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

// ---- calls ----
static const X64Sig *signature(Ra *ra, uint32_t type)
{
  TargetState *t = ra->t;
  unsigned k = type % ARRAY_COUNT(t->sigs);
  if (t->sigs[k].type != type + 1) {
    X64Sig *s = zw_new(ra->a, X64Sig);
    *s = zw_x64_signature(ra->z->m, &ra->z->m->types[type].func, ra->a);
    t->sigs[k].type = type + 1, t->sigs[k].sig = s;
  }
  return t->sigs[k].sig;
}
static inline bool has_area(const X64Sig *s) { return s->result_bytes != 0; }
// Room in the frame for results in memory, payloads.
static uint32_t frame_area(Ra *ra, uint32_t bytes)
{
  uint32_t at = ra->l->area_bytes;
  if (bytes > (1u << 28) || at > (1u << 28))
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u needs too large a frame", ra->z->func);
  ra->l->area_bytes = (at + bytes + 15) & ~15u;
  return at;
}
// Result k of a call has its own instruction right behind the call; result 0 is the call itself.
static bool is_result_of(const ZirFunc *z, Ref j, Ref v) { return j < z->nins && z->ins[j].op == OP_result && z->ins[j].a == v; }
static void call_result(Ra *ra, Ref r, const X64Loc *from, uint32_t area, Moves *mv)
{
  if (is_dead(ra, r))
    return;
  ValKind kind = (ValKind)ra->z->ins[r].ty;
  uint32_t src = from->reg != REG_NONE ? from->reg : PLACE_AREA + area + from->off;
  Reg d = ra->val[r].loc;
  if (d != REG_NONE) {
    unbind(ra, d);
    ra->written |= BIT(d);
    if (d != src)
      add_move(ra, mv, d, src, r, kind);
  }
  if (ra->val[r].slot)
    add_move(ra, mv, slot_place(ra, r), src, r, kind);
}
// Slots of results are free above the call, but not for what lives across it: results are stored before that is reloaded.
static void free_result_slots(Ra *ra, const Moves *mv)
{
  for (uint32_t k = 0; k < mv->n; k++)
    if (!is_reg(mv->p[k].dst))
      free_slot(ra, mv->p[k].dst - PLACE_SLOT);
}
// The results, from where the callee leaves them to where they live.  Their ranges end here.
static void call_results(Ra *ra, Ref v, const X64Sig *s, uint32_t area, Moves *mv)
{
  const ZirFunc *z = ra->z;
  mv->n = 0;
  if (s->nresults)
    call_result(ra, v, &s->results[0], area, mv);
  for (Ref j = v + 1; is_result_of(z, j, v); j++)
    call_result(ra, j, &s->results[z->ins[j].b], area, mv);
}
static void note_results(Ra *ra, Ref v, const X64Sig *s)
{
  const ZirFunc *z = ra->z;
  if (!notes(ra))
    return;
  if (s->nresults && s->results[0].reg != REG_NONE)
    note_fix(ra, s->results[0].reg, v, LF_DEF);
  for (Ref j = v + 1; is_result_of(z, j, v); j++)
    if (s->results[z->ins[j].b].reg != REG_NONE)
      note_fix(ra, s->results[z->ins[j].b].reg, j, LF_DEF);
}
// What a call destroys and is needed below.  On a cold path it is saved and restored around the call, so that the
// hot path pays nothing; else it moves to a callee-saved register or to its slot.
static void save_around(Ra *ra, RegSet clobbered, RegSet args)
{
  if (!ra->cold) {
    for (RegSet m = ra->busy & clobbered; m; m &= m - 1)
      free_up(ra, zw_ctz64(m), RA_CALLEE);
    return;
  }
  uint32_t taken[RA_NREG], n = 0;
  for (RegSet m = ra->busy & clobbered; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref w = ra->cur[r];
    ValKind kind = kind_of(ra, w);
    if (ra->val[w].slot || is_remat(ra, w) || (ra->weak & BIT(r))) {
      free_up(ra, r, 0);
      continue;
    }
    Reg q = r;
    if (args & BIT(r)) {
      RegSet can = class_of(kind) & ra->file & ~ra->busy & ~args & ~ra->written;
      if (!can) {
        free_up(ra, r, RA_CALLEE);
        continue;
      }
      q = choose(ra, can & RA_CALLEE & ra->dirty ? can & RA_CALLEE & ra->dirty : can & clobbered ? can & clobbered : can);
      unbind(ra, r);
      bind(ra, q, w);
      dirty(ra, q);
      if (!(clobbered & BIT(q))) {
        move_reg(ra, r, q, kind);
        continue;
      }
    }
    uint32_t s = find_slot(ra, slot_size(kind), NULL);
    taken[n++] = s;
    emit_load(ra, r, PLACE_SLOT + s, kind);
    *zw_push(ra->a, &ra->pre) = (Move){ PLACE_SLOT + s, q, w, (uint8_t)kind };
  }
  while (n)
    free_slot(ra, taken[--n]);
}
static RegSet arg_regs(const X64Sig *s)
{
  RegSet m = BIT(RAX);
  for (uint32_t k = 0; k < s->nparams; k++)
    if (s->params[k].reg != REG_NONE)
      m |= BIT(s->params[k].reg);
  if (has_area(s) && s->result_area.reg != REG_NONE)
    m |= BIT(s->result_area.reg);
  return m;
}
// One value to memory at base + off, 8 bytes a slot.  There may be hundreds of them, so each frees its register again.
static void store_word(Ra *ra, Ref v, Reg base, Ref base_v, uint32_t off)
{
  ValKind kind = kind_of(ra, v);
  int32_t imm;
  Lir *l;
  if (kind != VK_V128 && kind != VK_F32 && imm_of(ra, v, kind != VK_I32, &imm) && (kind != VK_I32 || imm >= 0)) {
    l = lir(ra, X_mov_mi);
    l->imm = imm, l->sz = 8, l->rn = (uint8_t)base, l->disp = (int32_t)off;
    note(ra, REF_NONE, REF_NONE, base_v, REF_NONE, REF_NONE);
    return;
  }
  RegSet lock = ra->lock;
  Reg r = use(ra, v, class_of(kind), REG_NONE);
  ra->lock = lock;
  l = lir(ra, store_op(kind));
  l->rd = (uint8_t)r, l->sz = 8, l->rn = (uint8_t)base, l->disp = (int32_t)off;
  note(ra, REF_NONE, v, base_v, REF_NONE, REF_NONE);
  if (!zw_ref_is_value(v)) { // made right here, not with what the whole instruction needs
    ra->pre.n--;
    emit_make(ra, r, v);
  }
}
// Register arguments are brought to their places; to be called when the call itself has not been emitted.
static void reg_args(Ra *ra, const ZIns *ins, uint32_t n, const X64Sig *s)
{
  for (uint32_t k = 0; k < n; k++)
    if (s->params[k].reg != REG_NONE)
      use_at(ra, ra->z->xa[ins->a + k], s->params[k].reg);
}
static void note_args(Ra *ra, const ZIns *ins, uint32_t n, const X64Sig *s)
{
  for (uint32_t k = 0; k < n && notes(ra); k++)
    if (s->params[k].reg != REG_NONE)
      note_fix(ra, s->params[k].reg, ra->z->xa[ins->a + k], LF_USE);
}
static void stack_args(Ra *ra, const ZIns *ins, uint32_t n, const X64Sig *s, uint32_t area, unsigned op_area)
{
  uint32_t bytes = s->arg_bytes;
  if (!bytes)
    return;
  for (uint32_t k = n; k--;)
    if (s->params[k].reg == REG_NONE)
      store_word(ra, ra->z->xa[ins->a + k], REG_OUT, REF_NONE, s->params[k].off);
  if (has_area(s) && s->result_area.reg == REG_NONE) { // its address
    Reg t = temp(ra, RA_GPR);
    Lir *l = lir(ra, X_mov_mr);
    l->rd = (uint8_t)t, l->sz = 8, l->rn = REG_OUT, l->disp = (int32_t)s->result_area.off;
    l = lir(ra, X_lea);
    l->rd = (uint8_t)t, l->sz = 8, l->rn = REG_AREA, l->disp = (int32_t)area;
  }
  lir(ra, op_area)->imm = (int32_t)bytes;
  if (bytes > ra->l->max_out_bytes)
    ra->l->max_out_bytes = bytes;
}
static Lir *emit_call(Ra *ra, unsigned op, Ref v, const ZIns *ins, uint32_t nargs, const X64Sig *s)
{
  Lir *l = lir(ra, op);
  l->imm = (int32_t)s->arg_bytes, l->at = ra->z->at[v];
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  note_args(ra, ins, nargs, s);
  note_results(ra, v, s);
  add_map(ra);
  return l;
}
static void call_common(Ra *ra, const ZIns *ins, Ref v, uint32_t type, uint32_t nargs, bool elem)
{
  const X64Sig *s = signature(ra, type);
  const ZirFunc *z = ra->z;
  bool import = !elem && ins->c < z->m->nimported_funcs;
  uint32_t area = has_area(s) ? frame_area(ra, s->result_bytes) : 0;
  ra->l->has_calls = ra->l->needs_stack_check = true;
  Moves *mv = &ra->edge_moves[0];
  call_results(ra, v, s, area, mv);
  ref_call(ra, v);
  save_around(ra, X64_CALLER_SAVED, arg_regs(s));
  parallel_move(ra, mv);
  free_result_slots(ra, mv);
  ra->written = X64_CALLER_SAVED;
  reg_args(ra, ins, nargs, s);
  Ref e = elem ? z->xa[ins->a + nargs] : REF_NONE;
  bool area_in_reg = has_area(s) && s->result_area.reg != REG_NONE;
  if (area_in_reg)
    ra->lock |= BIT(s->result_area.reg);
  if (elem)
    use_at(ra, e, RAX);
  ra->lock |= BIT(RAX);
  if (elem && !s->arg_bytes) { // an element of this very instance is called without a thunk
    uint32_t done = split_block(ra), other = begin_stub(ra, true);
    jump_to(ra, done);
    Lir *l = emit_call(ra, X_call_thunk, v, ins, nargs, s);
    l->x = FX_THUNK(THUNK_XCALL, type);
    note_fix(ra, RAX, e, LF_USE);
    end_chunk(ra);
    resume_block(ra);
    l = emit_call(ra, X_call_m, v, ins, nargs, s);
    l->rn = RAX, l->sz = 8;
    note_fix(ra, RAX, e, LF_USE);
    jump_cc(ra, CC_NE, other);
    l = lir(ra, X_cmp_mr);
    l->rd = X64_VMCTX, l->rn = RAX, l->disp = offsetof(TableElem, vmctx), l->sz = 8;
    note(ra, REF_NONE, REF_NONE, e, REF_NONE, REF_NONE);
  } else if (elem || import) {
    Lir *l = emit_call(ra, X_call_thunk, v, ins, nargs, s);
    l->x = FX_THUNK(THUNK_XCALL, type);
    if (elem) {
      note_fix(ra, RAX, e, LF_USE);
    } else {
      l = lir(ra, X_lea);
      l->rd = RAX, l->sz = 8, l->rn = X64_VMCTX, l->disp = (int32_t)(z->layout.imports + 32 * ins->c);
    }
  } else {
    emit_call(ra, X_call, v, ins, nargs, s)->x = ins->c;
  }
  if (area_in_reg) {
    Lir *l = lir(ra, X_lea);
    dirty(ra, s->result_area.reg);
    l->rd = s->result_area.reg, l->sz = 8, l->rn = REG_AREA, l->disp = (int32_t)area;
  }
  end_ins(ra); // register arguments arrive behind the stores of the others, which are free to use any register
  stack_args(ra, ins, nargs, s, area, X_out_area);
}
static void sel_call(Ra *ra, const ZIns *ins, Ref v) { call_common(ra, ins, v, ra->z->m->funcs[ins->c].type, ins->b, false); }
static void sel_call_elem(Ra *ra, const ZIns *ins, Ref v) { call_common(ra, ins, v, ins->c, ins->b - 1, true); }

typedef struct LibInfo { const char *sig; uint16_t flags; } LibInfo;
enum { LIB_MAY_TRAP = 1, LIB_MAY_GC = 2 };
static const LibInfo lib_info[LIB_COUNT] = {
#define TRAPS LIB_MAY_TRAP
#define GC LIB_MAY_GC
#define LIBCALL(id, sig, flags) { #sig, (flags) },
#include "runtime/abi/libcall.def"
#undef TRAPS
#undef GC
};
static void vacate(Ra *ra, Reg r)
{
  if (ra->busy & BIT(r))
    free_up(ra, r, ra->file);
  ra->lock |= BIT(r);
}
// The shims keep every register but rax and a float result's, so nothing else moves; arguments stay where they are.
static void sel_lib(Ra *ra, const ZIns *ins, Ref v)
{
  const LibInfo *info = &lib_info[ins->c];
  char res = info->sig[0];
  bool fp = res == 'f' || res == 'd';
  if (res != 'z') {
    Reg d = fp ? XMM0 : RAX;
    def(ra, v, only(d));
    ra->lock |= BIT(d);
  }
  if (res == 'z' || fp)
    vacate(ra, RAX); // the shim's own
  if (info->flags & (LIB_MAY_GC | LIB_MAY_TRAP))
    ref_call(ra, v);
  static const uint8_t gpr[6] = { RDI, RSI, RDX, RCX, R8, R9 };
  unsigned ng = 0, nx = 0;
  CHECK(ins->b <= 6);
  // Who lives in an argument register that another argument wants moves away first: a move recorded for it would
  // read the register too late.
  RegSet mine = 0;
  for (uint32_t k = 0; k < ins->b; k++)
    mine |= BIT(class_of(kind_of(ra, ra->z->xa[ins->a + k])) == RA_FPR ? XMM0 + nx++ : gpr[ng++]);
  ng = nx = 0;
  for (uint32_t k = 0; k < ins->b; k++) {
    Ref a = ra->z->xa[ins->a + k];
    Reg r = class_of(kind_of(ra, a)) == RA_FPR ? XMM0 + nx++ : gpr[ng++];
    if (ra->busy & BIT(r) && ra->cur[r] != a)
      free_up(ra, r, ra->file & ~mine);
  }
  ng = nx = 0;
  for (uint32_t k = 0; k < ins->b; k++) {
    Ref a = ra->z->xa[ins->a + k];
    bool x = class_of(kind_of(ra, a)) == RA_FPR;
    use_at(ra, a, x ? XMM0 + nx++ : gpr[ng++]);
  }
  Lir *l = lir(ra, X_call_m);
  l->rn = X64_VMCTX, l->sz = 8, l->disp = (int32_t)(offsetof(VmCtx, libcall) + 8 * ins->c), l->at = ra->z->at[v];
  if (info->flags & (LIB_MAY_GC | LIB_MAY_TRAP))
    note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  if (res != 'z')
    note_fix(ra, fp ? XMM0 : RAX, v, LF_DEF);
  ng = nx = 0;
  for (uint32_t k = 0; k < ins->b; k++) {
    Ref a = ra->z->xa[ins->a + k];
    bool x = class_of(kind_of(ra, a)) == RA_FPR;
    note_fix(ra, x ? XMM0 + nx++ : gpr[ng++], a, LF_USE);
  }
  if (info->flags & (LIB_MAY_GC | LIB_MAY_TRAP))
    add_map(ra);
  ra->l->has_calls = true;
}
static void sel_trapif(Ra *ra, const ZIns *ins, Ref v)
{
  Cond c = cond_of(ra, ins->a);
  uint32_t at = ra->z->at[v];
  if (c.parity == 1) { // two conditions at once: make the value
    Reg r = use(ra, ins->a, RA_GPR, REG_NONE);
    trap_cc(ra, CC_NE, (TrapKind)ins->c, at);
    emit_rr(ra, X_test_rr, 4, r, r);
    note(ra, REF_NONE, ins->a, ins->a, REF_NONE, REF_NONE);
    return;
  }
  if (c.parity == 2)
    trap_cc(ra, CC_P, (TrapKind)ins->c, at);
  trap_cc(ra, c.cc, (TrapKind)ins->c, at);
  emit_cond(ra, &c);
}
// The element's type id against the wanted one; null elements have id 0.
static void sel_check_sig(Ra *ra, const ZIns *ins, Ref v)
{
  uint32_t at = ra->z->at[v];
  Opnd m = ptr_addr(ra, ins->a, offsetof(TableElem, type_id));
  Reg r = use(ra, ins->b, RA_GPR, REG_NONE);
  uint32_t done = split_block(ra), bad = begin_stub(ra, true);
  (void)done;
  trap_now(ra, TRAP_indirect_type, at);
  trap_cc(ra, CC_E, TRAP_uninitialized, at);
  emit_mem(ra, X_cmp_mi, 4, &m, REG_NONE, REF_NONE);
  end_chunk(ra);
  resume_block(ra);
  jump_cc(ra, CC_NE, bad);
  emit_mem(ra, X_cmp_mr, 4, &m, r, ins->b);
}

// ---- terminators ----
static void hoisted_moves(Ra *ra, const BranchPlan *p)
{
  if (!p->hoisted)
    return;
  ra->flags_live = true;
  parallel_move(ra, p->hoisted);
}
static void term_br(Ra *ra, uint32_t b, const ZIns *ins)
{
  Cond c = cond_of(ra, ins->a);
  BranchPlan p = plan_branch(ra, b, c.parity == 1 ? 1 : c.parity == 2 ? 0 : -1);
  c = cond_of(ra, ins->a); // again: only now is it known what lives on behind the branch
  if (!p.on_true)
    c = negated(c);
  ASSERT(c.parity != 1);
  jump_cc(ra, c.cc, p.label);
  note(ra, p.taken, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  if (c.parity) {
    jump_cc(ra, CC_P, p.label);
    note(ra, p.taken, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
  ra->flags_live = true;
  hoisted_moves(ra, &p);
  emit_cond(ra, &c);
  ra->flags_live = false;
}
// Two registers that few of the switch's targets want: nothing can be reloaded behind the jump, so nobody may live there.
static RegSet switch_temps(Ra *ra, const ZBlock *k)
{
  RegSet can = RA_GPR & ra->file, out = 0;
  for (uint32_t j = 0; j < k->nedges && j < 16; j++) {
    RegSet left = can & ~ra->entry[ra->z->edges[k->edges + j].to].regs;
    if (zw_popcnt64(left) < 2)
      break;
    can = left;
  }
  for (int n = 0; n < 2; n++) {
    RegSet m = can & ~out;
    out |= BIT(choose(ra, m & ~RA_CALLEE ? m & ~RA_CALLEE : m));
  }
  return out;
}
static uint32_t switch_label(Ra *ra, uint32_t b, uint32_t edge, const uint32_t *labels)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  const ZEdge *e = &z->edges[edge];
  if (!ra->last_edge)
    ra->last_edge = zw_new_array(ra->a, uint32_t, z->nblocks + 1);
  uint32_t same = ra->last_edge[e->to] - 1; // the last edge to this target, of any switch
  if (same - k->edges < k->nedges &&
      (z->edges[same].args == e->args ||
       memcmp(z->edge_args + z->edges[same].args, z->edge_args + e->args, z->blocks[e->to].nphi * sizeof(Ref)) == 0))
    return labels[same - k->edges];
  ra->last_edge[e->to] = edge + 1;
  conform(ra, e, &ra->tmp);
  return ra->tmp.n ? edge_stub(ra, edge, &ra->tmp) : block_label(ra, e->to);
}
// Dense: compares for up to three targets, else a table behind one bounds check.
static void term_switch(Ra *ra, uint32_t b, const ZIns *ins)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  uint32_t n = ins->c, last = k->nedges - 1; // entries; the default edge
  const uint32_t *entry = z->xa + ins->b;
  uint32_t *labels = zw_new_array(ra->a, uint32_t, k->nedges);
  ra->reserved = switch_temps(ra, k);
  for (unsigned pass = 0; pass < 2; pass++) // hot targets first: they decide where values are
    for (uint32_t j = 0; j < k->nedges; j++)
      if ((z->blocks[z->edges[k->edges + j].to].cold != 0) == pass)
        labels[j] = switch_label(ra, b, k->edges + j, labels);
  RegSet temps = ra->reserved;
  Reg t = zw_ctz64(temps), t2 = zw_ctz64(temps & ~BIT(t));
  dirty(ra, t), dirty(ra, t2);
  ra->reserved = 0;
  begin_chunk(ra, b, b, ra->cold);
  Reg r = t2;
  if (!zw_ref_is_value(ins->a)) {
    bring(ra, t2, ins->a, REG_NONE);
  } else {
    if (ra->val[ins->a].loc == REG_NONE)
      bind(ra, t2, ins->a);
    r = use(ra, ins->a, RA_GPR, REG_NONE);
  }
  Lir *l;
  if (n > 3) {
    uint32_t first = ra->table_labels.n;
    for (uint32_t j = 0; j < n; j++)
      *zw_push(ra->a, &ra->table_labels) = labels[entry[j]];
    l = lir(ra, X_jtable);
    l->rn = (uint8_t)r, l->rd = (uint8_t)t, l->ra = (uint8_t)t2, l->x = ra->tables.n, l->sz = 8;
    note(ra, REF_NONE, REF_NONE, ins->a, REF_NONE, REF_NONE);
    *zw_push(ra->a, &ra->tables) = (LirTable){ first, n };
    jump_cc(ra, CC_AE, labels[last]);
    note(ra, k->edges + last, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    emit_ri(ra, X_cmp_ri, 4, r, (int32_t)n);
    note(ra, REF_NONE, ins->a, REF_NONE, REF_NONE, REF_NONE);
    return;
  }
  jump_to(ra, labels[last]);
  note(ra, k->edges + last, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  for (uint32_t j = n; j--;) {
    jump_cc(ra, CC_E, labels[entry[j]]);
    note(ra, k->edges + entry[j], REF_NONE, REF_NONE, REF_NONE, REF_NONE);
    if (j)
      emit_ri(ra, X_cmp_ri, 4, r, (int32_t)j);
    else
      emit_rr(ra, X_test_rr, 4, r, r);
    note(ra, REF_NONE, ins->a, j ? REF_NONE : ins->a, REF_NONE, REF_NONE);
  }
}
static void term_ret(Ra *ra, uint32_t b, const ZIns *ins)
{
  const X64Sig *s = &ra->t->self;
  begin_chunk(ra, b, b, ra->cold);
  lir(ra, X_ret);
  for (uint32_t k = 0; k < ins->b && notes(ra); k++)
    if (s->results[k].reg != REG_NONE)
      note_fix(ra, s->results[k].reg, ra->z->xa[ins->a + k], LF_USE);
  for (uint32_t k = 0; k < ins->b; k++)
    if (s->results[k].reg != REG_NONE)
      use_at(ra, ra->z->xa[ins->a + k], s->results[k].reg);
  if (has_area(s)) {
    Reg p = use(ra, ra->z->nins, RA_GPR, REG_NONE);
    for (uint32_t k = ins->b; k--;)
      if (s->results[k].reg == REG_NONE)
        store_word(ra, ra->z->xa[ins->a + k], p, ra->z->nins, s->results[k].off);
  }
}
static void term_trap(Ra *ra, uint32_t b, const ZIns *ins, Ref v)
{
  begin_chunk(ra, b, b, ra->cold);
  trap_now(ra, (TrapKind)ins->c, ra->z->at[v]);
}
// Arguments to their places, then the frame goes and the callee returns to our caller.
static void term_tail_call(Ra *ra, uint32_t b, const ZIns *ins, Ref v, uint32_t type, bool elem)
{
  const X64Sig *s = signature(ra, type);
  uint32_t nargs = ins->b - elem;
  bool import = !elem && ins->c < ra->z->m->nimported_funcs;
  begin_chunk(ra, b, b, ra->cold);
  ra->l->needs_stack_check = true;
  reg_args(ra, ins, nargs, s);
  if (has_area(s) && s->result_area.reg != REG_NONE)
    use_at(ra, ra->z->nins, s->result_area.reg);
  Ref e = elem ? ra->z->xa[ins->a + nargs] : REF_NONE;
  if (elem)
    use_at(ra, e, RAX);
  ra->lock |= BIT(RAX);
  Lir *l = lir(ra, elem || import ? X_tcall_thunk : X_tcall);
  l->x = elem || import ? FX_THUNK(THUNK_XCALL, type) : ins->c;
  l->imm = (int32_t)s->arg_bytes, l->at = ra->z->at[v];
  note_args(ra, ins, nargs, s);
  if (elem)
    note_fix(ra, RAX, e, LF_USE);
  if (import) {
    l = lir(ra, X_lea);
    l->rd = RAX, l->sz = 8, l->rn = X64_VMCTX, l->disp = (int32_t)(ra->z->layout.imports + 32 * ins->c);
  }
  if (!s->arg_bytes)
    return;
  end_ins(ra);
  if (has_area(s) && s->result_area.reg == REG_NONE)
    store_word(ra, ra->z->nins, REG_OUT, REF_NONE, s->result_area.off);
  for (uint32_t k = nargs; k--;)
    if (s->params[k].reg == REG_NONE)
      store_word(ra, ra->z->xa[ins->a + k], REG_OUT, REF_NONE, s->params[k].off);
  lir(ra, X_tail_area)->imm = (int32_t)s->arg_bytes;
  if (s->arg_bytes > ra->l->max_out_bytes)
    ra->l->max_out_bytes = s->arg_bytes;
}
// The payload as 16-byte values in the frame; the runtime copies it, unwinds, and never returns here.
static void term_throw(Ra *ra, uint32_t b, const ZIns *ins, Ref v)
{
  begin_chunk(ra, b, b, ra->cold);
  uint32_t area = frame_area(ra, 16 * (ins->b ? ins->b : 1));
  ra->l->has_calls = ra->l->needs_stack_check = true;
  lir(ra, X_unreachable);
  if (ra->nrefs)
    ref_block_out(ra, b, ra->ref_live);
  ref_call(ra, v);
  ra->lock |= BIT(RDI) | BIT(RSI);
  Lir *l = lir(ra, X_call_m);
  l->rn = X64_VMCTX, l->sz = 8, l->disp = VMCTX_LIBCALL(throw), l->at = ra->z->at[v];
  add_map(ra);
  load_imm(ra, RDI, ins->c, false);
  l = lir(ra, X_lea);
  l->rd = RSI, l->sz = 8, l->rn = REG_AREA, l->disp = (int32_t)area;
  for (uint32_t k = ins->b; k--;)
    store_word(ra, ra->z->xa[ins->a + k], REG_AREA, REF_NONE, area + 16 * k);
}
// A handler is entered with rax = address of the payload (16-byte values) and rdx = the exnref; everything else was in
// memory, so all other registers are free for the payload here.
static void emit_handler_head(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  for (Reg r = RAX; r <= RDX; r += RDX)
    if (ra->busy & BIT(r)) {
      Ref v = ra->cur[r];
      Reg q = zw_ctz64(RA_GPR & ~(BIT(RAX) | BIT(RDX)) & ~ra->busy);
      unbind(ra, r);
      bind(ra, q, v);
      dirty(ra, q);
      move_reg(ra, r, q, kind_of(ra, v));
    }
  uint32_t npayload = 0;
  if (ra->t->catch_of[b]) {
    uint32_t tag = z->catches[ra->t->catch_of[b] - 1].tag;
    npayload = tag == UINT32_MAX ? 0 : z->m->types[z->m->tags[tag].type].func.nparams;
  }
  for (uint32_t i = k->end; i-- > k->first + k->nphi;) {
    const ZIns *ins = &z->ins[i];
    if (ins->op != OP_catch_value || is_dead(ra, i))
      continue;
    ValKind kind = (ValKind)ins->ty;
    Reg d = ra->val[i].loc;
    if (d != REG_NONE)
      unbind(ra, d);
    bool fp = class_of(kind) == RA_FPR, exn = ins->b >= npayload;
    if (ra->val[i].slot) {
      store_slot(ra, i, exn ? RDX : d != REG_NONE ? d : X64_SCRATCH);
      if (d == REG_NONE && !exn && !fp) // a scalar through the vector scratch register
        ra->buf[ra->at].op = X_movsd_mr;
      free_slot(ra, ra->val[i].slot - 1);
    }
    if (exn) {
      if (d != REG_NONE)
        emit_move(ra, d, RDX, kind);
      note_alias(ra, RDX, i, REF_NONE);
      continue;
    }
    Lir *l = lir(ra, d == REG_NONE && !fp ? X_movsd_rm : load_op(kind));
    l->rd = (uint8_t)(d == REG_NONE ? X64_SCRATCH : d), l->rn = RAX, l->disp = (int32_t)(16 * ins->b), l->sz = (uint8_t)kind_bytes(kind);
    note(ra, i, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
}

#include "compiler/x64/select_simd.h"
#include "compiler/x64/select_atomic.h"

// ---- the walk ----
static void select_ins(Ra *ra, const ZIns *ins, Ref v)
{
  switch (ins->op) {
  case OP_param: case OP_phi: case OP_result: case OP_catch_value: return; // where they come from places them
#define EMIT(id, pattern, ...) case OP_##id: sel_##pattern(ra, ins, v, ##__VA_ARGS__); break;
#include "compiler/x64/emit.def"
  default: zw_fail(ra->ctx, ERR_unsupported, ZW_NO_POS, "%s on x86-64", zw_op_info[ins->op].text);
  }
  end_ins(ra);
}
static void select_one(Ra *ra, uint32_t v)
{
  const ZIns *ins = &ra->z->ins[v];
  if (ra->val[v].vstate & VS_FUSED)
    return;
  if (ins->ty != VK_COUNT && is_dead(ra, v)) {
    unsigned flags = zw_zir_shape[ins->op].flags;
    if (flags & OPF_PURE)
      return;
  }
  select_ins(ra, ins, v);
}
static void select_terminator(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  uint32_t v = z->blocks[b].end - 1;
  const ZIns *ins = &z->ins[v];
  ra->i = v;
  switch (ins->op) {
  case OP_jmp: plan_jump(ra, b); break;
  case OP_br: term_br(ra, b, ins); break;
  case OP_switch: term_switch(ra, b, ins); break;
  case OP_ret: term_ret(ra, b, ins); break;
  case OP_trap: term_trap(ra, b, ins, v); break;
  case OP_tcall: term_tail_call(ra, b, ins, v, z->m->funcs[ins->c].type, false); break;
  case OP_tcall_elem: term_tail_call(ra, b, ins, v, ins->c, true); break;
  case OP_throw: term_throw(ra, b, ins, v); break;
  default: BUG("op %u does not end a block", ins->op);
  }
  end_ins(ra);
}
static void select_hoisted(Ra *ra, uint32_t b)
{
  uint32_t l = enters_loop(ra, b), n;
  if (l == NO_LOOP)
    return;
  hoisted_values(ra, l, &n);
  ra->hoisting = true;
  for (uint32_t k = n; k--;) {
    ra->i = ra->hoist.p[k];
    select_one(ra, ra->i);
  }
  ra->hoisting = false;
}
static void select_block(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  start_block(ra, b);
  select_terminator(ra, b);
  select_hoisted(ra, b);
  ra->effect_at = INT64_MAX;
  for (uint32_t i = k->end - 1; i-- > k->first + k->nphi;) {
    if (z->vflags[i] & ZV_HOISTED)
      continue;
    ra->i = i;
    set_pos(ra, k->pos + (i - k->first));
    if (ra->scanned == b + 1)
      unlink_uses(ra, i);
    select_one(ra, i);
  }
}
// Parameters from where the convention puts them to where the function wants them.
static void function_head(Ra *ra)
{
  const ZirFunc *z = ra->z;
  const X64Sig *s = &ra->t->self;
  Moves *mv = &ra->tmp;
  mv->n = 0;
  const ZBlock *k = &z->blocks[z->order[0]];
  for (uint32_t v = k->first; v <= k->end; v++) {
    Ref p = v == k->end ? z->nins : v;
    if ((p != z->nins && z->ins[p].op != OP_param) || is_dead(ra, p))
      continue;
    const X64Loc *from = p == z->nins ? &s->result_area : &s->params[z->ins[p].a];
    uint32_t src = from->reg != REG_NONE ? from->reg : PLACE_ARG + from->off;
    ValKind kind = kind_of(ra, p);
    Reg d = ra->val[p].loc;
    if (d != REG_NONE && d != src)
      add_move(ra, mv, d, src, p, kind);
    else if (d != REG_NONE)
      ra->lock |= BIT(d); // it stays: no spare register for the moves
    if (d != REG_NONE)
      unbind(ra, d);
    if (ra->val[p].slot)
      add_move(ra, mv, slot_place(ra, p), src, p, kind);
  }
  parallel_move(ra, mv);
  ra->lock = 0;
  for (uint32_t v = k->first; v <= k->end; v++) {
    Ref p = v == k->end ? z->nins : v;
    const X64Loc *from = p == z->nins ? (has_area(s) ? &s->result_area : NULL) : z->ins[p].op == OP_param ? &s->params[z->ins[p].a] : NULL;
    if (from && from->reg != REG_NONE)
      note_alias(ra, from->reg, p, REF_NONE);
  }
  ASSERT(!ra->busy);
}

static void init_target(Ra *ra)
{
  TargetState *t = ra->t = zw_new(ra->a, TargetState);
  uint64_t cpu = ra->o->cpu_bits;
  t->self = *signature(ra, ra->z->type);
  t->avx = cpu & CPU_AVX, t->avx2 = cpu & CPU_AVX2, t->bmi1 = cpu & CPU_BMI1, t->bmi2 = cpu & CPU_BMI2;
  t->lzcnt = cpu & CPU_LZCNT, t->fma = cpu & CPU_FMA;
  const ZirFunc *z = ra->z;
  if (z->ntries)
    t->catch_of = zw_new_array(ra->a, uint32_t, z->nblocks);
  for (uint32_t k = 0; k < z->ntries; k++)
    for (uint32_t c = z->tries[k].catches; c < z->tries[k].catches + z->tries[k].ncatches; c++)
      t->catch_of[z->catches[c].block] = c + 1;
  for (uint32_t v = z->blocks[z->order[0]].first; v < z->blocks[z->order[0]].end; v++)
    if (z->ins[v].op == OP_param && t->self.params[z->ins[v].a].reg != REG_NONE)
      ra->val[v].hint = t->self.params[z->ins[v].a].reg;
}
LirFunc *zw_x64_select(Ctx *ctx, const ZirFunc *z, const CodeOptions *o, Arena *a)
{
  ArenaMark mark = zw_arena_mark(&ctx->scratch);
  Ra ra = { .ctx = ctx, .z = z, .o = o, .a = a, .rng = o->random_ra ^ (z->func * 0x9e3779b97f4a7c15ull) ^ 1 };
  init_ra(&ra);
  init_target(&ra);
  if (z->has_refs)
    ref_liveness(&ra);
  ra.l->arg_bytes = ra.t->self.arg_bytes;
  for (uint32_t k = z->norder; k--;) {
    uint32_t b = z->order[k];
    select_block(&ra, b);
    if (k == 0)
      function_head(&ra);
    block_head(&ra, b);
    finish_block(&ra, b);
  }
  finish_function(&ra);
  zw_arena_release(&ctx->scratch, mark);
  return ra.l;
}
