// compiler/base/region.h: memory of a piece is as it was until its last user is done, and goes then.
#include "compiler/base/region.h"
#include "runtime/base/asan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { EACH = 1000, MANY = 1000 }; // a megabyte: several pieces

static uint8_t *fill(Regions *r, Region **in, unsigned k, size_t bytes)
{
  uint8_t *p = zw_region_alloc(r, bytes, in);
  assert_true((uintptr_t)p % 16 == 0);
  memset(p, (int)(k % 255 + 1), bytes);
  return p;
}

static void contents_stay_until_the_last_user_is_done(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  Regions r = { .a = &a };
  static uint8_t *p[MANY];
  static Region *in[MANY];
  for (unsigned k = 0; k < MANY; k++)
    p[k] = fill(&r, &in[k], k, EACH);
  assert_ptr_not_equal(in[0], in[MANY - 1]);
  for (unsigned k = 0; k < MANY; k += 2)
    zw_region_done(in[k]);
  for (unsigned k = 1; k < MANY; k += 2)
    assert_true(p[k][0] == k % 255 + 1 && p[k][EACH - 1] == k % 255 + 1);
  const Region *open = in[MANY - 1]; // still being filled: keeps what it has
  for (unsigned k = 1; k < MANY; k += 2)
    zw_region_done(in[k]);
  for (unsigned k = 0; k < MANY; k++)
    if (in[k] == open)
      assert_int_equal(p[k][0], k % 255 + 1);
  unsigned gone = 0;
  for (unsigned k = 0; k < MANY && ZW_REDZONE == 0; k++) // with the address sanitizer it may not even be read
    gone += p[k][EACH / 2] == 0;
  assert_true(ZW_REDZONE > 0 || gone > MANY / 2); // all but the open piece and what shares a page with other things
  zw_region_done(NULL);
  zw_arena_free(&a);
}

static void large_ones_have_a_piece_of_their_own(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  Regions r = { .a = &a };
  Region *small, *large;
  uint8_t *s = fill(&r, &small, 1, 10), *l = fill(&r, &large, 2, 3 << 20);
  assert_ptr_not_equal(small, large);
  zw_region_done(large);
  assert_true(s[0] == 2 && l[3 << 19] == 3); // the piece is open until another is begun
  zw_region_done(small);
  fill(&r, &small, 3, 1 << 20);
  if (ZW_REDZONE == 0)
    assert_int_equal(l[3 << 19], 0);
  zw_arena_free(&a);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(contents_stay_until_the_last_user_is_done),
    cmocka_unit_test(large_ones_have_a_piece_of_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
