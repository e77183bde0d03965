// The text reader: what texts become, where errors are, and that size and nesting cost time in proportion only.
#include "compiler/wasm/wat.h"
// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Job { Str text; WatModule out; } Job;
static void assemble(Ctx *ctx, void *arg)
{
  Job *j = arg;
  zw_wat_assemble(ctx, j->text, &j->out);
}

// The bytes after magic and version, as hex.
static void expect_bytes(const char *text, const char *hex)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { .text = { text, strlen(text) } };
  if (!zw_guard(&ctx, assemble, &j))
    fail_msg("%s\n%u:%u: %s", text, ctx.diag.line, ctx.diag.column, ctx.diag.text);
  char got[2000] = "";
  assert_true(j.out.len >= 8 && j.out.len < 600);
  for (size_t i = 8; i < j.out.len; i++)
    zw_format(got + 3 * (i - 8), 4, "%02x ", j.out.bytes[i]);
  if (j.out.len > 8)
    got[3 * (j.out.len - 8) - 1] = 0;
  if (strcmp(got, hex) != 0)
    fail_msg("%s\ngot      %s\nexpected %s", text, got, hex);
  zw_ctx_free(&ctx);
}

static void expect_error(const char *text, uint32_t line, uint32_t column, const char *message)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { .text = { text, strlen(text) } };
  if (zw_guard(&ctx, assemble, &j))
    fail_msg("accepted: %s", text);
  if (ctx.diag.line != line || ctx.diag.column != column || strcmp(ctx.diag.text, message) != 0)
    fail_msg("%s\ngot      %u:%u: %s\nexpected %u:%u: %s", text, ctx.diag.line, ctx.diag.column, ctx.diag.text, line, column, message);
  zw_ctx_free(&ctx);
}

static void texts_become_these_bytes(void **state)
{
  (void)state;
  expect_bytes("", "");
  expect_bytes("(module)", "");
  expect_bytes("(module binary \"\\00asm\\01\\00\\00\\00\" \"\\00\\01\\00\")", "00 01 00");
  expect_bytes("(func (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))",
               "01 07 01 60 02 7f 7f 01 7f 03 02 01 00 0a 09 01 07 00 20 00 20 01 6a 0b");
  expect_bytes("(func (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)",
               "01 07 01 60 02 7f 7f 01 7f 03 02 01 00 0a 09 01 07 00 20 00 20 01 6a 0b");
  // local groups are joined; an implicit type equals the explicit one before it
  expect_bytes("(type (func)) (func (local i32) (local i32 i64))", "01 04 01 60 00 00 03 02 01 00 0a 08 01 06 02 02 7f 01 7e 0b");
  // folded if with else, and its condition before it
  expect_bytes("(func (result i32) (if (result i32) (i32.const 1) (then (i32.const 2)) (else (i32.const 3))))",
               "01 05 01 60 00 01 7f 03 02 01 00 0a 0e 01 0c 00 41 01 04 7f 41 02 05 41 03 0b 0b");
  // a block of two params gets a type; the label is counted from inside
  expect_bytes("(func (i32.const 1) (i32.const 2) (block (param i32 i32) (drop) (drop) (br 0)))",
               "01 09 02 60 00 00 60 02 7f 7f 00 03 02 01 00 0a 0f 01 0d 00 41 01 41 02 02 01 1a 1a 0c 00 0b 0b");
  expect_bytes("(memory (export \"m\") 1 2) (data (i32.const 0) \"\\01\\u{41}\\n\")",
               "05 04 01 01 01 02 07 05 01 01 6d 02 00 0b 09 01 00 41 00 0b 03 01 41 0a");
  expect_bytes("(memory (pagesize 1) (data \"abc\"))", "05 05 01 09 03 03 00 0b 09 01 00 41 00 0b 03 61 62 63");
  expect_bytes("(table funcref (elem 0)) (func)",
               "01 04 01 60 00 00 03 02 01 00 04 05 01 70 01 01 01 09 09 01 04 41 00 0b 01 d2 00 0b 0a 04 01 02 00 0b");
  expect_bytes("(rec (type (struct (field (mut i8)))) (type (sub (array (ref null 0)))))", "01 0d 01 4e 02 5f 01 78 01 50 00 5e 63 00 00");
  expect_bytes("(func (try_table (catch_all 0)))", "01 04 01 60 00 00 03 02 01 00 0a 0a 01 08 00 1f 40 01 02 00 0b 0b");
  expect_bytes("(func try nop catch_all end)",
               "01 04 01 60 00 00 03 02 01 00 0a 09 01 07 00 06 40 01 19 0b 0b");
  expect_bytes("(memory 0) (memory 0) (func (drop (i32.load $m offset=8 align=2 (i32.const 0)))) (memory $m 0)",
               "01 04 01 60 00 00 03 02 01 00 05 07 03 00 00 00 00 00 00 0a 0b 01 09 00 41 00 28 41 02 08 1a 0b 00 0b 04 6e 61 6d 65 06 04 01 02 01 6d");
}

static void errors_say_where(void **state)
{
  (void)state;
  expect_error("(func\n  (local.get $y))", 2, 14, "unknown local $y");
  expect_error("(func\n  i32.konst 1)", 2, 3, "unknown operator i32.konst");
  expect_error("(func (i32.const 4294967296))", 1, 18, "i32 constant out of range");
  expect_error("(func", 1, 6, "unexpected token: expected an instruction, found the end of the text");
  expect_error("(func) )", 1, 8, "unexpected token: expected a module field, found )");
  expect_error("(module) x", 1, 10, "unknown operator x");
  expect_error("(func block)", 1, 12, "unexpected token: expected \"end\", found )");
  expect_error("\"caf\xc3\xa9\" (x", 1, 1, "unexpected token: expected a module field, found \"caf\xc3\xa9\"");
  expect_error("(func) ;; \xc3\xa9\xc3\xa9\n(func $a) (func $a)", 2, 17, "duplicate func $a");
  expect_error("(func (br $x))", 1, 11, "unknown label $x");
  expect_error("(data \"abc)", 1, 7, "unclosed string");
  expect_error("(; (; ;)", 1, 1, "unclosed comment");
}

static void caret_points_at_the_column(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  Text t;
  zw_text_init(&t, &a);
  zw_wat_caret(STR("one\n\ttw\xc3\xb6 three\n"), 2, 6, &t);
  assert_string_equal(t.p, "\ttw\xc3\xb6 three\n\t    ^\n");
  zw_arena_free(&a);
}

static double seconds(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

// `n` times open, then mid, then n times close.
static bool nested(const char *open, const char *mid, const char *close, size_t n, const char *before, const char *after)
{
  size_t lo = strlen(open), lc = strlen(close), lm = strlen(mid), lb = strlen(before), la = strlen(after);
  char *s = malloc(n * (lo + lc) + lm + lb + la + 1), *p = s;
  memcpy(p, before, lb), p += lb;
  for (size_t i = 0; i < n; i++, p += lo)
    memcpy(p, open, lo);
  memcpy(p, mid, lm), p += lm;
  for (size_t i = 0; i < n; i++, p += lc)
    memcpy(p, close, lc);
  memcpy(p, after, la), p += la;
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { .text = { s, (size_t)(p - s) } };
  bool ok = zw_guard(&ctx, assemble, &j);
  zw_ctx_free(&ctx);
  free(s);
  return ok;
}

static void a_million_parentheses_are_quick(void **state)
{
  (void)state;
  double t = seconds();
  enum { N = 1000000 };
  assert_true(nested("(block ", "nop", ")", N, "(func ", ")"));
  assert_true(nested("(block $l ", "(br $l)", ")", N, "(func ", ")"));
  assert_true(nested("(i32.eqz ", "(i32.const 0)", ")", N, "(func (result i32) ", ")"));
  assert_true(nested("(i32.add (i32.const 1) ", "(i32.const 0)", ")", N / 4, "(func (result i32) ", ")"));
  assert_true(nested("(; ", "", ";)", N, "", "(func)"));
  assert_true(nested("(if (i32.const 0) (then ", "", "))", N / 4, "(func ", ")"));
  assert_true(nested("(if ", "(i32.const 0)", "(then (i32.const 1)))", N / 4, "(func ", ")"));
  assert_true(nested("(@x ", "", ")", N, "", "(func)"));
  assert_false(nested("(", "", ")", N, "", ""));
  assert_false(nested("(", "", "", N, "", ""));
  assert_false(nested("", "", ")", N, "", ""));
  assert_false(nested("(func ", "", ")", N, "", ""));
  assert_true(seconds() - t < 60); // seconds even under sanitizers; anything quadratic takes hours
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts_become_these_bytes), cmocka_unit_test(errors_say_where), cmocka_unit_test(caret_points_at_the_column),
    cmocka_unit_test(a_million_parentheses_are_quick),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
