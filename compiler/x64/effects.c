// What each LIR instruction changes, from its row: the allocation checker's view of the machine.
#include "compiler/x64/x64_int.h"

enum { SLOT_PLACE = 64 };
static const char lib_result[LIB_COUNT] = {
#define LIBCALL(id, sig, flags) #sig[0],
#include "runtime/abi/libcall.def"
};

static bool is_xmm(uint8_t r) { return r >= XMM0 && r <= XMM15; }
static bool is_gpr(uint8_t r) { return r < XMM0; }
// Operands that are registers of the class their row says?
static bool classes_fit(const Lir *l, const X64Row *row)
{
  unsigned form = row->form, use = row->use;
  bool mem = zw_x64_form_has_mem(form);
  bool has_rd = form != X64_N && form != X64_M && form != X64_P;
  if (has_rd && !(use & U_X ? is_xmm(l->rd) : is_gpr(l->rd)))
    return false;
  bool reg_rn = form == X64_RR || form == X64_RX || form == X64_RRR || form == X64_SRR || form == X64_VR || form == X64_RRRX;
  if (reg_rn && !(use & U_XN ? is_xmm(l->rn) : is_gpr(l->rn)))
    return false;
  if ((form == X64_RRR || form == X64_RRM || form == X64_RRRX) && !(use & U_X ? is_xmm(l->ra) : is_gpr(l->ra)))
    return false;
  if ((form == X64_SRR || form == X64_SRM) && !is_gpr(l->ra))
    return false;
  if (mem && (is_xmm(l->rn) || (l->rm != REG_NONE && !is_gpr(l->rm))))
    return false;
  return true;
}
static void call_effects(const Lir *l, LirEffects *e)
{
  e->kind = LE_CALL;
  e->may_throw = true;
  e->writes = X64_CALLER_SAVED;
  if (l->op == X_call_m && l->rn == X64_VMCTX && l->disp >= (int32_t)offsetof(VmCtx, libcall)) {
    unsigned id = ((unsigned)l->disp - offsetof(VmCtx, libcall)) / 8;
    char res = id < LIB_COUNT ? lib_result[id] : 'i';
    e->may_throw = id == LIB_throw || id == LIB_throw_ref;
    e->writes = X64_BIT(XMM15) | X64_BIT(RAX) | (res == 'f' || res == 'd' ? X64_BIT(XMM0) : 0);
  }
}
static void move_effects(const Lir *l, LirEffects *e, unsigned width, bool load, bool store)
{
  if (load && l->rn == REG_SLOT) {
    e->kind = LE_LOAD, e->dst = l->rd, e->src = SLOT_PLACE + (uint32_t)l->disp;
  } else if (store && l->rn == REG_SLOT) {
    e->kind = LE_STORE, e->src = l->rd, e->dst = SLOT_PLACE + (uint32_t)l->disp;
  } else if (!load && !store) {
    e->kind = LE_MOVE, e->dst = l->rd, e->src = l->rn;
  } else {
    return;
  }
  e->writes = 0;
  e->width = width;
}
void zw_x64_effects(const Lir *l, LirEffects *e)
{
  const X64Row *row = &zw_x64_rows[l->op];
  *e = (LirEffects){ .text = row->text };
  e->bad_class = !classes_fit(l, row);
  if ((row->use & U_W) && l->rd < X64_NREG)
    e->writes = X64_BIT(l->rd);
  switch (l->op) {
  case X_mov_rr: move_effects(l, e, l->sz, false, false); break;
  case X_movaps_rr: move_effects(l, e, 16, false, false); break;
  case X_mov_rm: move_effects(l, e, l->sz, true, false); break;
  case X_mov_mr: move_effects(l, e, l->sz, false, true); break;
  case X_movss_rm: move_effects(l, e, 4, true, false); break;
  case X_movss_mr: move_effects(l, e, 4, false, true); break;
  case X_movsd_rm: move_effects(l, e, 8, true, false); break;
  case X_movsd_mr: move_effects(l, e, 8, false, true); break;
  case X_movups_rm: case X_movaps_rm: move_effects(l, e, 16, true, false); break;
  case X_movups_mr: case X_movaps_mr: move_effects(l, e, 16, false, true); break;
  case X_mov_mi:
    if (l->rn == REG_SLOT)
      e->kind = LE_STORE_IMM, e->dst = SLOT_PLACE + (uint32_t)l->disp;
    break;
  case X_xchg_rr: e->kind = LE_SWAP, e->dst = l->rd, e->src = l->rn, e->writes = 0; break;
  case X_xchg_mr:
    if (l->rn == REG_SLOT)
      e->kind = LE_SWAP, e->dst = l->rd, e->src = SLOT_PLACE + (uint32_t)l->disp, e->writes = 0;
    break;
  case X_mul_r: case X_mul_m: case X_imul_r: case X_imul_m: case X_div_r: case X_div_m: case X_idiv_r: case X_idiv_m:
    e->writes = X64_BIT(RAX) | X64_BIT(RDX);
    break;
  case X_cdq: e->writes = X64_BIT(RDX); break;
  case X_mulx_rrr: case X_mulx_rrm: e->writes = X64_BIT(l->rd) | X64_BIT(l->ra); break;
  case X_lock_cmpxchg_mr: e->writes = X64_BIT(RAX); break;
  case X_call: case X_call_thunk: case X_call_m: case X_call_r: call_effects(l, e); break;
  case X_jmp: e->kind = LE_JUMP; break;
  case X_jcc: e->kind = LE_JCC; break;
  case X_jtable: e->kind = LE_TABLE, e->writes = X64_BIT(l->rd) | X64_BIT(l->ra); break;
  case X_ret: case X_trap: case X_unreachable: case X_tcall: case X_tcall_thunk: case X_tcall_r: e->kind = LE_END; break;
  default: break;
  }
}
