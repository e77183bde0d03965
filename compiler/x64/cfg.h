// x86-64 as P3 sees it: registers, classes, orders; and the operations of lir.def.
//
// Integer registers have their hardware numbers 0..15, vector registers 16..31 (xmm n = 16 + n), so that one
// 32-bit mask holds both classes.  See runtime/abi/vmctx.h for the internal calling convention.
#pragma once
#include "compiler/emit/lir.h"
#include <stddef.h>

enum {
  RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
  XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7, XMM8, XMM9, XMM10, XMM11, XMM12, XMM13, XMM14, XMM15,
  X64_NREG
};
#define X64_BIT(r) (1u << (r))
#define X64_GPRS 0x0000ffffu
#define X64_XMMS 0xffff0000u
#define X64_VMCTX R15       /* pinned: never written in a function */
#define X64_MEM0 R14        /* pinned: mem0_base */
#define X64_SCRATCH XMM15   /* parallel moves and cycles; never allocated, dead between LIR instructions */
#define X64_ALLOC_GPR (X64_GPRS & ~(X64_BIT(RSP) | X64_BIT(R14) | X64_BIT(R15)))
#define X64_ALLOC_XMM (X64_XMMS & ~X64_BIT(XMM15))
#define X64_CALLEE_SAVED (X64_BIT(RBX) | X64_BIT(RBP) | X64_BIT(R10) | X64_BIT(R11) | X64_BIT(R12) | X64_BIT(R13))
#define X64_CALLER_SAVED ((X64_ALLOC_GPR | X64_XMMS) & ~X64_CALLEE_SAVED) /* what a call clobbers */
// Library calls (vmctx->libcall) clobber only rax, xmm0 when the result is a float, flags and xmm15.
// rax is free at every call: direct calls ignore it, indirect ones may hold the code address, XCALL the element.

#define X64_NARG_GPR 6
#define X64_NARG_XMM 8
static const uint8_t x64_arg_gpr[X64_NARG_GPR] = { RDI, RSI, RDX, RCX, R8, R9 };
static const uint8_t x64_arg_xmm[X64_NARG_XMM] = { XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7 };
static const uint8_t x64_ret_gpr[X64_NARG_GPR] = { RAX, RDX, RCX, RSI, RDI, R8 };
static const uint8_t x64_ret_xmm[X64_NARG_XMM] = { XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7 };
// The prologue pushes the callee-saved registers it must in this order; r10 and r11 last, because Windows and
// macOS unwind formats cannot name them.  r15 and r14 only in XCALL thunks.
#define X64_NSAVE 8
static const uint8_t x64_save_order[X64_NSAVE] = IMAGE_SAVE_ORDER_X86_64;

// Where a parameter or result lives: the walk that P3, thunks and glue share.
typedef struct X64Loc { uint8_t reg; /* or REG_NONE: in memory at off */ uint32_t off; } X64Loc;
typedef struct X64Sig {
  uint32_t nparams, nresults;
  X64Loc *params, *results;
  uint32_t arg_bytes;        // stack arguments, a multiple of 16
  uint32_t result_bytes;     // results in memory (caller-provided area), a multiple of 16; offsets as for stack arguments
  uint32_t arg_regs;         // registers that arguments and the area's address are passed in
  X64Loc result_area;        // where the area's address is passed (hidden last integer argument); reg = RSP when there is none
} X64Sig;
// Parameters in order take the next register of their class, else the next stack slot (8 bytes; v128 16, 16-aligned).
X64Sig zw_x64_signature(const Module *m, const FuncType *t, Arena *a);

enum { // conditions, hardware numbers; cc ^ 1 is the inverse
  CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G
};

typedef enum X64Op {
#define LIR(id, text, form, enc, opc, ext, imm, use, mw) X_##id,
#include "compiler/x64/lir.def"
  X64_NOPS
} X64Op;
// ORDER alu, simd: selection computes rows from a family's first row
STATIC_ASSERT(X_add_ri == X_add_rr + 1 && X_add_rm == X_add_rr + 2 && X_add_mr == X_add_rr + 3 && X_add_mi == X_add_rr + 4, "ALU rows");
STATIC_ASSERT(X_or_rr - X_add_rr == 5 && X_test_mi == X_test_rr + 4, "ALU rows");
STATIC_ASSERT(X_addsd_rm == X_addsd_rr + 1 && X_vaddsd_rrr == X_addsd_rr + 2 && X_vaddsd_rrm == X_addsd_rr + 3, "SIMD rows");

typedef enum X64Form { X64_N, X64_RR, X64_RM, X64_MR, X64_RX, X64_R, X64_O, X64_M, X64_RRR, X64_RRM, X64_SRR, X64_SRM, X64_VR, X64_RRRX, X64_P } X64Form;
enum { // `use` of a row
  U_W = 1, U_R = 2, U_RW = 3, U_X = 4, U_XN = 8, U_FW = 16, U_FR = 32, U_MW = 64, U_FIX = 128,
};
enum { // `enc` of a row
  P66 = 1, PF3 = 2, PF2 = 3, M0F = 1 << 2, M38 = 2 << 2, M3A = 3 << 2, VEX = 1 << 4, W1 = 1 << 5, WSZ = 1 << 6, WB = 1 << 7,
  LOCK = 1 << 8, EXTRA = 1 << 9 /* `ext` is one more opcode byte */, COND = 1 << 10 /* condition in the opcode */,
  BYTE_RM = 1 << 11 /* ModRM.rm is a byte register */,
};
typedef enum X64Imm { I0, I8, IZ } X64Imm;
typedef enum X64Class { // how P4 treats a row; the first ones are X64_PLAIN with a short way to their bytes
  X64_MEMORY_REG, X64_PLAIN_RR, X64_PLAIN_ALU, X64_PLAIN_RX, X64_PLAIN_MOV, X64_PLAIN_SHIFT, X64_PLAIN_PUSH, X64_PLAIN, X64_TEST,
  X64_MEMORY_IMM, X64_MEMORY, X64_CALL, X64_PSEUDO, X64_JUMP
} X64Class;
// open: prefix, REX, escape and opcode as a little-endian word, without a REX prefix and with one whose low bits are to be
// filled in at bit rex_at; open_bytes of the first, the other is one longer.
typedef struct X64Row {
  const char *text;
  uint64_t open[2];
  uint16_t enc;
  uint8_t form, opc, ext, imm, use, mw, cls;
  uint8_t open_bytes, rex_at, w_of_sz, w; // REX.W: (sz & w_of_sz) | w
  uint8_t least_sz, faults;               // of the short ways: a smaller sz goes the long one; 1: an access, `at` says where in the wasm
} X64Row;
extern const X64Row zw_x64_rows[X64_NOPS];
static inline bool zw_x64_form_has_mem(unsigned form) { return form == X64_RM || form == X64_MR || form == X64_M || form == X64_RRM || form == X64_SRM; }
