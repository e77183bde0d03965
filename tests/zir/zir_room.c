// The arrays beside the instructions while a giant function grows: its wasm offsets are packed behind, and come back as they were.
#include "compiler/zir/zir_int.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N = 300000, SEEDS = 4 };

static uint32_t next_random(uint32_t *x)
{
  *x ^= *x << 13, *x ^= *x >> 17, *x ^= *x << 5;
  return *x;
}
// What may follow an offset: the same for one instruction or many, a little more, much more, less, a place in an inlined body.
static uint32_t next_offset(uint32_t at, uint32_t *x)
{
  uint32_t r = next_random(x);
  switch (r % 16) {
  case 0: return at + 223 + r / 16 % 4;
  case 1: return r / 16;
  case 2: return at - r / 16 % 8;
  case 3: return IMAGE_INLINE_AT | r / 16 % 1000;
  case 4: case 5: case 6: return at + r / 16 % 300;
  default: return at;
  }
}
static uint32_t *fill(ZirFunc *f, uint32_t seed)
{
  uint32_t *want = malloc(N * sizeof *want), at = 0;
  for (uint32_t v = 0; v < N; v++) {
    if (f->nins == f->cap)
      zw_zir_reserve(f, f->nins + 1);
    assert_true(f->nins < f->cap && f->cap <= f->room);
    at = v % 5000 < 70 ? at : next_offset(at, &seed); // now and then longer than one run
    f->ins[f->nins] = (ZIns){ .a = v }, f->val[f->nins] = zw_val(v / 100, 0), f->at[f->nins] = want[v] = at;
    f->nins++;
  }
  return want;
}
static void with_functions(void (*check)(ZirFunc *f, const uint32_t *want, uint32_t seed))
{
  for (uint32_t seed = 1; seed <= SEEDS; seed++) {
    Module m = { 0 };
    Arena a;
    zw_arena_init(&a, NULL, NULL);
    ZirFunc f = { .m = &m, .arena = &a };
    uint32_t *want = fill(&f, seed * 77777);
    check(&f, want, seed);
    for (uint32_t v = 0; v < N; v++)
      assert_true(f.ins[v].a == v && zw_zir_block(&f, v) == v / 100);
    free(want);
    zw_arena_free(&a);
  }
}

static void check_packed(ZirFunc *f, const uint32_t *want, uint32_t seed)
{
  (void)seed;
  uint32_t packed = f->nat_packed * AT_PAGE, wrong = 0;
  assert_true(packed > N - N / 10);
  for (uint32_t v = packed; v < N; v++) // what P2 may still ask for is there
    assert_int_equal(f->at[v], want[v]);
  for (uint32_t v = 0; v < packed; v++)
    wrong += f->at[v] != want[v];
  assert_true(wrong > packed / 2); // else nothing was given back
}
static void check_any_order(ZirFunc *f, const uint32_t *want, uint32_t seed)
{
  for (uint32_t k = 0; k < N; k++) {
    uint32_t v = next_random(&seed) % N;
    zw_zir_unpack_at(f, v);
    assert_int_equal(f->at[v], want[v]);
  }
}
static void check_all(ZirFunc *f, const uint32_t *want, uint32_t seed)
{
  (void)seed;
  zw_zir_unpack_all_at(f);
  for (uint32_t v = 0; v < N; v++)
    assert_int_equal(f->at[v], want[v]);
}
static void offsets_of_a_giant_function_are_given_back(void **state)
{
  (void)state;
  with_functions(check_packed);
}
static void offsets_come_back_in_any_order(void **state)
{
  (void)state;
  with_functions(check_any_order);
}
static void offsets_come_back_all_at_once(void **state)
{
  (void)state;
  with_functions(check_all);
}
// One that is not giant beside its module's code is left alone.
static void offsets_of_others_stay(void **state)
{
  (void)state;
  Module m = { .code_len = (uint64_t)N * 16 };
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  ZirFunc f = { .m = &m, .arena = &a };
  uint32_t *want = fill(&f, 99);
  assert_int_equal(f.nat_packed, 0);
  assert_memory_equal(f.at, want, N * sizeof *want);
  free(want);
  zw_arena_free(&a);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(offsets_of_a_giant_function_are_given_back),
    cmocka_unit_test(offsets_come_back_in_any_order),
    cmocka_unit_test(offsets_come_back_all_at_once),
    cmocka_unit_test(offsets_of_others_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
