// The instruction table against itself and against the counts of the specifications.
#include "compiler/wasm/op.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool in_wasm(Op op) { return zw_op_info[op].kind != OPK_ZIR; }

static void code_to_op_round_trips(void **state)
{
  (void)state;
  for (Op op = 0; op < OP_COUNT; op++) {
    const OpInfo *i = &zw_op_info[op];
    if (!in_wasm(op)) {
      assert_int_equal(i->code, 0xffffffff);
      continue;
    }
    if (zw_op_from_code(i->code >> 16, i->code & 0xffff) != op)
      fail_msg("%s: code 0x%x finds another row", i->text, i->code);
  }
}

// A code that no row has finds nothing: every page has exactly as many codes as rows.
static void unknown_codes_find_nothing(void **state)
{
  (void)state;
  unsigned found = 0, rows = 0;
  const uint32_t pages[] = { 0, 0xfb, 0xfc, 0xfd, 0xfe };
  for (unsigned p = 0; p < ARRAY_COUNT(pages); p++)
    for (uint32_t n = 0; n < 0x10000; n++)
      found += zw_op_from_code(pages[p], n) != OP_COUNT;
  for (Op op = 0; op < OP_COUNT; op++)
    rows += in_wasm(op);
  assert_int_equal(found, rows);
  assert_int_equal(zw_op_from_code(0, 0xfc), OP_COUNT);
  assert_int_equal(zw_op_from_code(0, 0xff), OP_COUNT);
  assert_int_equal(zw_op_from_code(0xfd, 0xffffffff), OP_COUNT);
  assert_int_equal(zw_op_from_code(0xfa, 0), OP_COUNT);
}

static void text_to_op_round_trips(void **state)
{
  (void)state;
  unsigned shared = 0;
  for (Op op = 0; op < OP_COUNT; op++) {
    const char *t = zw_op_info[op].text;
    Op found = zw_op_from_text(t, strlen(t));
    if (found == op)
      continue;
    shared++;
    if (found > op || strcmp(zw_op_info[found].text, t) != 0)
      fail_msg("%s finds %s", t, found < OP_COUNT ? zw_op_info[found].text : "nothing");
  }
  assert_int_equal(shared, 3); // select_t, ref_test_null, ref_cast_null
  assert_int_equal(zw_op_from_text("i32.add", 7), OP_i32_add);
  assert_int_equal(zw_op_from_text("i32.add", 6), OP_COUNT);
  assert_int_equal(zw_op_from_text("i32.addx", 8), OP_COUNT);
  assert_int_equal(zw_op_from_text("", 0), OP_COUNT);
}

// The id is the text with underscores, except where two forms share a text.
static void ids_follow_texts(void **state)
{
  (void)state;
  for (Op op = 0; op < OP_COUNT; op++) {
    const OpInfo *i = &zw_op_info[op];
    if (op == OP_select_t || op == OP_ref_test_null || op == OP_ref_cast_null)
      continue;
    char want[64] = { 0 };
    for (unsigned k = 0; i->text[k]; k++)
      want[k] = i->text[k] == '.' ? '_' : i->text[k];
    assert_string_equal(i->id, want);
  }
}

static void features_have_their_instruction_counts(void **state)
{
  (void)state;
  unsigned per[FEAT_COUNT] = { 0 }, in_3_0 = 0;
  for (Op op = 0; op < OP_COUNT; op++)
    if (in_wasm(op)) {
      per[zw_op_info[op].feature]++;
      in_3_0 += strcmp(zw_feature_info[zw_op_info[op].feature].version, "-") != 0;
    }
  assert_int_equal(per[FEAT_CORE], 172); // all of 1.0
  assert_int_equal(per[FEAT_SIGN_EXT], 5);
  assert_int_equal(per[FEAT_SAT_TRUNC], 8);
  assert_int_equal(per[FEAT_BULK], 7);
  assert_int_equal(per[FEAT_REF_TYPES], 9);
  assert_int_equal(per[FEAT_SIMD], 236);
  assert_int_equal(per[FEAT_RELAXED], 20);
  assert_int_equal(per[FEAT_TAIL_CALL], 2);
  assert_int_equal(per[FEAT_EH], 3);
  assert_int_equal(per[FEAT_FUNC_REF], 5);
  assert_int_equal(per[FEAT_GC], 32);
  assert_int_equal(in_3_0, 499);
  assert_int_equal(per[FEAT_THREADS], 67);
  assert_int_equal(per[FEAT_WIDE], 4);
  assert_int_equal(per[FEAT_LEGACY_EH], 5);
}

static void memory_rows_are_consistent(void **state)
{
  (void)state;
  for (Op op = 0; op < OP_COUNT; op++) {
    const OpInfo *i = &zw_op_info[op];
    if (i->kind != OPK_MEM && i->kind != OPK_LANE)
      continue;
    assert_true(i->nin >= 1 && i->in[0] == SIG_ADDR);
    assert_true(i->width && i->width <= 16 && (i->width & (i->width - 1)) == 0);
    unsigned form = i->flags & (OPF_LOAD | OPF_STORE | OPF_RMW | OPF_CMPXCHG | OPF_WAIT | OPF_NOTIFY);
    assert_true(form && (form & (form - 1)) == 0);
    assert_int_equal(form == OPF_STORE, i->nout == 0);
    assert_int_equal(i->code >> 16 == 0xfe, !!(i->flags & OPF_ATOMIC));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(code_to_op_round_trips),
    cmocka_unit_test(unknown_codes_find_nothing),
    cmocka_unit_test(text_to_op_round_trips),
    cmocka_unit_test(ids_follow_texts),
    cmocka_unit_test(features_have_their_instruction_counts),
    cmocka_unit_test(memory_rows_are_consistent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
