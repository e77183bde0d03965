#include "compiler/emit/cfi.h"
#include "runtime/base/leb.h"

enum {
  CFA_ADVANCE_LOC = 0x40, CFA_OFFSET = 0x80, CFA_RESTORE = 0xc0, CFA_ADVANCE_LOC1 = 2, CFA_ADVANCE_LOC2 = 3,
  CFA_ADVANCE_LOC4 = 4, CFA_OFFSET_EXTENDED = 5, CFA_REMEMBER = 10, CFA_RESTORE_STATE = 11, CFA_DEF_CFA = 12,
  CFA_DEF_CFA_OFFSET = 14, CFA_VAL_OFFSET_SF = 0x15,
  LONGEST = 16,
};

static uint8_t *begin(Cfi *c)
{
  zw_reserve(c->a, &c->out, c->out.n + LONGEST);
  return c->out.p + c->out.n;
}
static void finish(Cfi *c, const uint8_t *end) { c->out.n = (uint32_t)(end - c->out.p); }

void zw_cfi_at(Cfi *c, uint32_t pc)
{
  if (c->none)
    return;
  ASSERT(pc >= c->pc);
  uint32_t d = pc - c->pc;
  uint8_t *p = begin(c);
  if (d == 0)
    return;
  if (d < 0x40)
    *p++ = (uint8_t)(CFA_ADVANCE_LOC | d);
  else if (d < 0x100)
    *p++ = CFA_ADVANCE_LOC1, *p++ = (uint8_t)d;
  else if (d < 0x10000)
    *p++ = CFA_ADVANCE_LOC2, zw_put16(p, (uint16_t)d), p += 2;
  else
    *p++ = CFA_ADVANCE_LOC4, zw_put32(p, d), p += 4;
  c->pc = pc;
  finish(c, p);
}

void zw_cfi_cfa(Cfi *c, unsigned dwarf_reg, uint32_t off)
{
  if (c->none)
    return;
  uint8_t *p = begin(c);
  *p++ = CFA_DEF_CFA;
  p += zw_leb_write_u32(p, dwarf_reg);
  finish(c, p + zw_leb_write_u32(p, off));
}

void zw_cfi_cfa_offset(Cfi *c, uint32_t off)
{
  if (c->none)
    return;
  uint8_t *p = begin(c);
  *p++ = CFA_DEF_CFA_OFFSET;
  finish(c, p + zw_leb_write_u32(p, off));
}

void zw_cfi_saved(Cfi *c, unsigned dwarf_reg, uint32_t below_cfa)
{
  if (c->none)
    return;
  ASSERT(below_cfa % 8 == 0 && dwarf_reg < 64);
  uint8_t *p = begin(c);
  *p++ = (uint8_t)(CFA_OFFSET | dwarf_reg);
  finish(c, p + zw_leb_write_u32(p, below_cfa / 8));
}

void zw_cfi_restored(Cfi *c, unsigned dwarf_reg)
{
  if (c->none)
    return;
  ASSERT(dwarf_reg < 64);
  uint8_t *p = begin(c);
  *p++ = (uint8_t)(CFA_RESTORE | dwarf_reg);
  finish(c, p);
}

void zw_cfi_value(Cfi *c, unsigned dwarf_reg, int32_t off)
{
  if (c->none)
    return;
  ASSERT(off % 8 == 0);
  uint8_t *p = begin(c);
  *p++ = CFA_VAL_OFFSET_SF;
  p += zw_leb_write_u32(p, dwarf_reg);
  finish(c, p + zw_leb_write_s32(p, off / -8));
}

void zw_cfi_remember(Cfi *c)
{
  if (c->none)
    return;
  uint8_t *p = begin(c);
  *p++ = CFA_REMEMBER;
  finish(c, p);
}

void zw_cfi_restore(Cfi *c)
{
  if (c->none)
    return;
  uint8_t *p = begin(c);
  *p++ = CFA_RESTORE_STATE;
  finish(c, p);
}
