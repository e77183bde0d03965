// Every row of compiler/x64/lir.def, in every shape of its operands, against the system assembler.
//
// One file of assembler text is made from the rows, each instruction in a slot of 16 bytes; the assembler's bytes and
// ours must be equal.  A row without a case fails.  Needs `as` and
// `objcopy` for x86; without them the test is skipped by name.
#include "compiler/x64/asm.h"
#include "compiler/x64/x64_int.h"
#include "runtime/base/bits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { SLOT = 16 };

typedef struct Case { Lir i; X64Mem m; uint8_t bytes[SLOT]; unsigned n; char text[240]; } Case;
static Case *cases;
static size_t ncases, cap;
static unsigned per_row[X64_NOPS];
static uint64_t seed = 0x9e3779b97f4a7c15ull;

static unsigned rnd(unsigned n)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (unsigned)((seed >> 20) % n);
}

// ---- assembler text of a case ----

static const char *const cc_name[16] = { "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g" };

// Width of the register operand in field rd (0), rn (1), ra (2) or rm (3).
static unsigned reg_size(const Lir *i, const X64Row *row, int field)
{
  switch (i->op) {
  case X_movzx8_rr: case X_movsx8_rr: return field == 1 ? 1 : i->sz;
  case X_movzx16_rr: case X_movsx16_rr: return field == 1 ? 2 : i->sz;
  case X_movsxd_rr: return field == 1 ? 4 : 8;
  case X_movsxd_rm: case X_push_r: case X_pop_r: case X_call_r: case X_pextrq_rxi: return 8;
  case X_setcc_r: return 1;
  case X_pinsrq_rri: case X_vpinsrq_rrri: return 8;
  }
  if (row->enc & WSZ)
    return i->sz;
  return 4;
}

static const char *reg(const Lir *i, const X64Row *row, int field)
{
  unsigned r = field == 0 ? i->rd : field == 1 ? i->rn : field == 2 ? i->ra : i->rm;
  unsigned size = reg_size(i, row, field);
  bool shrunk = i->op == X_test_ri && i->sz >= 4 && i->imm >= 0 && i->imm <= 0x7f;
  return zw_x64_reg_name(r, shrunk ? 1 : size);
}

static void mem_text(char *out, size_t n, const Lir *i, const X64Row *row, const X64Mem *m)
{
  unsigned size = row->mw ? row->mw : i->sz;
  const char *ptr = size == 1 ? "BYTE" : size == 2 ? "WORD" : size == 4 ? "DWORD" : size == 8 ? "QWORD" : "XMMWORD";
  char in[64] = "";
  size_t at = 0;
  uint8_t base = m->base, index = m->index, scale = m->scale;
  if (base == REG_NONE && index != REG_NONE && scale < 2) // as zw_x64_put does
    base = index, index = scale ? index : REG_NONE, scale = 0;
  if (base != REG_NONE)
    at += (size_t)snprintf(in + at, sizeof in - at, "%s", zw_x64_reg_name(base, 8));
  if (index != REG_NONE)
    at += (size_t)snprintf(in + at, sizeof in - at, "%s%s*%d", at ? "+" : "", zw_x64_reg_name(index, 8), 1 << scale);
  snprintf(in + at, sizeof in - at, "%s%d", at && m->disp >= 0 ? "+" : "", m->disp);
  if (i->op == X_lea)
    snprintf(out, n, "[%s]", in);
  else
    snprintf(out, n, "%s PTR %s[%s]", ptr, base == REG_NONE && index == REG_NONE ? "ds:" : "", in);
}

static void mnemonic(char *out, size_t n, const Lir *i, const X64Row *row)
{
  const char *cc = "";
  if (i->op == X_setcc_r || i->op == X_cmov_rr)
    cc = cc_name[i->cc];
  if (i->op == X_setcc_m || i->op == X_cmov_rm)
    cc = cc_name[i->ra];
  const char *text = row->text;
  if (i->op == X_cdq && i->sz == 8)
    text = "cqo";
  if ((i->op == X_movd_xr || i->op == X_movd_rx) && i->sz == 8)
    text = "movq";
  // the short form of a 64-bit constant that fits 32 bits is a 32-bit move
  bool load = row->form == X64_RR || row->form == X64_RRR || row->form == X64_VR;
  snprintf(out, n, "%s%s%s", load ? "{load} " : "", text, cc);
}

static void case_text(Case *c)
{
  const Lir *i = &c->i;
  const X64Row *row = &zw_x64_rows[i->op];
  char m[120] = "", name[40], ops[180] = "";
  if (zw_x64_form_has_mem(row->form))
    mem_text(m, sizeof m, i, row, &c->m);
  mnemonic(name, sizeof name, i, row);
  switch ((X64Form)row->form) {
  case X64_N: case X64_P: break;
  case X64_RR: case X64_RX: case X64_VR: snprintf(ops, sizeof ops, "%s, %s", reg(i, row, 0), reg(i, row, 1)); break;
  case X64_RM: snprintf(ops, sizeof ops, "%s, %s", reg(i, row, 0), m); break;
  case X64_MR: snprintf(ops, sizeof ops, "%s, %s", m, reg(i, row, 0)); break;
  case X64_R: case X64_O:
    snprintf(ops, sizeof ops, "%s", i->op == X_mov_ri && i->imm >= 0 ? zw_x64_reg_name(i->rd, 4) : reg(i, row, 0));
    break;
  case X64_M: snprintf(ops, sizeof ops, "%s", m); break;
  case X64_RRR: snprintf(ops, sizeof ops, "%s, %s, %s", reg(i, row, 0), reg(i, row, 2), reg(i, row, 1)); break;
  case X64_SRR: snprintf(ops, sizeof ops, "%s, %s, %s", reg(i, row, 0), reg(i, row, 1), reg(i, row, 2)); break;
  case X64_RRM: snprintf(ops, sizeof ops, "%s, %s, %s", reg(i, row, 0), reg(i, row, 2), m); break;
  case X64_SRM: snprintf(ops, sizeof ops, "%s, %s, %s", reg(i, row, 0), m, reg(i, row, 2)); break;
  case X64_RRRX: snprintf(ops, sizeof ops, "%s, %s, %s, %s", reg(i, row, 0), reg(i, row, 2), reg(i, row, 1), reg(i, row, 3)); break;
  }
  size_t at = strlen(ops);
  if (row->imm != I0)
    snprintf(ops + at, sizeof ops - at, ", %d", i->imm);
  else if ((row->form == X64_R || row->form == X64_M) && row->opc == 0xd3)
    snprintf(ops + at, sizeof ops - at, ", cl");
  snprintf(c->text, sizeof c->text, "%s %s", name, ops);
}

// ---- cases of a row ----

static void add_case(const Lir *i, const X64Mem *m)
{
  if (ncases == cap) {
    cap = cap ? cap * 2 : 4096;
    cases = realloc(cases, cap * sizeof *cases);
    assert_non_null(cases);
  }
  Case *c = &cases[ncases++];
  memset(c, 0, sizeof *c);
  c->i = *i;
  if (m)
    c->m = *m;
  uint8_t put[X64_PUT_BYTES + 1];
  put[X64_PUT_BYTES] = 0xa5;
  c->n = (unsigned)(zw_x64_put(put, i, c->m, NULL) - put);
  assert_true(c->n <= X64_MAX_INSN);
  assert_int_equal(put[X64_PUT_BYTES], 0xa5);
  memcpy(c->bytes, put, c->n);
  case_text(c);
  per_row[i->op]++;
}

static const X64Mem mems[] = {
  { RAX, REG_NONE, 0, false, 0 },        { RSP, REG_NONE, 0, false, 0 },       { RBP, REG_NONE, 0, false, 0 },
  { R12, REG_NONE, 0, false, 8 },        { R13, REG_NONE, 0, false, 0 },       { R14, RCX, 0, false, 0 },
  { R14, R13, 0, false, 127 },           { R13, R9, 2, false, 0 },             { RBP, RAX, 3, false, 8 },
  { RDI, REG_NONE, 0, false, 127 },      { RSI, REG_NONE, 0, false, -128 },    { R8, REG_NONE, 0, false, 128 },
  { RBX, REG_NONE, 0, false, -129 },     { R15, REG_NONE, 0, false, INT32_MAX }, { RSP, R12, 1, false, -5 },
  { REG_NONE, RCX, 2, false, 16 },       { REG_NONE, R11, 3, false, 0 },       { REG_NONE, RDX, 1, false, 4 },
  { REG_NONE, R10, 0, false, 77 },       { REG_NONE, REG_NONE, 0, false, 0x1234 }, { R12, R12, 0, false, 0 },
};

static uint8_t some_reg(bool xmm)
{
  static const uint8_t gpr[] = { RAX, RCX, RDX, RBX, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
  return xmm ? (uint8_t)(XMM0 + rnd(16)) : gpr[rnd(sizeof gpr)];
}

static void some_regs(Lir *i, const X64Row *row)
{
  i->rd = some_reg(row->use & U_X);
  i->rn = some_reg(row->use & U_XN);
  i->ra = some_reg(row->use & U_X);
  i->rm = some_reg(row->use & U_X);
  if (i->op == X_setcc_m || i->op == X_cmov_rm)
    i->ra = (uint8_t)rnd(16);
  i->cc = (uint8_t)rnd(16);
}

static int32_t imm_of(const X64Row *row, unsigned sz, unsigned k)
{
  static const int32_t values[] = { 0, 1, -1, 127, -128, 128, -129, 0x7fff, 0x12345678, INT32_MIN, INT32_MAX, 5 };
  int32_t v = values[k % ARRAY_COUNT(values)];
  if (row->imm == I8)
    return row->enc & (P66 | PF3 | PF2) && row->enc & (M0F | M38 | M3A) ? (int)(uint8_t)v : v & 31;
  return sz == 1 ? (int8_t)v : sz == 2 ? (int16_t)v : v;
}

static void cases_of(unsigned op)
{
  const X64Row *row = &zw_x64_rows[op];
  static const uint8_t widths[] = { 1, 2, 4, 8 };
  bool mem = zw_x64_form_has_mem(row->form);
  for (unsigned w = 0; w < 4; w++) {
    if (widths[w] < 4 && !(row->enc & WB))
      continue;
    if (widths[w] == 4 && !(row->enc & WSZ) && op != X_setcc_r)
      ; // one width: the row ignores sz
    else if (widths[w] == 8 && !(row->enc & WSZ))
      continue;
    unsigned n = mem ? ARRAY_COUNT(mems) : 14;
    for (unsigned k = 0; k < n; k++) {
      Lir i = { .op = (uint16_t)op, .sz = widths[w] };
      some_regs(&i, row);
      if (!mem && k < 8 && row->form != X64_N) // all low encodings and the special ones turn up in rd
        i.rd = (uint8_t)(k + (row->use & U_X ? XMM0 : RAX));
      if (i.rd == RSP && row->form == X64_O)
        i.rd = RBX;
      if (op == X_xchg_rr) // the assembler knows a form with rax that we do not use
        i.rd |= 1, i.rn |= 1;
      i.imm = imm_of(row, i.sz, k + w);
      add_case(&i, mem ? &mems[k] : NULL);
    }
    for (unsigned k = 0; row->imm == IZ && !mem && k < 12; k++) { // the accumulator's short forms
      Lir i = { .op = (uint16_t)op, .sz = widths[w], .rd = RAX, .rn = RDX, .imm = imm_of(row, widths[w], k) };
      add_case(&i, NULL);
    }
  }
}

// ---- the assembler ----

static bool run(const char *command) { return system(command) == 0; }

// Assemble all cases, each in a slot of its own; false when there is no assembler for x86 here.
static bool assemble(uint8_t *out)
{
  char dir[] = "/tmp/zw-asm-XXXXXX", path[64], command[300];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/a.s", dir);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fprintf(f, ".intel_syntax noprefix\n.text\n");
  for (size_t k = 0; k < ncases; k++)
    fprintf(f, "%s\n.balign %d, 0xcc\n", cases[k].text, SLOT);
  fclose(f);
  snprintf(command, sizeof command, "cd %s && as --64 a.s -o a.o 2> err && objcopy -O binary -j .text a.o a.bin", dir);
  bool ok = run(command);
  if (ok) {
    snprintf(path, sizeof path, "%s/a.bin", dir);
    f = fopen(path, "rb");
    assert_non_null(f);
    ok = fread(out, SLOT, ncases, f) == ncases;
    assert_true(ok);
    fclose(f);
  } else {
    snprintf(command, sizeof command, "head -20 %s/err >&2", dir);
    run(command);
  }
  snprintf(command, sizeof command, "rm -r %s", dir);
  run(command);
  return ok;
}

static void every_row_has_the_assemblers_bytes(void **state)
{
  (void)state;
  if (!run("as --64 /dev/null -o /dev/null 2> /dev/null")) {
    print_message("no x86-64 assembler here: skipped\n");
    skip();
  }
  for (unsigned op = 0; op < X64_NOPS; op++)
    if (zw_x64_rows[op].form != X64_P)
      cases_of(op);
  uint8_t *theirs = malloc(ncases * SLOT);
  assert_non_null(theirs);
  if (!assemble(theirs))
    fail_msg("the assembler refused the text of some row");
  unsigned wrong = 0;
  for (size_t k = 0; k < ncases; k++) {
    const Case *c = &cases[k];
    uint8_t ours[SLOT];
    memset(ours, 0xcc, SLOT);
    memcpy(ours, c->bytes, c->n);
    // a text section is filled with nops by some assemblers whatever .balign says: only the instruction counts
    if (memcmp(ours, theirs + k * SLOT, SLOT) == 0 || wrong++ > 40)
      continue;
    print_message("%-40s ours", c->text);
    for (unsigned b = 0; b < c->n; b++)
      print_message(" %02x", c->bytes[b]);
    print_message("  theirs");
    for (unsigned b = 0; b < SLOT; b++)
      print_message(" %02x", theirs[k * SLOT + b]);
    print_message("\n");
  }
  free(theirs);
  print_message("%zu cases\n", ncases);
  assert_int_equal(wrong, 0);
}

static void no_row_is_without_a_case(void **state)
{
  (void)state;
  if (ncases == 0)
    skip();
  for (unsigned op = 0; op < X64_NOPS; op++)
    if (zw_x64_rows[op].form != X64_P && per_row[op] == 0)
      fail_msg("row %u (%s) has no case", op, zw_x64_rows[op].text);
}

static void nops_fill_every_length(void **state)
{
  (void)state;
  for (unsigned n = 0; n < 64; n++) {
    uint8_t p[80];
    memset(p, 0xaa, sizeof p);
    assert_ptr_equal(zw_x64_nops(p, n), p + n);
    assert_int_equal(p[n], 0xaa);
    Arena a;
    zw_arena_init(&a, NULL, NULL);
    Text t;
    zw_text_init(&t, &a);
    if (zw_x64_disassemble(p, n, 0, &t)) { // nothing but nops, ending where it should
      for (const char *line = t.p; n && line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        assert_non_null(strstr(line, ": nop"));
    }
    zw_arena_free(&a);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_row_has_the_assemblers_bytes),
    cmocka_unit_test(no_row_is_without_a_case),
    cmocka_unit_test(nops_fill_every_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
