// One row of lir.def to bytes.  Names of fields and tables are those of the Intel SDM, volume 2, chapter 2:
// [66/F2/F3] [REX | VEX] opcode [ModRM [SIB] [disp]] [imm].
// Everything irregular is one of the short forms in plan(); the rest follows from form and enc.
#include "compiler/x64/asm.h"
#include "runtime/base/bits.h"

// clang-format off
const X64Row zw_x64_rows[X64_NOPS] = {
#define LIR(id, text, form, enc, opc, ext, imm, use, mw) { text, enc, X64_##form, opc, ext, imm, use, mw },
#include "compiler/x64/lir.def"
};
// clang-format on

// What plan() decides: one instruction ready to write.
typedef struct Plan {
  uint8_t opc, reg, rm, vvvv;  // register numbers 0..15; rm only without memory
  uint8_t is4;                 // fourth register or REG_NONE
  uint8_t imm_bytes, modrm;    // modrm: there is one
  bool w, opsize, rex;         // REX.W or VEX.W; 66 for 16-bit operands; a REX is needed for spl..dil
  int32_t imm;
} Plan;

static bool fits8(int32_t v) { return v == (int8_t)v; }
static unsigned low4(unsigned reg) { return reg & 15; }
// spl bpl sil dil are ah ch dh bh without a REX prefix
static bool byte_needs_rex(unsigned reg) { return reg >= 4 && reg < 8; }

static void plan_registers(Plan *n, const X64Row *row, const Lir *i)
{
  n->modrm = true;
  switch ((X64Form)row->form) {
  case X64_N: n->modrm = false; break;
  case X64_O: n->modrm = false, n->rm = low4(i->rd); break;
  case X64_RR: n->reg = low4(i->rd), n->rm = low4(i->rn); break;
  case X64_RX: n->reg = low4(i->rn), n->rm = low4(i->rd); break;
  case X64_RM: case X64_MR: n->reg = low4(i->rd); break;
  case X64_R: n->reg = row->ext, n->rm = low4(i->rd); break;
  case X64_M: n->reg = row->ext; break;
  case X64_RRR: case X64_SRR: n->reg = low4(i->rd), n->vvvv = low4(i->ra), n->rm = low4(i->rn); break;
  case X64_RRM: case X64_SRM: n->reg = low4(i->rd), n->vvvv = low4(i->ra); break;
  case X64_VR: n->reg = row->ext, n->vvvv = low4(i->rd), n->rm = low4(i->rn); break;
  case X64_RRRX: n->reg = low4(i->rd), n->vvvv = low4(i->ra), n->rm = low4(i->rn), n->is4 = low4(i->rm); break;
  case X64_P: BUG("pseudo op %s has no bytes of its own", row->text);
  }
}

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
      n->opc = (uint8_t)(row->ext * 8 + (i->sz == 1 ? 4 : 5)), n->modrm = false, n->reg = 0;
    break;
  case 0xf7: // test: the sign flag of a narrower test is the same while the mask's top bit is clear
    if (row->form == X64_R && i->sz >= 4 && i->imm >= 0 && i->imm <= 0x7f)
      n->opc = 0xf6, n->imm_bytes = 1, n->w = false, n->rex = byte_needs_rex(i->rd);
    if (a)
      n->opc = n->imm_bytes == 1 ? 0xa8 : 0xa9, n->modrm = false;
    break;
  case 0xc7:
    if (row->form == X64_R && (i->sz == 4 || i->imm >= 0))
      n->opc = (uint8_t)(0xb8 | (n->rm & 7)), n->modrm = false, n->w = false;
    break;
  }
}

static Plan plan(const X64Row *row, const Lir *i)
{
  Plan n = { .opc = row->opc, .is4 = REG_NONE };
  n.w = row->enc & W1 || (row->enc & WSZ && i->sz == 8);
  plan_registers(&n, row, i);
  if (row->enc & WB && i->sz < 4) {
    n.opsize = i->sz == 2;
    if (i->sz == 1) {
      n.opc--;
      bool rm_is_reg = row->form == X64_RR || row->form == X64_RX || row->form == X64_R;
      n.rex = (row->form != X64_R && row->form != X64_M && byte_needs_rex(n.reg)) || (rm_is_reg && byte_needs_rex(n.rm));
    }
  }
  switch (i->op) { // byte registers outside WB rows, conditions
  case X_movzx8_rr: case X_movsx8_rr: n.rex = byte_needs_rex(n.rm); break;
  case X_setcc_r: n.rex = byte_needs_rex(n.rm); n.opc |= i->cc; break;
  case X_cmov_rr: n.opc |= i->cc; break;
  case X_setcc_m: case X_cmov_rm: n.opc |= i->ra; break;
  }
  if (row->imm != I0)
    plan_imm(&n, row, i);
  if (row->form == X64_O)
    n.opc |= n.rm & 7;
  return n;
}

// [idx] and [idx*2 + disp] without a base cost a disp32: give them one.
static X64Mem normal_mem(const X64Mem *m)
{
  X64Mem r = *m;
  if (r.base == REG_NONE && r.index != REG_NONE && r.scale < 2 && !r.rip) {
    r.base = r.index;
    if (r.scale == 0)
      r.index = REG_NONE;
    r.scale = 0;
  }
  return r;
}

// Bytes of displacement after ModRM/SIB.
static unsigned disp_bytes(const X64Mem *m)
{
  if (m->rip || m->base == REG_NONE)
    return 4;
  if (m->disp == 0 && (m->base & 7) != RBP)
    return 0;
  return fits8(m->disp) ? 1 : 4;
}
static bool needs_sib(const X64Mem *m) { return !m->rip && (m->index != REG_NONE || m->base == REG_NONE || (m->base & 7) == RSP); }

static bool high(unsigned reg) { return reg != REG_NONE && reg & 8; }

static bool vex2(const X64Row *row, const Plan *n, bool x, bool b) { return !n->w && !x && !b && (row->enc & M3A) == M0F; }

unsigned zw_x64_length(const Lir *i, const X64Mem *mem)
{
  const X64Row *row = &zw_x64_rows[i->op];
  Plan n = plan(row, i);
  X64Mem m = { 0 };
  bool x = false, b = n.rm & 8;
  unsigned len = 1 + n.modrm + n.imm_bytes + (n.is4 != REG_NONE) + !!(row->enc & EXTRA);
  if (zw_x64_form_has_mem(row->form)) {
    m = normal_mem(mem);
    x = high(m.index), b = !m.rip && high(m.base);
    len += needs_sib(&m) + disp_bytes(&m);
  }
  if (row->enc & VEX)
    return len + (vex2(row, &n, x, b) ? 2 : 3);
  bool rex = n.w || n.rex || n.reg & 8 || x || b;
  return len + rex + n.opsize + !!(row->enc & LOCK) + !!(row->enc & 3) + ((row->enc & M3A) == 0 ? 0 : (row->enc & M3A) == M0F ? 1 : 2);
}

static uint8_t *put_vex(uint8_t *p, const X64Row *row, const Plan *n, bool x, bool b)
{
  unsigned pp = row->enc & 3, map = row->enc >> 2 & 3; // ORDER: 66 F3 F2 are 1 2 3, 0F 0F38 0F3A are 1 2 3, as VEX numbers them
  bool r = n->reg & 8;
  if (vex2(row, n, x, b)) {
    *p++ = 0xc5;
    *p++ = (uint8_t)(!r << 7 | (~n->vvvv & 15) << 3 | pp);
    return p;
  }
  *p++ = 0xc4;
  *p++ = (uint8_t)(!r << 7 | !x << 6 | !b << 5 | map);
  *p++ = (uint8_t)(n->w << 7 | (~n->vvvv & 15) << 3 | pp);
  return p;
}

static uint8_t *put_legacy(uint8_t *p, const X64Row *row, const Plan *n, bool x, bool b)
{
  static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
  if (n->opsize)
    *p++ = 0x66;
  if (row->enc & LOCK)
    *p++ = 0xf0;
  if (row->enc & 3)
    *p++ = prefix[row->enc & 3];
  bool r = n->modrm && n->reg & 8;
  if (n->w || n->rex || r || x || b)
    *p++ = (uint8_t)(0x40 | n->w << 3 | r << 2 | x << 1 | b);
  unsigned map = row->enc & M3A;
  if (map)
    *p++ = 0x0f;
  if (map == M38 || map == M3A)
    *p++ = map == M38 ? 0x38 : 0x3a;
  return p;
}

static uint8_t *put_mem(uint8_t *p, unsigned reg, const X64Mem *m, uint8_t **rip_at)
{
  unsigned bytes = disp_bytes(m), mod = m->rip || m->base == REG_NONE ? 0 : bytes == 0 ? 0 : bytes == 1 ? 1 : 2;
  unsigned base = m->base == REG_NONE ? 5 : m->base & 7;
  bool sib = needs_sib(m);
  *p++ = (uint8_t)(mod << 6 | (reg & 7) << 3 | (sib ? 4 : m->rip ? 5 : base));
  if (sib)
    *p++ = (uint8_t)(m->scale << 6 | (m->index == REG_NONE ? 4 : m->index & 7) << 3 | base);
  if (m->rip)
    *rip_at = p;
  if (bytes == 1)
    *p++ = (uint8_t)m->disp;
  else if (bytes == 4)
    zw_put32(p, m->rip ? 0 : (uint32_t)m->disp), p += 4;
  return p;
}

uint8_t *zw_x64_put(uint8_t *p, const Lir *i, const X64Mem *mem, uint8_t **rip_at)
{
  const X64Row *row = &zw_x64_rows[i->op];
  Plan n = plan(row, i);
  X64Mem m = { 0 };
  bool has_mem = zw_x64_form_has_mem(row->form), x = false, b = n.rm & 8;
  if (has_mem) {
    m = normal_mem(mem);
    ASSERT(m.index != RSP && (m.base < 16 || m.base == REG_NONE) && (m.index < 16 || m.index == REG_NONE));
    x = high(m.index), b = !m.rip && high(m.base);
  }
  p = row->enc & VEX ? put_vex(p, row, &n, x, b) : put_legacy(p, row, &n, x, b);
  *p++ = n.opc;
  if (row->enc & EXTRA)
    *p++ = row->ext;
  if (has_mem)
    p = put_mem(p, n.reg, &m, rip_at);
  else if (n.modrm)
    *p++ = (uint8_t)(0xc0 | (n.reg & 7) << 3 | (n.rm & 7));
  if (n.is4 != REG_NONE)
    *p++ = (uint8_t)(n.is4 << 4);
  switch (n.imm_bytes) {
  case 1: *p++ = (uint8_t)n.imm; break;
  case 2: zw_put16(p, (uint16_t)n.imm), p += 2; break;
  case 4: zw_put32(p, (uint32_t)n.imm), p += 4; break;
  }
  return p;
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
    return zw_x64_put(p, &(Lir){ .op = X_mov_ri, .sz = v <= UINT32_MAX ? 4 : 8, .rd = (uint8_t)rd, .imm = (int32_t)v }, NULL, NULL);
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
