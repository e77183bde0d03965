// The short ways to bytes, for the rows that most instructions are: their class (X64Class) says which.
#pragma once
#include "compiler/x64/asm.h"
#include "runtime/base/bits.h"

static inline bool fits8(int64_t v) { return v == (int8_t)v; }
static inline uint8_t *put_mem(uint8_t *p, unsigned reg, const X64Mem *m, uint8_t **rip_at)
{
  unsigned reg_bits = (reg & 7) << 3;
  if (m->rip) {
    *p++ = (uint8_t)(reg_bits | 5);
    *rip_at = p;
    zw_put32(p, 0);
    return p + 4;
  }
  if (m->base == REG_NONE) {
    *p++ = (uint8_t)(reg_bits | 4);
    *p++ = (uint8_t)(m->scale << 6 | (m->index == REG_NONE ? 4 : m->index & 7) << 3 | 5);
    zw_put32(p, (uint32_t)m->disp);
    return p + 4;
  }
  unsigned base = m->base & 7, mod = m->disp == 0 && base != RBP ? 0 : fits8(m->disp) ? 0x40 : 0x80;
  if (m->index != REG_NONE || base == RSP) {
    *p++ = (uint8_t)(mod | reg_bits | 4);
    *p++ = (uint8_t)(m->scale << 6 | (m->index == REG_NONE ? 4 : m->index & 7) << 3 | base);
  } else
    *p++ = (uint8_t)(mod | reg_bits | base);
  zw_put32(p, (uint32_t)m->disp); // the buffer has room for what is not wanted of it
  return p + (mod == 0 ? 0 : mod == 0x40 ? 1 : 4);
}

// Prefix, REX when it says something, escape and opcode, without a jump; `behind` (ModRM, immediate) follows in the same word, which
// has room for three bytes of it at least.  Returns the end of the opcode.
static inline uint8_t *put_open(uint8_t *p, const X64Row *row, unsigned rex, uint64_t behind)
{
  bool has = rex != 0;
  unsigned n = row->open_bytes + has;
  zw_put64(p, row->open[has] | (uint64_t)rex << row->rex_at | behind << 8 * n);
  return p + n;
}
static inline unsigned rex_w(const X64Row *row, const Lir *i) { return (i->sz & row->w_of_sz) | row->w; }
static inline uint8_t *put_regs(uint8_t *p, const X64Row *row, unsigned w, unsigned reg, unsigned rm, uint64_t behind)
{
  return put_open(p, row, w | (reg & 8) >> 1 | (rm & 8) >> 3, (0xc0 | (reg & 7) << 3 | (rm & 7)) | behind << 8) + 1;
}

// A row of the class cls, below X64_PLAIN: the class of the row, or a constant.
static inline __attribute__((always_inline)) uint8_t *put_class(uint8_t *p, const X64Row *row, const Lir *i, X64Class cls)
{
  if (row->enc & WB && i->sz < 4)
    return zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
  switch (cls) {
  case X64_PLAIN_RR: return put_regs(p, row, rex_w(row, i), i->rd, i->rn, 0);
  case X64_PLAIN_RX: return put_regs(p, row, rex_w(row, i), i->rn, i->rd, 0);
  case X64_PLAIN_ALU: {
    bool is_short = fits8(i->imm);
    if (i->rd == RAX && !is_short)
      break;
    p = put_regs(p, row, rex_w(row, i), row->ext, i->rd, 0);
    p[-2] ^= is_short ? 0x81 ^ 0x83 : 0;
    zw_put32(p, (uint32_t)i->imm);
    return p + (is_short ? 1 : 4);
  }
  case X64_PLAIN_MOV: {
    if (i->sz == 8 && i->imm < 0)
      break;
    unsigned b = i->rd >> 3 & 1;
    uint64_t code = (0xb8u | (i->rd & 7)) | (uint64_t)(uint32_t)i->imm << 8;
    zw_put64(p, b ? code << 8 | 0x41 : code);
    return p + 5 + b;
  }
  case X64_PLAIN_SHIFT:
    if (i->imm == 1)
      break;
    return put_regs(p, row, rex_w(row, i), row->ext, i->rd, (uint8_t)i->imm) + 1;
  case X64_PLAIN_PUSH: {
    unsigned b = i->rd >> 3 & 1, code = row->opc | (i->rd & 7);
    zw_put16(p, (uint16_t)(b ? code << 8 | 0x41 : code));
    return p + 1 + b;
  }
  case X64_PLAIN: case X64_TEST: case X64_MEMORY_REG: case X64_MEMORY_IMM: case X64_MEMORY: case X64_CALL: case X64_PSEUDO: case X64_JUMP: break;
  }
  return zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
}
static inline uint8_t *put_test(uint8_t *p, const X64Row *row, const Lir *i)
{
  return i->sz < 4 ? zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL) : put_regs(p, row, rex_w(row, i), i->rn, i->rd, 0);
}
// REX.X and REX.B of a memory operand.
static inline unsigned rex_xb(const X64Mem *m)
{
  static const uint8_t high[256] = { [8] = 1, 1, 1, 1, 1, 1, 1, 1 }; // not of REG_NONE
  return high[m->index] << 1 | high[m->base];
}
// Without a base there are forms to choose from.
static inline bool is_simple(const X64Row *row, const Lir *i, const X64Mem *m)
{
  ASSERT(m->index != RSP && (m->base < 16 || m->base == REG_NONE) && (m->index < 16 || m->index == REG_NONE));
  return (m->base != REG_NONE || m->rip) && !(row->enc & WB && i->sz < 4);
}
// A row of class X64_MEMORY_REG.
static inline uint8_t *put_memory(uint8_t *p, const X64Row *row, const Lir *i, X64Mem m, uint8_t **rip_at)
{
  if (!is_simple(row, i, &m))
    return zw_x64_put_any(p, i, m, rip_at);
  p = put_open(p, row, rex_w(row, i) | (i->rd & 8u) >> 1 | rex_xb(&m), 0);
  return put_mem(p, i->rd, &m, rip_at);
}
// A row of class X64_MEMORY_IMM: a store of a constant, arithmetic with one.
static inline uint8_t *put_memory_imm(uint8_t *p, const X64Row *row, const Lir *i, X64Mem m, uint8_t **rip_at)
{
  if (!is_simple(row, i, &m))
    return zw_x64_put_any(p, i, m, rip_at);
  bool is_short = row->opc == 0x81 && fits8(i->imm);
  p = put_open(p, row, rex_w(row, i) | rex_xb(&m), 0);
  p[-1] ^= is_short ? 0x81 ^ 0x83 : 0;
  p = put_mem(p, row->ext, &m, rip_at);
  zw_put32(p, (uint32_t)i->imm);
  return p + (is_short ? 1 : 4);
}
