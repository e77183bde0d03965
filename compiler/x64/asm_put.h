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

// The operands of an instruction as the sum of what each says: bits 0..15 are ModRM and SIB, then
enum { ADD_SIB = 1 << 16, DISP_ALWAYS = 1 << 17, REX_AT = 24, MOD_AT = 6, RM_AT_SIB = 8, INDEX_AT = 11, SCALE_AT = 14 };
#define REX_B(r) ((uint32_t)((r) >> 3 & 1) << REX_AT)
#define AS_BASE(r) (((r) & 7) | ((r) & 7) << RM_AT_SIB | (((r) & 7) == RSP ? ADD_SIB : 0) | (((r) & 7) == RBP ? DISP_ALWAYS : 0) | REX_B(r))
#define AS_INDEX(r) { RSP | ADD_SIB | ((r) & 7) << INDEX_AT | REX_B(r) << 1, ~3u } // with an index ModRM.rm is 4
#define EIGHT(F, r) F(r), F(r + 1), F(r + 2), F(r + 3), F(r + 4), F(r + 5), F(r + 6), F(r + 7)
#define AS_REG(r) (((r) & 7) << 3 | REX_B(r) << 2)
#define AS_RM(r) (0xc0 | ((r) & 7) | REX_B(r))
static const uint32_t x64_as_base[16] = { EIGHT(AS_BASE, 0), EIGHT(AS_BASE, 8) };
static const uint32_t x64_as_reg[32] = { EIGHT(AS_REG, 0), EIGHT(AS_REG, 8), EIGHT(AS_REG, 16), EIGHT(AS_REG, 24) };
static const uint32_t x64_as_rm[32] = { EIGHT(AS_RM, 0), EIGHT(AS_RM, 8), EIGHT(AS_RM, 16), EIGHT(AS_RM, 24) };
typedef struct X64Index { uint32_t add, keep; } X64Index; // keep: bits of the base
static const X64Index x64_as_index[32] = { { RSP << INDEX_AT, ~0u }, EIGHT(AS_INDEX, 0), EIGHT(AS_INDEX, 8) }; // by number + 1: REG_NONE is the first

// Prefix, REX when it says something, escape, opcode, ModRM and SIB: one word, written without a jump.  flip: bits of the opcode to turn round,
// and ALWAYS_REX.
enum { ALWAYS_REX = 0x100 };
static inline __attribute__((always_inline)) uint8_t *put_operands(uint8_t *p, const X64Row *row, const Lir *i, uint32_t add, uint32_t flip_rex)
{
  uint32_t rex = add >> REX_AT | (i->sz & row->w_of_sz) | row->w, flip = flip_rex & 0xff, has = (rex | (flip_rex & ALWAYS_REX)) != 0, n = row->open_bytes + has;
  uint64_t behind = (uint64_t)(add & 0xffff) << 8 | flip;
  zw_put64(p, (row->open[has] | (uint64_t)rex << row->rex_at) ^ behind << 8 * (n - 1));
  return p + n + 1;
}
static inline uint8_t *put_regs(uint8_t *p, const X64Row *row, const Lir *i, unsigned reg, unsigned rm)
{
  return put_operands(p, row, i, x64_as_reg[reg & 31] | x64_as_rm[rm & 31], 0);
}

// A row of the class cls, below X64_PLAIN: the class of the row, or a constant.
static inline __attribute__((always_inline)) uint8_t *put_class(uint8_t *p, const X64Row *row, const Lir *i, X64Class cls)
{
  if (i->sz < row->least_sz)
    return zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
  switch (cls) {
  case X64_PLAIN_RR: return put_regs(p, row, i, i->rd, i->rn);
  case X64_PLAIN_RX: return put_regs(p, row, i, i->rn, i->rd);
  case X64_PLAIN_ALU: {
    uint32_t is_short = fits8(i->imm);
    if (!is_short && i->rd == RAX)
      break;
    p = put_operands(p, row, i, x64_as_rm[i->rd & 31] | (uint32_t)row->ext << 3, is_short ? 0x81 ^ 0x83 : 0);
    zw_put32(p, (uint32_t)i->imm);
    return p + 4 - 3 * is_short;
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
    p = put_operands(p, row, i, x64_as_rm[i->rd & 31] | (uint32_t)row->ext << 3, 0);
    *p = (uint8_t)i->imm;
    return p + 1;
  case X64_PLAIN_PUSH: {
    unsigned b = i->rd >> 3 & 1, code = row->opc | (i->rd & 7);
    zw_put16(p, (uint16_t)(b ? code << 8 | 0x41 : code));
    return p + 1 + b;
  }
  case X64_PLAIN: case X64_TEST: case X64_MEMORY_REG: case X64_MEMORY_IMM: case X64_MEMORY: case X64_CALL: case X64_PSEUDO: case X64_JUMP: break;
  }
  return zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
}
// Without a base there are forms to choose from.
static inline bool has_base(unsigned base) { return base < 16; }
static inline __attribute__((always_inline)) uint8_t *put_with_memory(uint8_t *p, const X64Row *row, const Lir *i, uint32_t reg, unsigned base, unsigned index,
                                                                      unsigned scale, int32_t disp, uint32_t flip)
{
  ASSERT(base < 16 && index != RSP && (index < 16 || index == REG_NONE));
  X64Index x = x64_as_index[(index + 1) & 31];
  uint32_t add = (x64_as_base[base & 15] & x.keep) | x.add | reg | scale << SCALE_AT;
  uint32_t is_wide = (uint32_t)disp + 128 > 255, is_there = (disp != 0) | (add & DISP_ALWAYS) / DISP_ALWAYS;
  p = put_operands(p, row, i, add | (is_there + is_wide) << MOD_AT, flip) + (add & ADD_SIB) / ADD_SIB;
  zw_put32(p, (uint32_t)disp); // the buffer has room for what is not wanted of it
  return p + is_there + 3 * is_wide;
}
// The same with 8 or 16 bits: the opcode before it, or 66 in front.
static inline uint8_t *put_narrow_memory(uint8_t *p, const X64Row *row, const Lir *i, unsigned base, unsigned index, unsigned scale, int32_t disp)
{
  *p = 0x66;
  p += i->sz == 2;
  return put_with_memory(p, row, i, x64_as_reg[i->rd & 31], base, index, scale, disp, i->sz == 2 ? 0 : i->rd >= RSP && i->rd <= RDI ? ALWAYS_REX | 1 : 1);
}
// A row of class X64_MEMORY_REG.
static inline __attribute__((always_inline)) uint8_t *put_memory(uint8_t *p, const X64Row *row, const Lir *i, unsigned base, unsigned index, unsigned scale, int32_t disp)
{
  return put_with_memory(p, row, i, x64_as_reg[i->rd & 31], base, index, scale, disp, 0);
}
// A row of class X64_MEMORY_IMM: a store of a constant, arithmetic with one.
static inline uint8_t *put_memory_imm(uint8_t *p, const X64Row *row, const Lir *i, unsigned base, unsigned index, unsigned scale, int32_t disp)
{
  uint32_t is_short = (row->opc == 0x81) & fits8(i->imm);
  p = put_with_memory(p, row, i, (uint32_t)row->ext << 3, base, index, scale, disp, is_short ? 0x81 ^ 0x83 : 0);
  zw_put32(p, (uint32_t)i->imm);
  return p + 4 - 3 * is_short;
}
