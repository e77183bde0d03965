// Machine code and LIR as text, for --dump and tests.
#include "compiler/x64/x64_int.h"

static void put_mem(const LirFunc *l, const Lir *i, Text *out)
{
  (void)l;
  static const char *const pseudo[] = { "area", "out", "arg", "const", "slot" };
  zw_text_printf(out, "[");
  if (i->rn >= REG_AREA && i->rn != REG_NONE) {
    zw_text_printf(out, "%s %d]", pseudo[i->rn - REG_AREA], i->disp);
    return;
  }
  const char *plus = "";
  if (i->rn != REG_NONE)
    zw_text_printf(out, "%s", zw_x64_reg_name(i->rn, 8)), plus = "+";
  if (i->rm != REG_NONE)
    zw_text_printf(out, "%s%s*%d", plus, zw_x64_reg_name(i->rm, 8), 1 << i->cc), plus = "+";
  if (i->disp || *plus == 0)
    zw_text_printf(out, "%s%d", i->disp < 0 ? "" : plus, i->disp);
  zw_text_printf(out, "]");
}

static void put_label(uint32_t x, Text *out)
{
  if (x & LABEL_STUB)
    zw_text_printf(out, "s%u", x & ~LABEL_STUB);
  else
    zw_text_printf(out, "b%u", x);
}

static void put_reg(const Lir *i, unsigned reg, Text *out) { zw_text_printf(out, "%s", zw_x64_reg_name(reg, i->sz)); }

static const char *const cc_name[16] = { "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g" };

static void put_pseudo(const Lir *i, Text *out)
{
  switch (i->op) {
  case X_movabs_ri: zw_text_printf(out, "%s, 0x%llx", zw_x64_reg_name(i->rd, 8), (unsigned long long)i->x << 32 | (uint32_t)i->imm); break;
  case X_zero_r: case X_xorps_zero: case X_ones_x: zw_text_printf(out, "%s", zw_x64_reg_name(i->rd, 8)); break;
  case X_jmp: case X_jcc:
    put_label(i->x, out);
    if (i->op == X_jmp && i->imm)
      zw_text_printf(out, ", case %d", i->imm - 1);
    break;
  case X_jtable:
    zw_text_printf(out, "%s, table %u, %s, %s", zw_x64_reg_name(i->rn, 8), i->x, zw_x64_reg_name(i->rd, 8), zw_x64_reg_name(i->ra, 8));
    break;
  case X_trap: case X_trapcc: zw_text_printf(out, "%u", i->x); break;
  case X_call: case X_tcall: zw_text_printf(out, "func %u", i->x); break;
  case X_call_thunk: case X_tcall_thunk: zw_text_printf(out, "thunk %u:%u", i->x >> 24 & 0x7f, i->x & 0xffffff); break;
  case X_tcall_r: zw_text_printf(out, "rax"); break;
  case X_out_area: case X_tail_area: zw_text_printf(out, "%d", i->imm); break;
  default: break;
  }
}

// next: what comes behind i.
static uint32_t wasm_at(const Lir *i, const X64Row *row, const Lir *next)
{
  switch (i->op) {
  case X_trap: case X_trapcc: case X_call: case X_call_thunk: case X_call_r: case X_tcall: case X_tcall_thunk: case X_tcall_r: return i->at;
  default:
    if (!zw_x64_form_has_mem(row->form))
      return 0;
    return row->imm == I0 ? i->at : next->op == X_at ? next->x : 0;
  }
}

static void put_lir(const LirFunc *l, const Lir *i, const Lir *next, Text *out)
{
  const X64Row *row = &zw_x64_rows[i->op];
  bool cond = row->use & U_FR && (i->op == X_jcc || i->op == X_trapcc || i->op == X_setcc_r || i->op == X_cmov_rr);
  bool cond_ra = i->op == X_cmov_rm || i->op == X_setcc_m;
  zw_text_printf(out, "  %s%s", row->text, cond ? cc_name[i->cc & 15] : cond_ra ? cc_name[i->ra & 15] : "");
  if (row->enc & WSZ)
    zw_text_printf(out, ".%u", i->sz * 8);
  zw_text_printf(out, " ");
  switch ((X64Form)row->form) {
  case X64_N: break;
  case X64_RR: case X64_RX: case X64_VR: put_reg(i, i->rd, out), zw_text_printf(out, ", "), put_reg(i, i->rn, out); break;
  case X64_RM: put_reg(i, i->rd, out), zw_text_printf(out, ", "), put_mem(l, i, out); break;
  case X64_MR: put_mem(l, i, out), zw_text_printf(out, ", "), put_reg(i, i->rd, out); break;
  case X64_R: case X64_O: put_reg(i, i->rd, out); break;
  case X64_M: put_mem(l, i, out); break;
  case X64_RRR: case X64_RRRX:
    put_reg(i, i->rd, out), zw_text_printf(out, ", "), put_reg(i, i->ra, out), zw_text_printf(out, ", "), put_reg(i, i->rn, out);
    if (row->form == X64_RRRX)
      zw_text_printf(out, ", "), put_reg(i, i->rm, out);
    break;
  case X64_SRR: put_reg(i, i->rd, out), zw_text_printf(out, ", "), put_reg(i, i->rn, out), zw_text_printf(out, ", "), put_reg(i, i->ra, out); break;
  case X64_RRM: put_reg(i, i->rd, out), zw_text_printf(out, ", "), put_reg(i, i->ra, out), zw_text_printf(out, ", "), put_mem(l, i, out); break;
  case X64_SRM: put_reg(i, i->rd, out), zw_text_printf(out, ", "), put_mem(l, i, out), zw_text_printf(out, ", "), put_reg(i, i->ra, out); break;
  case X64_P: put_pseudo(i, out); break;
  }
  if (row->imm != I0)
    zw_text_printf(out, ", %d", i->imm);
  uint32_t at = wasm_at(i, row, next);
  if (at)
    zw_text_printf(out, "  @%x", at);
  zw_text_printf(out, "\n");
}

void zw_x64_print_lir(const LirFunc *l, Text *out)
{
  zw_text_printf(out, "lir func %u: %u slots, %u bytes of area, saves %04x%s\n", l->z->func, l->nslots, l->area_bytes, l->used_saved,
                 l->needs_stack_check ? ", checks the stack" : "");
  static const Lir none = { .op = X_pause };
  for (uint32_t c = 0; c < l->nchunks; c++) {
    const LirChunk *k = &l->chunks[c];
    put_label(k->label, out);
    zw_text_printf(out, ":%s%s\n", k->cold ? " cold" : "", k->align ? " align" : "");
    for (uint32_t i = k->first; i < k->end; i++)
      if (l->lir[i].op != X_at)
        put_lir(l, &l->lir[i], i + 1 < k->end ? &l->lir[i + 1] : &none, out);
  }
}
