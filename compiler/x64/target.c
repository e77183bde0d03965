// What x86-64 is to the rest of the compiler.
#include "compiler/x64/x64_int.h"

static void apply_fixup(uint8_t *text, uint64_t at, uint8_t kind, uint64_t target_off)
{
  CHECK(kind == FX_CALL);
  int64_t rel = (int64_t)target_off - (int64_t)(at + 4);
  CHECK(rel == (int32_t)rel);
  uint32_t v = (uint32_t)rel;
  __builtin_memcpy(text + at, &v, 4);
}

static const uint8_t save_order[X64_NSAVE] = IMAGE_SAVE_ORDER_X86_64;

const Target zw_x64_target = {
  .name = "x86_64", .arch = ARCH_X86_64, .baseline_cpu = CPU_X86_64_V2,
  .select = zw_x64_select, .effects = zw_x64_effects, .encode = zw_x64_encode, .thunk = zw_x64_thunk, .glue = zw_x64_glue,
  .apply_fixup = apply_fixup,
  .stub_bytes = 8, .stub_entry_bytes = 16, .stub_call_bytes = 5,
  .stub_entry = zw_x64_stub_entry, .stub = zw_x64_stub, .move_call = zw_x64_move_call,
  .print_lir = zw_x64_print_lir, .disassemble = zw_x64_disassemble,
  .dwarf_reg = zw_x64_dwarf, .dwarf_ra = X64_DWARF_RA, .dwarf_sp = X64_DWARF_SP,
  .save_order = save_order, .nsave = X64_NSAVE, .reg_name = zw_x64_reg_name,
};
