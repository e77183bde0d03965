// --dump=asm: bytes to text, through capstone.  A file of its own, so that a program which never dumps can leave it and the
// library out: tools/zwasm/nodisasm.c.
#include "compiler/x64/x64_int.h"
#ifdef ZW_CAPSTONE
#include <capstone/capstone.h>
#endif

#ifdef ZW_CAPSTONE
bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out)
{
  csh cs;
  if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
    return false;
  cs_insn *ins = cs_malloc(cs);
  size_t left = n;
  while (left) {
    uint64_t at = pc;
    if (cs_disasm_iter(cs, &bytes, &left, &pc, ins))
      zw_text_printf(out, "  %6llx: %s %s\n", (unsigned long long)at, ins->mnemonic, ins->op_str);
    else {
      zw_text_printf(out, "  %6llx: .byte 0x%02x\n", (unsigned long long)pc, *bytes);
      bytes++, left--, pc++;
    }
  }
  cs_free(ins, 1);
  cs_close(&cs);
  return true;
}
#else
bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out)
{
  (void)bytes, (void)n, (void)pc, (void)out;
  return false;
}
#endif
