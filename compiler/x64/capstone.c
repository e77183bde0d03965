// --dump=asm: bytes to text, through capstone.  The library is opened by the first dump: as one that the program is linked with,
// it would take 3 MB and 5 ms of every compilation.  A file of its own, so that a program which never dumps can leave it out:
// tools/zwasm/nodisasm.c.
#include "compiler/x64/x64_int.h"
#ifdef ZW_CAPSTONE
#include <capstone/capstone.h>
#include <dlfcn.h>

typedef struct Capstone {
  cs_err (*open)(cs_arch arch, cs_mode mode, csh *handle);
  cs_insn *(*new_insn)(csh handle);
  bool (*next)(csh handle, const uint8_t **code, size_t *size, uint64_t *address, cs_insn *insn);
  void (*free_insn)(cs_insn *insn, size_t count);
  cs_err (*close)(csh *handle);
} Capstone;

static void *find(void *lib, const char *name) { return lib ? dlsym(lib, name) : NULL; }

static bool load(Capstone *c)
{
  void *lib = dlopen(ZW_CAPSTONE, RTLD_NOW | RTLD_LOCAL); // stays open; again is only counted
  *(void **)&c->open = find(lib, "cs_open");
  *(void **)&c->new_insn = find(lib, "cs_malloc");
  *(void **)&c->next = find(lib, "cs_disasm_iter");
  *(void **)&c->free_insn = find(lib, "cs_free");
  *(void **)&c->close = find(lib, "cs_close");
  return c->open && c->new_insn && c->next && c->free_insn && c->close;
}

bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out)
{
  Capstone c;
  csh cs;
  if (!load(&c) || c.open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
    return false;
  cs_insn *ins = c.new_insn(cs);
  size_t left = n;
  while (left) {
    uint64_t at = pc;
    if (c.next(cs, &bytes, &left, &pc, ins))
      zw_text_printf(out, "  %6llx: %s %s\n", (unsigned long long)at, ins->mnemonic, ins->op_str);
    else {
      zw_text_printf(out, "  %6llx: .byte 0x%02x\n", (unsigned long long)pc, *bytes);
      bytes++, left--, pc++;
    }
  }
  c.free_insn(ins, 1);
  c.close(&cs);
  return true;
}
#else
bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out)
{
  (void)bytes, (void)n, (void)pc, (void)out;
  return false;
}
#endif
