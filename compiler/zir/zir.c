// The tables that describe ZIR's ops, its constants, and small questions about functions.
#include "compiler/zir/zir_int.h"
#include "runtime/base/bits.h"

// Operands of a signature "xx_x": everything before the underscore.  Only rows with one result or none are ops of ZIR.
#define NIN(sig) (sizeof(#sig) - 3)
#define REF_MASK(n) ((1u << (n)) - 1)

// ORDER zir-shape: one line per ZIR row, in the words of zir.h.
#define SHAPE_param       ZF_PARAM,      0, 0
#define SHAPE_phi         ZF_PHI,        0, 0
#define SHAPE_copy        ZF_REFS,       1, 0
#define SHAPE_result      ZF_RESULT,     1, 0
#define SHAPE_sel         ZF_REFS,       7, 0
#define SHAPE_undef       ZF_REFS,       0, 0
#define SHAPE_vm_load     ZF_VM_LOAD,    0, 0
#define SHAPE_vm_store    ZF_VM_STORE,   2, 0
#define SHAPE_vm_addr     ZF_OFFSET,     0, 0
#define SHAPE_ptr_load    ZF_PTR_LOAD,   1, 0
#define SHAPE_ptr_store   ZF_PTR_STORE,  3, 0
#define SHAPE_gc_new      ZF_GC_NEW,     1, 0
#define SHAPE_gc_load     ZF_GC_LOAD,    3, 0
#define SHAPE_gc_store    ZF_GC_STORE,   0, 3
#define SHAPE_gc_elem     ZF_GC_ELEM,    7, 0
#define SHAPE_gc_put      ZF_GC_PUT,     0, 4
#define SHAPE_frame_addr  ZF_OFFSET,     0, 0
#define SHAPE_mulh_u      ZF_REFS,       3, 0
#define SHAPE_mulh_s      ZF_REFS,       3, 0
#define SHAPE_trapif      ZF_TRAPIF,     1, 0
#define SHAPE_check_sig   ZF_REFS,       3, 0
#define SHAPE_call_elem   ZF_CALL_ELEM,  0, ZX_RANGE
#define SHAPE_lib         ZF_LIB,        0, ZX_RANGE
#define SHAPE_catch_value ZF_CATCH,      0, 0
#define SHAPE_jmp         ZF_JMP,        0, 0
#define SHAPE_switch      ZF_SWITCH,     1, 0
#define SHAPE_ret         ZF_RET,        0, ZX_RANGE
#define SHAPE_trap        ZF_TRAP,       0, 0
#define SHAPE_tcall       ZF_TCALL,      0, ZX_RANGE
#define SHAPE_tcall_elem  ZF_TCALL_ELEM, 0, ZX_RANGE

#define MEM_SHAPE_LOAD    ZF_LOAD,    1, 0
#define MEM_SHAPE_STORE   ZF_STORE,   3, 0
#define MEM_SHAPE_RMW     ZF_STORE,   3, 0
#define MEM_SHAPE_CMPXCHG ZF_CMPXCHG, 0, 3
#define MEM_SHAPE_WAIT    ZF_NONE,    0, 0 /* library calls */
#define MEM_SHAPE_NOTIFY  ZF_NONE,    0, 0
#define MEM_KEEP_LOAD     0
#define MEM_KEEP_STORE    OPF_EFFECT
#define MEM_KEEP_RMW      OPF_EFFECT
#define MEM_KEEP_CMPXCHG  OPF_EFFECT
#define MEM_KEEP_WAIT     OPF_EFFECT
#define MEM_KEEP_NOTIFY   OPF_EFFECT

// The wasm rows of hand-written meaning that ZIR uses too.
#define SHAPE_CALL    ZF_CALL,    0, ZX_RANGE
#define SHAPE_BR      ZF_BR,      1, 0
#define SHAPE_THROW   ZF_THROW,   0, ZX_RANGE
#define SHAPE_FENCE   ZF_REFS,    0, 0
#define SHAPE_SHUFFLE ZF_SHUFFLE, 3, 0
#define SHAPE_I31     ZF_REFS,    1, 0

// clang-format off
#define DROPS(flags) ((flags) & OPF_PURE || ((flags) & (OPF_TRAPS | OPF_EFFECT)) == OPF_TRAPS)
#define BETWEEN(op, first, last) ((op) >= OP_##first && (op) <= OP_##last)
#define IS_DIV(op) (BETWEEN(op, i32_div_s, i32_rem_u) || BETWEEN(op, i64_div_s, i64_rem_u) || (op) == OP_mulh_s || (op) == OP_mulh_u)
#define IS_SHIFT(op) (BETWEEN(op, i32_shl, i32_rotr) || BETWEEN(op, i64_shl, i64_rotr))
#define POSITION(op) ((op) == OP_call || (op) == OP_call_elem ? ZH_CALL : IS_DIV(op) ? ZH_DIV : IS_SHIFT(op) ? ZH_SHIFT : 0)
#define SHAPE_OF(op, form, refs, xa, flags) \
  [op] = { form, refs, xa, POSITION(op) | ((refs) & 4 ? ZH_C : 0) | ((xa) ? ZH_XA : 0) | (DROPS(flags) ? ZH_DROPS : 0), \
           (refs) & 1 ? 0 : -1, (refs) & 2 ? 0 : -1, flags }
#define SHAPE(...) SHAPE_OF(__VA_ARGS__)
const ZShape zw_zir_shape[OP_COUNT] = {
#define NUM(id, text, code, sig, feature, flags) \
  SHAPE(OP_##id, OPF_##flags == OPF_LANEIMM ? ZF_LANE : FEAT_##feature == FEAT_WIDE ? ZF_NONE : ZF_REFS, REF_MASK(NIN(sig)) & 7, 0, OPF_PURE | OPF_##flags),
#define TNUM(id, text, code, sig, feature, flags) SHAPE(OP_##id, ZF_REFS, REF_MASK(NIN(sig)) & 7, 0, OPF_TRAPS),
#define MEM(id, text, code, sig, feature, width, flags) SHAPE(OP_##id, MEM_SHAPE_##flags, OPF_TRAPS | MEM_KEEP_##flags),
#define LANE(id, text, code, sig, feature, width, flags) SHAPE(OP_##id, ZF_LANEMEM, 0, 2, OPF_TRAPS | MEM_KEEP_##flags),
#define ZIR(id, text, sig, flags) SHAPE(OP_##id, SHAPE_##id, flags),
#include "compiler/wasm/ops.def"
  SHAPE(OP_call, SHAPE_CALL, OPF_EFFECT),
  SHAPE(OP_br, SHAPE_BR, OPF_TERM),
  SHAPE(OP_throw, SHAPE_THROW, OPF_TERM),
  SHAPE(OP_ref_i31, SHAPE_I31, OPF_PURE),
  SHAPE(OP_atomic_fence, SHAPE_FENCE, OPF_EFFECT),
  SHAPE(OP_i8x16_shuffle, SHAPE_SHUFFLE, OPF_PURE),
};
const char *const zw_zir_alias_name[AL_COUNT] = { "immut", "global", "table", "elem", "memlen", "gc", "frame" };
const char *const zw_zir_kind_name[VK_COUNT] = { "i32", "i64", "f32", "f64", "v128", "funcref", "ref" };
const char *const zw_zir_trap_name[TRAP_COUNT] = {
#define TRAP(id, text) #id,
#include "runtime/abi/trap.def"
};
const char *const zw_zir_lib_name[LIB_COUNT] = {
#define LIBCALL(id, sig, flags) #id,
#include "runtime/abi/libcall.def"
};
const char zw_zir_lib_result[LIB_COUNT] = {
#define LIBCALL(id, sig, flags) #sig[0],
#include "runtime/abi/libcall.def"
};
// clang-format on

uint32_t zw_zir_operands(const ZirFunc *f, const ZIns *ins, Ref *out, uint32_t max)
{
  const ZShape *s = &zw_zir_shape[ins->op];
  if (s->xa) {
    uint32_t n = s->xa == ZX_RANGE ? ins->b : s->xa;
    if (n <= max)
      for (uint32_t k = 0; k < n; k++)
        out[k] = f->xa[ins->a + k];
    return n;
  }
  uint32_t n = (s->refs & 1u) + (s->refs >> 1 & 1u) + (s->refs >> 2 & 1u);
  if (n > max)
    return n;
  n = 0;
  if (s->refs & 1)
    out[n++] = ins->a;
  if (s->refs & 2)
    out[n++] = ins->b;
  if (s->refs & 4)
    out[n++] = ins->c;
  return n;
}

// ---- constants ----
static Ref pool_const(ZirFunc *f, ValKind ty, uint64_t lo, uint64_t hi)
{
  uint32_t bits = f->const_bits;
  if (!f->const_slots || f->nconsts * 2 >= 1u << bits) {
    bits = f->const_slots ? bits + 1 : 6;
    f->const_slots = zw_new_array(f->arena, uint32_t, (size_t)1 << bits);
    f->const_bits = (uint8_t)bits;
    ZConst *more = zw_new_array(f->arena, ZConst, (size_t)1 << bits);
    for (uint32_t i = 0; i < f->nconsts; i++) {
      more[i] = f->consts[i];
      uint32_t h = (uint32_t)(((more[i].bits[0] ^ more[i].bits[1] * 31) * 0x9e3779b97f4a7c15u) >> (64 - bits));
      while (f->const_slots[h])
        h = (h + 1) & ((1u << bits) - 1);
      f->const_slots[h] = i + 1;
    }
    f->consts = more;
  }
  uint32_t h = (uint32_t)(((lo ^ hi * 31) * 0x9e3779b97f4a7c15u) >> (64 - bits));
  for (; f->const_slots[h]; h = (h + 1) & ((1u << bits) - 1)) {
    const ZConst *k = &f->consts[f->const_slots[h] - 1];
    if (k->bits[0] == lo && k->bits[1] == hi && k->ty == ty)
      return REF_POOL | (f->const_slots[h] - 1);
  }
  f->consts[f->nconsts] = (ZConst){ { lo, hi }, (uint8_t)ty };
  f->const_slots[h] = ++f->nconsts;
  return REF_POOL | (f->nconsts - 1);
}

Ref zw_zir_const(ZirFunc *f, ValKind ty, uint64_t lo, uint64_t hi)
{
  switch (ty) {
  case VK_I32:
    lo = (uint32_t)lo;
    if (zw_fits_inline((int32_t)lo))
      return zw_inline_const(0, (int32_t)lo);
    break;
  case VK_I64:
    if (zw_fits_inline((int64_t)lo))
      return zw_inline_const(1, (int32_t)lo);
    break;
  case VK_FUNCREF: case VK_REF:
    if (lo == 0)
      return zw_inline_const(2, ty == VK_FUNCREF);
    break;
  case VK_F32:
    lo = (uint32_t)lo;
    if (lo == 0)
      return zw_inline_const(3, 0);
    break;
  case VK_F64:
    if (lo == 0)
      return zw_inline_const(3, 1);
    break;
  case VK_V128: case VK_COUNT: break;
  }
  return pool_const(f, ty, lo, ty == VK_V128 ? hi : 0);
}

ValKind zw_ref_type(const ZirFunc *f, Ref r)
{
  if (zw_ref_is_value(r))
    return (ValKind)f->ins[r].ty;
  if (zw_ref_is_pool(r))
    return (ValKind)f->consts[r & ~REF_POOL].ty;
  switch (r >> 28 & 3) {
  case 0: return VK_I32;
  case 1: return VK_I64;
  case 2: return r & 1 ? VK_FUNCREF : VK_REF;
  default: return r & 1 ? VK_F64 : VK_F32;
  }
}

bool zw_ref_const(const ZirFunc *f, Ref r, uint64_t bits[2])
{
  if (zw_ref_is_value(r) || r == REF_NONE)
    return false;
  bits[1] = 0;
  if (zw_ref_is_pool(r)) {
    bits[0] = f->consts[r & ~REF_POOL].bits[0];
    bits[1] = f->consts[r & ~REF_POOL].bits[1];
    return true;
  }
  switch (r >> 28 & 3) {
  case 0: bits[0] = (uint32_t)zw_ref_inline(r); break;
  case 1: bits[0] = (uint64_t)(int64_t)zw_ref_inline(r); break;
  default: bits[0] = 0;
  }
  return true;
}

void zw_zir_hoist(ZirFunc *f, uint32_t v, uint32_t loop)
{
  ZLoop *l = &f->loops[loop];
  if (f->nhoisted == f->hoisted_cap)
    f->hoisted = zw_vec_grow(f->arena, f->hoisted, f->nhoisted, &f->hoisted_cap, f->nhoisted + 1, sizeof *f->hoisted);
  uint32_t h = f->nhoisted++;
  f->hoisted[h] = (ZHoist){ v, REF_NONE };
  if (l->hoist_first == REF_NONE)
    l->hoist_first = h;
  else
    f->hoisted[l->hoist_last].next = h;
  l->hoist_last = h;
  f->val[v] = zw_val(l->entry, (f->val[v].blk & ZV_ALL) | ZV_HOISTED);
}

void zw_zir_drop_code(ZirFunc *f)
{
  if (!f->arena->own)
    return;
  const void *code[] = { f->ins, f->val, f->at, f->const_slots, f->edges, f->edge_args,
                         f->xa, f->livein, f->call_pos, f->div_pos, f->shift_pos, f->order, f->hoisted };
  for (uint32_t k = 0; k < ARRAY_COUNT(code); k++)
    zw_arena_drop(f->arena, code[k]);
  f->ins = NULL, f->nins = f->cap = f->room = 0;
  f->edges = NULL; // encode compares with their number
  f->order = NULL, f->hoisted = NULL;
  zw_arena_drop(f->arena, f->blocks), zw_arena_drop(f->arena, f->loops);
  f->blocks = NULL, f->loops = NULL;
}

uint32_t zw_zir_pos(const ZirFunc *f, uint32_t v)
{
  const ZBlock *b = &f->blocks[zw_zir_block(f, v)];
  return zw_zir_is(f, v, ZV_HOISTED) ? b->pos + (b->end - b->first) - 1 : b->pos + (v - b->first);
}
