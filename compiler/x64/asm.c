// One row of lir.def to bytes.  Names of fields and tables are those of the Intel SDM, volume 2, chapter 2:
// [66/F2/F3] [REX | VEX] opcode [ModRM [SIB] [disp]] [imm].
// Everything irregular is one of the short forms in plan(); the rest follows from form and enc.  The rows that most instructions
// are have shorter ways (asm_put.h) to the same bytes: tests/asm/x64_rows compares both with the system assembler.
#include "compiler/x64/asm_put.h"
#include "runtime/base/bits.h"

// clang-format off
#define HAS_MEM(form) ((form) == X64_RM || (form) == X64_MR || (form) == X64_M || (form) == X64_RRM || (form) == X64_SRM)
#define SHORT(form, enc, opc, imm) \
  ((enc) & (VEX | LOCK | EXTRA | COND | BYTE_RM) ? X64_PLAIN : \
   (imm) == I0 ? ((form) == X64_RR ? X64_PLAIN_RR : (form) == X64_RX ? X64_PLAIN_RX : (form) == X64_O && (enc) == 0 ? X64_PLAIN_PUSH : X64_PLAIN) : \
   (form) == X64_R && ((enc) & M3A) == 0 ? ((opc) == 0x81 ? X64_PLAIN_ALU : (opc) == 0xc7 ? X64_PLAIN_MOV : (opc) == 0xc1 ? X64_PLAIN_SHIFT : X64_PLAIN) : X64_PLAIN)
#define CLASS(op, form, enc, opc, imm) \
  ((op) == X_jmp || (op) == X_jcc ? X64_JUMP : (form) == X64_P ? X64_PSEUDO : (op) == X_test_rr ? X64_TEST : (op) == X_call_m || (op) == X_call_r ? X64_CALL : \
   !HAS_MEM(form) ? SHORT(form, enc, opc, imm) : \
   ((form) == X64_RM || (form) == X64_MR) && (imm) == I0 && !((enc) & (VEX | LOCK | EXTRA | COND | BYTE_RM)) ? X64_MEMORY_REG : \
   (form) == X64_M && (imm) == IZ && ((enc) & ~(WSZ | WB)) == 0 && ((opc) == 0x81 || (opc) == 0xc7) ? X64_MEMORY_IMM : X64_MEMORY)
#define PREFIX(enc) (((enc) & 3) == P66 ? 0x66u : ((enc) & 3) == PF3 ? 0xf3u : ((enc) & 3) == PF2 ? 0xf2u : 0)
#define PREFIXES(enc) (((enc) & 3) != 0)
#define ESCAPE(enc) (((enc) & M3A) == M0F ? 0x0full : ((enc) & M3A) == M38 ? 0x380full : ((enc) & M3A) == M3A ? 0x3a0full : 0)
#define ESCAPES(enc) (((enc) & M3A) == 0 ? 0 : ((enc) & M3A) == M0F ? 1 : 2)
#define BEHIND(enc, opc, at) (ESCAPE(enc) << 8 * (at) | (uint64_t)(opc) << 8 * ((at) + ESCAPES(enc)))
#define OPEN(enc, opc) { PREFIX(enc) | BEHIND(enc, opc, PREFIXES(enc)), PREFIX(enc) | 0x40ull << 8 * PREFIXES(enc) | BEHIND(enc, opc, PREFIXES(enc) + 1) }
const X64Row zw_x64_rows[X64_NOPS] = {
#define LIR(id, text, form, enc, opc, ext, imm, use, mw) \
  { text, OPEN(enc, opc), enc, X64_##form, opc, ext, imm, use, mw, CLASS(X_##id, X64_##form, enc, opc, imm), \
    PREFIXES(enc) + ESCAPES(enc) + 1, 8 * PREFIXES(enc), (enc) & WSZ ? 8 : 0, (enc) & W1 ? 8 : 0, \
    (enc) & WB ? 4 : 0, HAS_MEM(X64_##form) && (imm) == I0 && X_##id != X_lea },
#include "compiler/x64/lir.def"
};
// clang-format on

// One instruction ready to write.
typedef struct Plan {
  uint8_t opc, reg, rm, vvvv;  // register numbers 0..15; rm only without memory
  uint8_t imm_bytes, modrm;    // modrm: there is one
  bool w, opsize, rex;         // REX.W or VEX.W; 66 for 16-bit operands; a REX is needed for spl..dil
  int32_t imm;
} Plan;

// spl bpl sil dil are ah ch dh bh without a REX prefix
static bool byte_needs_rex(unsigned reg) { return reg >= 4 && reg < 8; }

// Which field goes where, by form.
enum { F_RD, F_RN, F_RM, F_RA, F_EXT, F_0 };
typedef struct Where { uint8_t reg, rm, vvvv, modrm; } Where;
static const Where where[] = {
  [X64_N] = { F_0, F_0, F_0, 0 },       [X64_O] = { F_0, F_RD, F_0, 0 },
  [X64_RR] = { F_RD, F_RN, F_0, 1 },    [X64_RX] = { F_RN, F_RD, F_0, 1 },
  [X64_RM] = { F_RD, F_0, F_0, 1 },     [X64_MR] = { F_RD, F_0, F_0, 1 },
  [X64_R] = { F_EXT, F_RD, F_0, 1 },    [X64_M] = { F_EXT, F_0, F_0, 1 },
  [X64_RRR] = { F_RD, F_RN, F_RA, 1 },  [X64_SRR] = { F_RD, F_RN, F_RA, 1 },
  [X64_RRM] = { F_RD, F_0, F_RA, 1 },   [X64_SRM] = { F_RD, F_0, F_RA, 1 },
  [X64_VR] = { F_EXT, F_RN, F_RD, 1 },  [X64_RRRX] = { F_RD, F_RN, F_RA, 1 },
};

// Immediates, and the short forms that depend on them.
static void plan_imm(Plan *n, const X64Row *row, const Lir *i)
{
  n->imm = i->imm;
  if (row->imm == I8) {
    n->imm_bytes = 1;
    if (row->opc == 0xc1 && !(row->enc & M3A) && i->imm == 1)
      n->opc = 0xd1, n->imm_bytes = 0; // shift by one
    return;
  }
  n->imm_bytes = i->sz == 1 ? 1 : i->sz == 2 ? 2 : 4;
  bool a = row->form == X64_R && i->rd == RAX;
  switch (row->opc) {
  case 0x69:
    if (fits8(i->imm))
      n->opc = 0x6b, n->imm_bytes = 1;
    break;
  case 0x81:
    if (i->sz != 1 && fits8(i->imm))
      n->opc = 0x83, n->imm_bytes = 1;
    else if (a)
      n->opc = (uint8_t)(row->ext * 8 + (i->sz == 1 ? 4 : 5)), n->modrm = 0, n->reg = 0;
    break;
  case 0xf7: // test: the sign flag of a narrower test is the same while the mask's top bit is clear
    if (row->form == X64_R && i->sz >= 4 && i->imm >= 0 && i->imm <= 0x7f)
      n->opc = 0xf6, n->imm_bytes = 1, n->w = false, n->rex = byte_needs_rex(i->rd);
    if (a)
      n->opc = n->imm_bytes == 1 ? 0xa8 : 0xa9, n->modrm = 0, n->reg = 0;
    break;
  case 0xc7:
    if (row->form == X64_R && (i->sz == 4 || i->imm >= 0))
      n->opc = (uint8_t)(0xb8 | (n->rm & 7)), n->modrm = 0, n->reg = 0, n->w = false;
    break;
  }
}

// What few rows need: byte and 16-bit operands, conditions, registers in the opcode.
static void plan_special(Plan *n, const X64Row *row, const Lir *i)
{
  if (row->enc & WB && i->sz < 4) {
    n->opsize = i->sz == 2;
    if (i->sz == 1) {
      n->opc--;
      bool reg_is_reg = row->form != X64_R && row->form != X64_M;
      bool rm_is_reg = row->form == X64_RR || row->form == X64_RX || row->form == X64_R;
      n->rex = (reg_is_reg && byte_needs_rex(n->reg)) || (rm_is_reg && byte_needs_rex(n->rm));
    }
  }
  if (row->enc & BYTE_RM)
    n->rex = byte_needs_rex(n->rm);
  if (row->enc & COND)
    n->opc |= zw_x64_form_has_mem(row->form) ? i->ra : i->cc;
  if (row->form == X64_O)
    n->opc |= n->rm & 7;
}

static inline Plan plan(const X64Row *row, const Lir *i)
{
  uint8_t field[6] = { i->rd, i->rn, i->rm, i->ra, row->ext, 0 };
  const Where *at = &where[row->form];
  Plan n = { .opc = row->opc, .modrm = at->modrm };
  n.reg = field[at->reg] & 15, n.rm = field[at->rm] & 15, n.vvvv = field[at->vvvv] & 15;
  n.w = row->enc & W1 || (row->enc & WSZ && i->sz == 8);
  if ((row->enc & WB && i->sz < 4) || row->enc & (BYTE_RM | COND) || row->form == X64_O)
    plan_special(&n, row, i);
  if (row->imm != I0)
    plan_imm(&n, row, i);
  return n;
}

// [idx] and [idx*2 + disp] without a base cost a disp32: give them one.
static X64Mem normal_mem(const X64Mem *m)
{
  X64Mem r = *m;
  if (r.base == REG_NONE && r.index != REG_NONE && r.scale < 2) {
    r.base = r.index;
    if (r.scale == 0)
      r.index = REG_NONE;
    r.scale = 0;
  }
  return r;
}

static uint8_t *put_vex(uint8_t *p, const X64Row *row, const Plan *n, bool x, bool b)
{
  unsigned pp = row->enc & 3, map = row->enc >> 2 & 3; // ORDER: 66 F3 F2 are 1 2 3, 0F 0F38 0F3A are 1 2 3, as VEX numbers them
  bool r = n->reg & 8;
  if (!n->w && !x && !b && (row->enc & M3A) == M0F) {
    *p++ = 0xc5;
    *p++ = (uint8_t)(!r << 7 | (~n->vvvv & 15) << 3 | pp);
    return p;
  }
  *p++ = 0xc4;
  *p++ = (uint8_t)(!r << 7 | !x << 6 | !b << 5 | map);
  *p++ = (uint8_t)(n->w << 7 | (~n->vvvv & 15) << 3 | pp);
  return p;
}

static inline uint8_t *put_legacy(uint8_t *p, const X64Row *row, const Plan *n, bool x, bool b)
{
  static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
  if (n->opsize)
    *p++ = 0x66;
  if (row->enc & LOCK)
    *p++ = 0xf0;
  if (row->enc & 3)
    *p++ = prefix[row->enc & 3];
  unsigned rex = n->w << 3 | (n->reg & 8) >> 1 | x << 1 | b;
  *p = (uint8_t)(0x40 | rex);
  p += rex || n->rex;
  unsigned map = row->enc & M3A;
  if (map)
    *p++ = 0x0f;
  if (map == M38 || map == M3A)
    *p++ = map == M38 ? 0x38 : 0x3a;
  return p;
}

uint8_t *zw_x64_put_any(uint8_t *p, const Lir *i, X64Mem mem, uint8_t **rip_at)
{
  const X64Row *row = &zw_x64_rows[i->op];
  ASSERT(row->form != X64_P);
  Plan n = plan(row, i);
  X64Mem m = { 0 };
  bool has_mem = zw_x64_form_has_mem(row->form), x = false, b = n.rm & 8;
  if (has_mem) {
    m = normal_mem(&mem);
    ASSERT(m.index != RSP && (m.base < 16 || m.base == REG_NONE) && (m.index < 16 || m.index == REG_NONE));
    x = m.index & 8 && m.index != REG_NONE, b = m.base & 8 && m.base != REG_NONE;
  }
  p = row->enc & VEX ? put_vex(p, row, &n, x, b) : put_legacy(p, row, &n, x, b);
  *p++ = n.opc;
  if (has_mem)
    p = put_mem(p, n.reg, &m, rip_at);
  else if (n.modrm)
    *p++ = (uint8_t)(0xc0 | (n.reg & 7) << 3 | (n.rm & 7));
  else if (row->enc & EXTRA)
    *p++ = row->ext;
  if (row->form == X64_RRRX)
    *p++ = (uint8_t)((i->rm & 15) << 4);
  if (n.imm_bytes)
    zw_put32(p, (uint32_t)n.imm), p += n.imm_bytes;
  return p;
}

uint8_t *zw_x64_put(uint8_t *p, const Lir *i, X64Mem m, uint8_t **rip_at)
{
  const X64Row *row = &zw_x64_rows[i->op];
  if (row->cls == X64_MEMORY_REG || row->cls == X64_MEMORY_IMM) {
    bool narrow = i->sz < row->least_sz;
    if (m.rip || !has_base(m.base))
      return zw_x64_put_any(p, i, m, rip_at);
    if (row->cls == X64_MEMORY_REG)
      return narrow ? put_narrow_memory(p, row, i, m.base, m.index, m.scale, m.disp) : put_memory(p, row, i, m.base, m.index, m.scale, m.disp);
    return narrow ? zw_x64_put_any(p, i, m, rip_at) : put_memory_imm(p, row, i, m.base, m.index, m.scale, m.disp);
  }
  if (row->cls == X64_TEST)
    return put_class(p, row, i, X64_PLAIN_RX);
  return row->cls < X64_PLAIN ? put_class(p, row, i, row->cls) : zw_x64_put_any(p, i, m, rip_at);
}

unsigned zw_x64_imm64_length(unsigned rd, uint64_t v)
{
  if (v <= UINT32_MAX)
    return 5 + (rd >= 8);
  return (int64_t)v == (int32_t)v ? 7 : 10;
}

uint8_t *zw_x64_put_imm64(uint8_t *p, unsigned rd, uint64_t v)
{
  if (v <= UINT32_MAX || (int64_t)v == (int32_t)v)
    return zw_x64_put(p, &(Lir){ .op = X_mov_ri, .sz = v <= UINT32_MAX ? 4 : 8, .rd = (uint8_t)rd, .imm = (int32_t)v }, (X64Mem){ 0 }, NULL);
  *p++ = (uint8_t)(0x48 | rd >> 3);
  *p++ = (uint8_t)(0xb8 | (rd & 7));
  zw_put64(p, v);
  return p + 8;
}

// Intel SDM, NOP: recommended multi-byte sequences.
uint8_t *zw_x64_nops(uint8_t *p, unsigned n)
{
  static const uint8_t nops[9][9] = {
    { 0x90 },
    { 0x66, 0x90 },
    { 0x0f, 0x1f, 0x00 },
    { 0x0f, 0x1f, 0x40, 0x00 },
    { 0x0f, 0x1f, 0x44, 0x00, 0x00 },
    { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
    { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
    { 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
    { 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
  };
  while (n) {
    unsigned k = n > 9 ? 9 : n;
    memcpy(p, nops[k - 1], k);
    p += k, n -= k;
  }
  return p;
}
