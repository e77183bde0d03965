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

// Prefix, REX when it says something, escape and opcode, without a jump.
static inline uint8_t *put_open(uint8_t *p, const X64Row *row, unsigned rex, unsigned opc)
{
  static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 }, escape_bytes[4] = { 0, 1, 2, 2 };
  static const uint16_t escape[4] = { 0, 0x0f, 0x380f, 0x3a0f };
  unsigned pp = row->enc & 3, map = row->enc >> 2 & 3;
  *p = prefix[pp];
  p += pp != 0;
  *p = (uint8_t)(0x40 | rex);
  p += rex != 0;
  zw_put16(p, escape[map]);
  p += escape_bytes[map];
  *p = (uint8_t)opc;
  return p + 1;
}
static inline uint8_t *put_regs(uint8_t *p, const X64Row *row, bool w, unsigned reg, unsigned rm, unsigned opc)
{
  p = put_open(p, row, (unsigned)w << 3 | (reg & 8) >> 1 | (rm & 8) >> 3, opc);
  *p = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
  return p + 1;
}

static inline bool is_wide(const X64Row *row, const Lir *i) { return row->enc & W1 || (row->enc & WSZ && i->sz == 8); }
// A row of the classes below X64_PLAIN.
static inline uint8_t *put_plain(uint8_t *p, const X64Row *row, const Lir *i)
{
  bool w = is_wide(row, i), narrow = row->enc & WB && i->sz < 4;
  switch ((X64Class)row->cls) {
  case X64_PLAIN_RR:
    if (narrow)
      break;
    return put_regs(p, row, w, i->rd, i->rn, row->opc);
  case X64_PLAIN_RX:
    if (narrow)
      break;
    return put_regs(p, row, w, i->rn, i->rd, row->opc);
  case X64_PLAIN_ALU:
    if (narrow || (i->rd == RAX && !fits8(i->imm)))
      break;
    p = put_regs(p, row, w, row->ext, i->rd, fits8(i->imm) ? 0x83 : 0x81);
    zw_put32(p, (uint32_t)i->imm);
    return p + (fits8(i->imm) ? 1 : 4);
  case X64_PLAIN_MOV:
    if (i->sz == 8 && i->imm < 0)
      break;
    p = put_open(p, row, i->rd >> 3 & 1, 0xb8 | (i->rd & 7));
    zw_put32(p, (uint32_t)i->imm);
    return p + 4;
  case X64_PLAIN_SHIFT:
    if (i->imm == 1)
      break;
    p = put_regs(p, row, w, row->ext, i->rd, 0xc1);
    *p = (uint8_t)i->imm;
    return p + 1;
  case X64_PLAIN: case X64_TEST: case X64_MEMORY_REG: case X64_MEMORY: case X64_CALL: case X64_PSEUDO: case X64_JUMP: break;
  }
  return zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
}
// A row of class X64_MEMORY_REG.
static inline uint8_t *put_memory(uint8_t *p, const X64Row *row, const Lir *i, X64Mem m, uint8_t **rip_at)
{
  if ((m.base == REG_NONE && !m.rip) || (row->enc & WB && i->sz < 4))
    return zw_x64_put_any(p, i, m, rip_at);
  ASSERT(m.index != RSP && (m.base < 16 || m.base == REG_NONE) && (m.index < 16 || m.index == REG_NONE));
  unsigned x = m.index & 8 && m.index != REG_NONE, b = m.base & 8 && m.base != REG_NONE;
  p = put_open(p, row, (unsigned)is_wide(row, i) << 3 | (i->rd & 8u) >> 1 | x << 1 | b, row->opc);
  return put_mem(p, i->rd, &m, rip_at);
}
