// Names and DWARF numbers of registers, and where parameters and results live.
#include "compiler/x64/x64_int.h"

//                                   rax rcx rdx rbx rsp rbp rsi rdi r8..r15
const uint8_t zw_x64_dwarf[16] = { 0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };

const char *zw_x64_reg_name(unsigned reg, unsigned size)
{
  static const char *const names[4][16] = {
    { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b" },
    { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w" },
    { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d" },
    { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" },
  };
  static const char *const xmm[16] = { "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15" };
  if (reg >= X64_NREG)
    return "?";
  if (reg >= XMM0)
    return xmm[reg - XMM0];
  return names[size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3][reg];
}

typedef struct Walk { uint32_t gpr, xmm, off; } Walk;

static X64Loc next_loc(Walk *w, ValKind k, const uint8_t *gprs, const uint8_t *xmms)
{
  bool vector = k == VK_F32 || k == VK_F64 || k == VK_V128;
  if (vector && w->xmm < X64_NARG_XMM)
    return (X64Loc){ xmms[w->xmm++], 0 };
  if (!vector && w->gpr < X64_NARG_GPR)
    return (X64Loc){ gprs[w->gpr++], 0 };
  uint32_t bytes = k == VK_V128 ? 16 : 8;
  w->off = (w->off + bytes - 1) & ~(bytes - 1);
  X64Loc loc = { REG_NONE, w->off };
  w->off += bytes;
  return loc;
}

X64Sig zw_x64_signature(const Module *m, const FuncType *t, Arena *a)
{
  X64Sig s = { .nparams = t->nparams, .nresults = t->nresults, .result_area = { RSP, 0 } };
  s.params = zw_new_array(a, X64Loc, t->nparams + 1);
  s.results = zw_new_array(a, X64Loc, t->nresults + 1);
  Walk w = { 0 };
  for (uint32_t k = 0; k < t->nresults; k++)
    s.results[k] = next_loc(&w, zw_val_kind(m, t->results[k]), x64_ret_gpr, x64_ret_xmm);
  s.result_bytes = (w.off + 15) & ~15u;
  w = (Walk){ 0 };
  for (uint32_t k = 0; k < t->nparams; k++)
    s.params[k] = next_loc(&w, zw_val_kind(m, t->params[k]), x64_arg_gpr, x64_arg_xmm);
  if (s.result_bytes)
    s.result_area = next_loc(&w, VK_I64, x64_arg_gpr, x64_arg_xmm);
  s.arg_bytes = (w.off + 15) & ~15u;
  for (uint32_t k = 0; k < t->nparams; k++)
    if (s.params[k].reg != REG_NONE)
      s.arg_regs |= X64_BIT(s.params[k].reg);
  if (s.result_bytes && s.result_area.reg != REG_NONE)
    s.arg_regs |= X64_BIT(s.result_area.reg);
  return s;
}
