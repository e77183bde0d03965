// compiler/emit/lir_pack.h: what is unpacked is what was packed, whatever the words are, and takes no more room than promised.
#include "compiler/emit/lir_pack.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t rng = 0x9e3779b97f4a7c15;
static uint32_t any(void)
{
  rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
  return (uint32_t)(rng >> 20);
}

enum { ROUND = LIR_PART };
static uint32_t there_and_back(const Lir *from, uint32_t n)
{
  static uint8_t room[ROUND * LIR_PACKED_MOST + 64];
  static Lir to[ROUND];
  memset(room, 0xa5, sizeof room);
  uint32_t bytes = zw_lir_pack(from, n, room);
  assert_true(bytes <= n * LIR_PACKED_MOST);
  assert_int_equal(room[n * LIR_PACKED_MOST], 0xa5);
  zw_lir_unpack(room, to, n);
  assert_memory_equal(to, from, n * sizeof *to);
  return bytes;
}

// Operations and registers of a few kinds, operands that step by all widths.
static void like_code(void **state)
{
  (void)state;
  static Lir l[ROUND];
  static const uint32_t steps[] = { 0, 1, 8, (uint32_t)-8, 127, 128, (uint32_t)-128, (uint32_t)-129, 32767, 32768, (uint32_t)-32768, (uint32_t)-32769, 1u << 31 };
  uint32_t x = 0, y = 0;
  for (uint32_t k = 0; k < ROUND; k++) {
    x += steps[any() % 13], y += steps[any() % 13];
    l[k] = (Lir){ .op = (uint16_t)(any() % 40), .sz = (uint8_t)(4 << any() % 2), .rd = (uint8_t)(any() % 16), .rn = (uint8_t)(any() % 16),
                  .rm = REG_NONE, .ra = REG_NONE, .x = x, .at = y };
  }
  for (uint32_t n = 0; n < 40; n++)
    there_and_back(l, n);
  assert_true(there_and_back(l, ROUND) < ROUND * sizeof(Lir));
}

static void anything(void **state)
{
  (void)state;
  static Lir l[ROUND];
  for (uint32_t round = 0; round < 20; round++) {
    for (uint32_t k = 0; k < sizeof l / 4; k++) {
      uint32_t w = any();
      memcpy((char *)l + 4 * k, &w, 4);
    }
    there_and_back(l, ROUND);
  }
}

// What the packing is for: one instruction after the other of the same kinds is a few bytes each.
static void repetition_is_short(void **state)
{
  (void)state;
  static Lir l[ROUND];
  for (uint32_t k = 0; k < ROUND; k++)
    l[k] = (Lir){ .op = (uint16_t)(k % 3), .sz = 8, .rd = 1, .rn = 2, .rm = REG_NONE, .ra = REG_NONE, .x = 8 * k, .at = 3 * k };
  assert_true(there_and_back(l, ROUND) < 4 * ROUND);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(like_code),
    cmocka_unit_test(anything),
    cmocka_unit_test(repetition_is_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
