// .eh_frame of a blob: one CIE, one FDE per function with the rows that P4 wrote.  The format is that of the
// Linux Standard Base, chapter "Exception Frames": DWARF's .debug_frame with 32-bit pc-relative pointers.
#include "compiler/emit/target.h"
#include "runtime/base/bits.h"
#include "runtime/base/leb.h"

enum {
  EH_PE_PCREL_SDATA4 = 0x1b, CFA_DEF_CFA = 12, CFA_OFFSET = 0x80,
  CIE_BYTES = 24,
};

static uint8_t *put_cie(uint8_t *p, const Target *t)
{
  uint8_t *start = p;
  zw_put32(p, CIE_BYTES - 4), zw_put32(p + 4, 0);
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
  ASSERT(p <= start + CIE_BYTES);
  return start + CIE_BYTES;                  // the rest is DW_CFA_nop
}

static uint32_t fde_bytes(const UnwindRows *c) { return (uint32_t)zw_align_up(17 + c->cfi_bytes, 8); }

EhFrame zw_eh_frame_of(const UnwindRows *rows, const uint32_t *offs, uint32_t n, const Target *t, Arena *a)
{
  EhFrame e = { 0 };
  uint64_t bytes = CIE_BYTES + 4;
  for (uint32_t k = 0; k < n; k++)
    bytes += fde_bytes(&rows[k]);
  CHECK(bytes < UINT32_MAX);
  e.bytes = zw_arena_alloc(a, bytes, 8);
  e.nbytes = (uint32_t)bytes;
  e.reloc_at = zw_new_array(a, uint32_t, n + 1);
  e.reloc_text_off = zw_new_array(a, uint32_t, n + 1);
  uint8_t *p = put_cie(e.bytes, t);
  for (uint32_t k = 0; k < n; k++) {
    const UnwindRows *c = &rows[k];
    uint32_t at = (uint32_t)(p - e.bytes);
    zw_put32(p, fde_bytes(c) - 4);
    zw_put32(p + 4, at + 4);                 // back to the CIE
    e.reloc_at[e.nrelocs] = at + 8;
    e.reloc_text_off[e.nrelocs++] = offs[k];
    zw_put32(p + 12, c->code_bytes);
    p[16] = 0;                               // no augmentation data
    if (c->cfi_bytes)
      memcpy(p + 17, c->cfi, c->cfi_bytes);
    p += fde_bytes(c);
  }
  return e;                                  // ends with a zero length
}

EhFrame zw_eh_frame_build(const Blob *b, const Target *t, Arena *a)
{
  CHECK(b->rows);
  uint32_t *offs = zw_new_array(a, uint32_t, b->nfuncs + 1);
  for (uint32_t k = 0; k < b->nfuncs; k++)
    offs[k] = b->funcs[k].code_off;
  return zw_eh_frame_of(b->rows, offs, b->nfuncs, t, a);
}
