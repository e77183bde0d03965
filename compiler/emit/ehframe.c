// .eh_frame of a blob: one CIE, one FDE per function with the rows that P4 wrote.  The format is that of the
// Linux Standard Base, chapter "Exception Frames": DWARF's .debug_frame with 32-bit pc-relative pointers.
#include "compiler/emit/target.h"
#include "runtime/base/bits.h"
#include "runtime/base/leb.h"

enum { EH_PE_PCREL_SDATA4 = 0x1b, CFA_DEF_CFA = 12, CFA_OFFSET = 0x80, FDE_HEAD = 17 };

void zw_eh_put_cie(OutStream *to, const Target *t)
{
  uint8_t cie[EH_CIE_BYTES] = { 0 }, *p = cie; // what is left at the end is DW_CFA_nop
  zw_put32(p, EH_CIE_BYTES - 4), zw_put32(p + 4, 0);
  p += 8;
  *p++ = 1;                                  // version
  memcpy(p, "zR", 3), p += 3;
  *p++ = 1;                                  // code alignment
  *p++ = 0x78;                               // data alignment -8 as sleb
  *p++ = t->dwarf_ra;
  *p++ = 1, *p++ = EH_PE_PCREL_SDATA4;       // augmentation data: encoding of pointers
  if (t->arch == ARCH_X86_64) {              // the return address is on the stack
    *p++ = CFA_DEF_CFA, *p++ = t->dwarf_sp, *p++ = 8;
    *p++ = CFA_OFFSET | t->dwarf_ra, *p++ = 1;
  } else
    *p++ = CFA_DEF_CFA, *p++ = t->dwarf_sp, *p++ = 0;
  ASSERT(p <= cie + EH_CIE_BYTES);
  zw_out_put(to, cie, sizeof cie);
}

uint32_t zw_eh_fde_bytes(const UnwindRows *c) { return (uint32_t)zw_align_up(FDE_HEAD + c->cfi_bytes, 8); }

void zw_eh_put_fde(OutStream *to, uint32_t at, const UnwindRows *c)
{
  uint8_t head[FDE_HEAD] = { 0 };            // no augmentation data; the function's place comes by a relocation
  zw_put32(head, zw_eh_fde_bytes(c) - 4);
  zw_put32(head + 4, at + 4);                // back to the CIE
  zw_put32(head + 12, c->code_bytes);
  zw_out_put(to, head, sizeof head);
  zw_out_put(to, c->cfi, c->cfi_bytes);
  zw_out_fill(to, 0, zw_eh_fde_bytes(c) - FDE_HEAD - c->cfi_bytes);
}

EhFrame zw_eh_frame_build(const Blob *b, const Target *t, Arena *a)
{
  CHECK(b->rows);
  OutStream out;
  zw_out_init(&out, a, -1);
  EhFrame e = { .reloc_at = zw_new_array(a, uint32_t, b->nfuncs + 1), .reloc_text_off = zw_new_array(a, uint32_t, b->nfuncs + 1) };
  zw_eh_put_cie(&out, t);
  for (uint32_t k = 0; k < b->nfuncs; k++) {
    e.reloc_at[e.nrelocs] = (uint32_t)zw_out_at(&out) + EH_PC_AT;
    e.reloc_text_off[e.nrelocs++] = b->funcs[k].code_off;
    zw_eh_put_fde(&out, (uint32_t)zw_out_at(&out), &b->rows[k]);
  }
  zw_out_fill(&out, 0, 4);                   // a zero length: the end
  e.bytes = out.p, e.nbytes = (uint32_t)out.n;
  return e;
}
