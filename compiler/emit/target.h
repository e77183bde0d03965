// What a target is to the rest: data and four functions.  x64 and a64 cannot see each other.
#pragma once
#include "compiler/emit/blob.h"

enum { GLUE_CALL, GLUE_TRY, GLUE_IMPORT, GLUE_IMPORT_FIELD, GLUE_MODULE, GLUE_INDEX };
// What an instruction does to registers and slots, for the allocation checker.  Places: registers, then 64 + slot id.
typedef enum LirEffectKind {
  LE_OTHER, LE_MOVE, LE_LOAD, LE_STORE, // dst <- src, `width` bytes of it
  LE_SWAP, LE_STORE_IMM,                // dst <-> src; dst = a constant
  LE_CALL, LE_JUMP, LE_JCC, LE_TABLE, LE_END,
} LirEffectKind;
typedef struct LirEffects { uint64_t writes; uint8_t kind; bool bad_class, may_throw; uint32_t dst, src, width; const char *text; } LirEffects;

typedef struct Target {
  const char *name;          // "x86_64"
  uint32_t arch;             // ARCH_*
  uint64_t baseline_cpu;     // bits always required
  // P3: ZIR -> LIR with physical registers.  P4: LIR -> bytes.  Scratch comes from ctx->scratch.
  LirFunc *(*select)(Ctx *ctx, const ZirFunc *f, const CodeOptions *o, Arena *a);
  const PackedCode *(*encode)(Ctx *ctx, const LirFunc *l, const CodeOptions *o, Arena *a);
  // A border thunk: kind THUNK_*, for a type of the module (or n = TrapKind for THUNK_TRAP).
  FuncCode *(*thunk)(Ctx *ctx, const Module *m, uint32_t kind, uint32_t n, const CodeOptions *o, Arena *a);
  // The C side of an object (runtime: include/zwasm_rt.h), position independent.  fixups[0]: its only call or jump.
  //   GLUE_CALL    R f(inst, params...): params to 16-byte slots on the stack, zwasm_rt_call(inst, func, slots), results back
  //   GLUE_TRY     zwasm_status_t f_try(inst, params..., R *): the same through zwasm_rt_call_try; stores results on success
  //   GLUE_IMPORT  a zwasm_host_fn_t: calls R f(env, params...) with slots as params; results to the slots
  //   GLUE_IMPORT_FIELD  the same; f is the word number `func` of the array that the first word of env points to.  No fixup
  //   GLUE_MODULE  jumps to a function of the runtime with (&descriptor, params...): the first three C parameters move up
  //                by one; fixups[1] is the address of the descriptor.  func is not used
  //   GLUE_INDEX   jumps to a function of the runtime with (inst, func): func is an index of a memory, table, global or tag
  // R: void, the C type of the one result, or a last parameter that points to a struct of several.  Names of C types
  // are those of the header (sink/header.c); references pass as the words that the runtime's function takes and gives.
  // func: index in the module.
  FuncCode *(*glue)(Ctx *ctx, const Module *m, uint32_t kind, uint32_t func, Arena *a);
  void (*effects)(const Lir *l, LirEffects *e);
  void (*apply_fixup)(uint8_t *text, uint64_t at, uint8_t kind, uint64_t target_off);
  // A function that is compiled when it is called first has a stub of stub_bytes in its place, at a multiple of them: a call of the
  // entry, which jumps to whom it is told, and later a jump to the code, put there by one store.
  uint32_t stub_bytes, stub_entry_bytes, stub_call_bytes; // of the first of them, up to its return address
  void (*stub_entry)(uint8_t *to, const void *address);
  uint64_t (*stub)(uint64_t at, uint64_t to, bool call);
  // Let the call whose fixup is `at`, which others may be executing, go elsewhere.  False = not here: it goes on through its stub.
  bool (*move_call)(uint8_t *text, uint64_t at, uint64_t to);
  void (*print_lir)(const LirFunc *l, Text *out);                      // --dump=lir
  bool (*disassemble)(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out); // --dump=asm, through capstone; false = not built in
  // for .eh_frame: DWARF register numbers by machine number, CFA rules
  const uint8_t *dwarf_reg; uint8_t dwarf_ra, dwarf_sp;
  const uint8_t *save_order; uint8_t nsave;  // the order in which the prologue pushes callee-saved registers
  const char *(*reg_name)(unsigned reg, unsigned size);
} Target;
extern const Target zw_x64_target;
extern const Target zw_a64_target;
// The allocation checker: proves that every use reads the right value.  NULL, or a sentence.  needs: l->notes.
const char *zw_ra_check(const LirFunc *l, const Target *t, Arena *scratch);
