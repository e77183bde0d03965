// Functions in text form: each file of verify/ breaks the rule that its first line names ("; V3"), or none ("; ok");
// each file of text/ is right, and printing what was read gives the same text when it is read and printed again.
#include "compiler/zir/zir.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct Case { Str text; ZirFunc *f; } Case;

static Str read_file(const char *dir, const char *name)
{
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  char *p = malloc(1 << 20);
  size_t n = fread(p, 1, 1 << 20, f);
  fclose(f);
  return (Str){ p, n };
}

static void parse(Ctx *c, void *arg)
{
  Case *k = arg;
  k->f = zw_zir_parse(c, k->text, &c->module);
}

// NULL when the text is right, else the sentence.
static const char *judge(Ctx *c, Str text, ZirFunc **f)
{
  Case k = { .text = text };
  if (!zw_guard(c, parse, &k))
    return c->diag.text;
  *f = k.f;
  return zw_zir_verify(k.f, &c->module);
}

static uint32_t for_each_file(const char *sub, void (*one)(const char *dir, const char *name))
{
  char dir[1024];
  snprintf(dir, sizeof dir, "%s/%s", ZIR_TESTS, sub);
  DIR *d = opendir(dir);
  assert_non_null(d);
  uint32_t n = 0;
  for (struct dirent *e; (e = readdir(d));)
    if (strstr(e->d_name, ".zir"))
      one(dir, e->d_name), n++;
  closedir(d);
  return n;
}

static void break_rule(const char *dir, const char *name)
{
  Str text = read_file(dir, name);
  char want[16] = "";
  assert_int_equal(sscanf(text.p, "; %15s", want), 1);
  Ctx c;
  zw_ctx_init(&c);
  ZirFunc *f = NULL;
  const char *sentence = judge(&c, text, &f);
  if (strcmp(want, "ok") == 0) {
    if (sentence)
      fail_msg("%s: %s", name, sentence);
  } else if (!sentence || strncmp(sentence, want, strlen(want)) != 0 || sentence[strlen(want)] != ':') {
    fail_msg("%s: %s is broken, but: %s", name, want, sentence ? sentence : "nothing was said");
  }
  zw_ctx_free(&c);
  free((void *)text.p);
}

static void print_twice(const char *dir, const char *name)
{
  Str text = read_file(dir, name);
  Ctx c;
  zw_ctx_init(&c);
  ZirFunc *f = NULL;
  Text once, twice;
  zw_text_init(&once, &c.func);
  zw_text_init(&twice, &c.func);
  const char *sentence = judge(&c, text, &f);
  if (sentence)
    fail_msg("%s: %s", name, sentence);
  zw_zir_print(f, &once);
  sentence = judge(&c, (Str){ once.p, once.n }, &f);
  if (sentence)
    fail_msg("%s, printed: %s\n%s", name, sentence, once.p);
  zw_zir_print(f, &twice);
  if (strcmp(once.p, twice.p) != 0)
    fail_msg("%s: printed\n%s\nread and printed again\n%s", name, once.p, twice.p);
  zw_ctx_free(&c);
  free((void *)text.p);
}

static void every_rule_is_broken_once(void **state)
{
  (void)state;
  assert_true(for_each_file("verify", break_rule) >= 20);
}

static void print_and_parse_are_inverse(void **state)
{
  (void)state;
  assert_true(for_each_file("text", print_twice) >= 3);
}

// Use counts are exact: what only dead code uses is dead, and a phi that only feeds itself is dead.
static void uses_by_dead_code_do_not_count(void **state)
{
  (void)state;
  Ctx c;
  zw_ctx_init(&c);
  ZirFunc *f = NULL;
  const char *bad = judge(&c, STR("func f0 (i32) -> (i32)\n"
                                  "b0:\n v0:i32 = param 0\n v1:i32 = i32.add v0, i32 1\n v2:i32 = i32.mul v1, v1\n jmp b1(v0, v2, v0)\n"
                                  "b1(v3:i32, v4:i32, v5:i32):\n v6:i32 = i32.add v3, i32 1\n v7:i32 = i32.add v4, i32 3\n"
                                  " br v6, b1(v6, v7, v0), b2\n"
                                  "b2:\n ret (v5)\n"),
                          &f);
  assert_null(bad);
  assert_false(zw_zir_is_used(f, 2));               // feeds only a dead phi
  assert_false(zw_zir_is_used(f, 1));
  const ZBlock *loop = &f->blocks[1];
  assert_true(zw_zir_used_once(f, loop->first));    // v6's operand
  assert_false(zw_zir_is_used(f, loop->first + 1));
  assert_true(zw_zir_is(f, loop->first + 1, ZV_DEAD));
  assert_true(zw_zir_used_once(f, loop->first + 2));
  assert_int_equal(zw_zir_weight(f, 0), 2 + 8); // b0's jump twice, the back edge once
  assert_int_equal(f->loops[0].nliveins, 1);        // v0, through the live phi's back edge
  assert_int_equal(f->livein[f->loops[0].liveins], 0);
  zw_ctx_free(&c);
}

// A value of one loop that another loop uses is live into that one, though their depths are equal.
static void a_value_of_a_finished_loop_is_live_into_the_next(void **state)
{
  (void)state;
  Ctx c;
  zw_ctx_init(&c);
  ZirFunc *f = NULL;
  const char *bad = judge(&c, STR("func f0 (i32) -> (i32)\n"
                                  "b0:\n v0:i32 = param 0\n jmp b1\n"
                                  "b1:\n v1:i32 = i32.load v0\n br v1, b1, b2\n"
                                  "b2:\n jmp b3\n"
                                  "b3:\n jmp b4\n"
                                  "b4:\n v2:i32 = i32.load v1\n br v2, b4, b5\n"
                                  "b5:\n br v0, b3, b6\n"
                                  "b6:\n ret (v1)\n"),
                          &f);
  assert_null(bad);
  assert_int_equal(f->nloops, 3);
  uint32_t v1 = f->blocks[1].first;
  for (uint32_t l = 0; l < 3; l++) {
    bool found = false;
    for (uint32_t k = 0; k < f->loops[l].nliveins; k++)
      found |= f->livein[f->loops[l].liveins + k] == v1;
    assert_int_equal(found, l > 0);
  }
  zw_ctx_free(&c);
}

// Text cannot name an instruction without a result, so V2 is broken by hand.
static void v2_operand_without_a_value(void **state)
{
  (void)state;
  Ctx c;
  zw_ctx_init(&c);
  ZirFunc *f = NULL;
  const char *bad = judge(&c, STR("func f0 (i32) -> (i32)\n"
                                  "b0:\n v0:i32 = param 0\n trapif v0 unreachable\n v2:i32 = i32.add v0, v0\n ret (v2)\n"),
                          &f);
  assert_null(bad);
  const Ref wrong[] = { 1, f->nins, REF_NONE, REF_POOL | f->nconsts };
  for (size_t k = 0; k < 4; k++) {
    f->ins[2].a = wrong[k];
    bad = zw_zir_verify(f, &c.scratch);
    assert_non_null(bad);
    assert_memory_equal(bad, "V2:", 3);
  }
  zw_ctx_free(&c);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_rule_is_broken_once),
    cmocka_unit_test(print_and_parse_are_inverse),
    cmocka_unit_test(v2_operand_without_a_value),
    cmocka_unit_test(uses_by_dead_code_do_not_count),
    cmocka_unit_test(a_value_of_a_finished_loop_is_live_into_the_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
