// zwasm dumps nothing: this takes the place of compiler/x64/capstone.c, so that no disassembler is linked.
#include "runtime/base/str.h"

bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out);
bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out)
{
  (void)bytes, (void)n, (void)pc, (void)out;
  return false;
}
