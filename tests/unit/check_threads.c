// P1 on several threads: the same facts and the same first error as on one.
#include "compiler/driver/jobs.h"
#include "compiler/wasm/check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Buf { uint8_t *p; size_t n, cap; } Buf;
static void put(Buf *b, unsigned byte)
{
  if (b->n == b->cap)
    b->p = realloc(b->p, b->cap = b->cap * 2 + 64);
  b->p[b->n++] = (uint8_t)byte;
}
static void put_wide(Buf *b, uint32_t v) // as a linker pads
{
  for (int i = 0; i < 4; i++, v >>= 7)
    put(b, (v & 0x7f) | 0x80);
  put(b, v);
}

enum { FUNCS = 3000, STATEMENTS = 30 };

// Functions with a loop and calls; those in `bad` end with a type mismatch.
static Buf make(const uint32_t *bad, unsigned nbad)
{
  static const uint8_t head[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 1, 5, 1, 0x60, 1, 0x7f, 0 };
  Buf m = { 0 }, code = { 0 };
  for (size_t i = 0; i < sizeof head; i++)
    put(&m, head[i]);
  put(&m, 3);
  put_wide(&m, 5 + FUNCS);
  put_wide(&m, FUNCS);
  for (unsigned i = 0; i < FUNCS; i++)
    put(&m, 0);
  put_wide(&code, FUNCS);
  for (unsigned i = 0; i < FUNCS; i++) {
    Buf b = { 0 };
    put(&b, 0);
    put(&b, 0x03), put(&b, 0x40); // loop
    for (unsigned k = 0; k < STATEMENTS; k++)
      put(&b, 0x20), put(&b, 0), put(&b, 0x10), put_wide(&b, (i * 7 + k) % FUNCS);
    for (unsigned k = 0; k < nbad; k++)
      if (bad[k] == i)
        put(&b, 0x42), put(&b, 1), put(&b, 0x21), put(&b, 0); // an i64 into the i32 local
    put(&b, 0x20), put(&b, 0), put(&b, 0x0d), put(&b, 0), put(&b, 0x0b), put(&b, 0x0b);
    put_wide(&code, (uint32_t)b.n);
    for (size_t k = 0; k < b.n; k++)
      put(&code, b.p[k]);
    free(b.p);
  }
  put(&m, 10);
  put_wide(&m, (uint32_t)code.n);
  for (size_t k = 0; k < code.n; k++)
    put(&m, code.p[k]);
  free(code.p);
  return m;
}

typedef struct Job { Buf bytes; uint32_t threads; char *facts; } Job;

static void run(Ctx *c, void *arg)
{
  Job *j = arg;
  Module *m = zw_decode_module(c, j->bytes.p, j->bytes.n, zw_features_default());
  zw_check_on_threads(c, m, j->threads);
  assert_true(m->checked);
  Text t;
  zw_text_init(&t, &c->scratch);
  for (uint32_t f = 0; f < m->nfuncs; f++)
    zw_facts_dump(m, f, &t);
  j->facts = strdup(t.p);
}

static void facts_are_the_same(void **state)
{
  (void)state;
  Buf b = make(NULL, 0);
  char *one = NULL;
  for (uint32_t threads = 1; threads <= 5; threads += 2) {
    Ctx c;
    zw_ctx_init(&c);
    Job j = { b, threads, NULL };
    assert_true(zw_guard(&c, run, &j));
    zw_ctx_free(&c);
    if (!one)
      one = j.facts;
    else {
      assert_string_equal(one, j.facts);
      free(j.facts);
    }
  }
  free(one);
  free(b.p);
}

static void first_error_is_the_same(void **state)
{
  (void)state;
  static const uint32_t bad[] = { 2999, 700, 701, 1500, 2200 };
  Buf b = make(bad, 5);
  for (uint32_t threads = 1; threads <= 5; threads++) {
    Ctx c;
    zw_ctx_init(&c);
    Job j = { b, threads, NULL };
    assert_false(zw_guard(&c, run, &j));
    assert_int_equal(c.diag.func, 700);
    assert_int_equal(c.diag.instr, 1 + 2 * STATEMENTS + 1);
    assert_string_equal(c.diag.op, "local.set");
    zw_ctx_free(&c);
  }
  free(b.p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(facts_are_the_same),
    cmocka_unit_test(first_error_is_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
