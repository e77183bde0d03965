// runtime/base and compiler/base: the allocator, arenas, text, integers as LEB128, UTF-8, the door.
#include "compiler/base/fail.h"
#include "runtime/base/alloc.h"
#include "runtime/base/leb.h"
#include "runtime/base/utf8.h"
#include "runtime/base/vec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool all_zero(const char *p, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (p[i])
      return false;
  return true;
}

static void alloc_is_zeroed_and_aligned_and_counted(void **state)
{
  (void)state;
  uint64_t before = zw_alloc_bytes();
  static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 1000, 4096, 32 << 10, (32 << 10) + 1, 1 << 20 };
  for (int round = 0; round < 3; round++) {
    void *p[ARRAY_COUNT(sizes)];
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
      p[i] = zw_alloc(sizes[i]);
      assert_non_null(p[i]);
      assert_int_equal((uintptr_t)p[i] % 16, 0);
      assert_true(all_zero(p[i], sizes[i]));
      memset(p[i], 0xee, sizes[i]);
    }
    assert_true(zw_alloc_bytes() - before >= 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
      zw_free(p[i]);
    assert_int_equal(zw_alloc_bytes(), before);
  }
  zw_free(NULL);
  assert_null(zw_alloc(SIZE_MAX));
  assert_null(zw_alloc(SIZE_MAX - 15));
}

static void realloc_keeps_and_zeroes(void **state)
{
  (void)state;
  char *p = zw_alloc(10);
  memcpy(p, "0123456789", 10);
  p = zw_realloc(p, 10, 100000);
  assert_memory_equal(p, "0123456789", 10);
  assert_true(all_zero(p + 10, 100000 - 10));
  p = zw_realloc(p, 100000, 4);
  assert_memory_equal(p, "0123", 4);
  zw_free(p);
}

static void alloc_fails_at_the_nth(void **state)
{
  (void)state;
  zw_alloc_fail_at(3);
  void *a = zw_alloc(8), *b = zw_alloc(8), *c = zw_alloc(8), *d = zw_alloc(8);
  assert_true(a && b && !c && d);
  zw_free(a), zw_free(b), zw_free(d);
}

static void arena_zeroes_what_it_hands_out_again(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  for (int round = 0; round < 4; round++) {
    char *keep = zw_arena_alloc(&a, 100, 8);
    memset(keep, 0xcc, 100);
    ArenaMark m = zw_arena_mark(&a);
    for (size_t n = 1; n < 200000; n = n * 3 + 1) {
      char *p = zw_arena_alloc(&a, n, 64);
      assert_int_equal((uintptr_t)p % 64, 0);
      assert_true(all_zero(p, n));
      memset(p, 0xdd, n);
    }
    zw_arena_release(&a, m);
    char *p = zw_arena_alloc(&a, 5000, 1);
    assert_true(all_zero(p, 5000));
    for (int i = 0; i < 100; i++)
      assert_int_equal((uint8_t)keep[i], 0xcc);
    if (round % 2)
      zw_arena_reset(&a);
  }
  zw_arena_free(&a);
  assert_int_equal(a.bytes, 0);
}

// Blocks of 256 KiB and more go by themselves: when dropped, when they grow, with a mark.
static void arena_gives_back_what_is_large(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  char *small = zw_arena_alloc(&a, 1000, 8), *large = zw_arena_alloc(&a, 1 << 20, 64);
  memset(small, 1, 1000);
  memset(large, 2, 1 << 20);
  assert_int_equal((uintptr_t)large % 64, 0);
  uint64_t with = a.bytes;
  ArenaMark m = zw_arena_mark(&a);
  char *more = zw_arena_alloc(&a, 3 << 20, 16);
  assert_true(all_zero(more, 3 << 20));
  large = zw_arena_grow(&a, large, 1 << 20, 1 << 20, 2 << 20);
  for (size_t i = 0; i < 1 << 20; i++)
    assert_int_equal(large[i], 2);
  zw_arena_release(&a, m); // what grew is as old as it was
  assert_int_equal(a.bytes, with + (1 << 20));
  memset(large, 3, 2 << 20);
  zw_arena_drop(&a, small); // stays
  assert_int_equal(small[999], 1);
  zw_arena_drop(&a, large);
  assert_int_equal(a.bytes, with - (1 << 20) - 48);
  VEC(uint32_t) v = { 0 };
  for (uint32_t i = 0; i < 1 << 20; i++)
    *zw_push(&a, &v) = i;
  for (uint32_t i = 0; i < 1 << 20; i++)
    assert_int_equal(v.p[i], i);
  assert_true(a.bytes < (4 << 20) * 2); // no old copies
  zw_arena_reset(&a);
  assert_true(a.bytes < 1 << 20);
  zw_arena_free(&a);
}

// Where memory counts, much smaller ones do, and chunks stay small.
static void arena_gives_back_what_it_calls_large(void **state)
{
  (void)state;
  enum { LARGE = 40 << 10 };
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  a.large = LARGE, a.first_bytes = 1 << 20;
  char *small = zw_arena_alloc(&a, 1000, 8), *large = zw_arena_alloc(&a, LARGE, 8);
  assert_true(a.bytes < 4 * LARGE);
  memset(small, 1, 1000), memset(large, 2, LARGE);
  large = zw_arena_grow(&a, large, LARGE, LARGE, 2 * LARGE);
  assert_true(large[0] == 2 && large[LARGE - 1] == 2);
  uint64_t with = a.bytes;
  zw_arena_drop(&a, large);
  assert_true(a.bytes <= with - 2 * LARGE);
  for (int k = 0; k < 100; k++)
    memset(zw_arena_alloc(&a, LARGE - 1000, 8), 3, LARGE - 1000);
  assert_true(a.bytes < with + 100 * 2 * LARGE && small[999] == 1);
  zw_arena_free(&a);
  assert_int_equal(a.bytes, 0);
}

// An arena that wants spare blocks hands them out again, zeroed where zeros are asked for, and keeps no more than it wants.
static void arena_uses_large_blocks_again(void **state)
{
  (void)state;
  enum { ONE = 300 << 10, MOST = 1 << 20 };
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  a.spare_own_most = MOST;
  uint64_t before = zw_alloc_bytes();
  for (int round = 0; round < 3; round++) {
    char *p = zw_arena_alloc(&a, ONE, 16), *q = zw_arena_stale(&a, 2 * ONE, 1, 16), *r = zw_arena_alloc(&a, 2 * MOST, 16);
    assert_true(all_zero(p, ONE) && all_zero(r, 2 * MOST));
    memset(p, 1, ONE), memset(q, 2, 2 * ONE), memset(r, 3, 2 * MOST);
    char *grown = zw_arena_grow(&a, p, ONE, ONE, ONE + ONE / 4);
    assert_true(grown[0] == 1 && grown[ONE - 1] == 1 && q[0] == 2 && q[2 * ONE - 1] == 2);
    memset(grown, 4, ONE + ONE / 4);
    zw_arena_reset(&a);
    assert_int_equal(a.bytes, 0);
    assert_true(a.spare_own_bytes >= 3 * ONE && a.spare_own_bytes <= MOST);
    assert_true(zw_alloc_bytes() - before <= MOST + 16384);
  }
  char *small = zw_arena_alloc(&a, 2 * ONE, 16); // in the block that was larger, whatever it held
  assert_true(all_zero(small, 2 * ONE));
  zw_arena_trim(&a);
  assert_int_equal(a.spare_own_bytes, 0);
  zw_arena_free(&a);
  assert_int_equal(zw_alloc_bytes(), before);
}

// Lent memory is used where it is large enough, and is its owner's again afterwards.
static void arena_uses_lent_memory(void **state)
{
  (void)state;
  enum { LENT = 200 << 10 };
  Arena owner, a;
  zw_arena_init(&owner, NULL, NULL);
  zw_arena_init(&a, NULL, NULL);
  char *p = zw_arena_alloc(&owner, LENT, 16);
  memset(p, 0xee, LENT);
  zw_arena_lend(&a, p, LENT);
  char *q = zw_arena_alloc(&a, LENT / 2, 16), *r = zw_arena_alloc(&a, LENT, 16);
  assert_true(q > p && q + LENT / 2 <= p + LENT);
  assert_true(r + LENT <= p || r >= p + LENT);
  assert_true(all_zero(q, LENT / 2));
  memset(q, 1, LENT / 2);
  zw_arena_free(&a);
  assert_int_equal(a.bytes, 0);
  if (ZW_REDZONE == 0)
    assert_int_equal(q[LENT / 4], 0); // its pages went
  zw_arena_free(&owner);
}

// The first of several arrays in one large block: it copies itself out, the others stay.
static void arena_grows_a_part(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  enum { PART = 300 << 10 };
  char *first = zw_arena_alloc(&a, 2 * PART, 16), *second = first + PART;
  memset(first, 1, PART);
  memset(second, 2, PART);
  uint64_t block = a.bytes;
  char *grown = zw_arena_grow(&a, first, PART, PART, 3 * PART);
  char *below = zw_arena_grow_down(&a, second - PART, PART, 2 * PART);
  assert_true(grown[0] == 1 && grown[PART - 1] == 1 && below[PART] == 1);
  assert_true(second[0] == 2 && second[PART - 1] == 2);
  assert_true(a.bytes >= block + 5 * PART);
  zw_arena_free(&a);
}

// What one arena adopted stays when a mark made later is released.
static void arena_keeps_large_blocks_it_adopted(void **state)
{
  (void)state;
  Arena a, b;
  zw_arena_init(&a, NULL, NULL);
  zw_arena_init(&b, NULL, NULL);
  char *large = zw_arena_alloc(&b, 1 << 20, 16);
  memset(large, 7, 1 << 20);
  zw_arena_adopt(&a, &b);
  ArenaMark m = zw_arena_mark(&a);
  zw_arena_alloc(&a, 1 << 20, 16);
  zw_arena_release(&a, m);
  assert_int_equal(large[(1 << 20) - 1], 7);
  assert_true(a.bytes >= 1 << 20);
  zw_arena_free(&a);
}

static void arena_adopts_another(void **state)
{
  (void)state;
  for (int first = 0; first < 2; first++) {
    Arena a, b;
    zw_arena_init(&a, NULL, NULL);
    zw_arena_init(&b, NULL, NULL);
    char *mine = first ? zw_arena_str(&a, "mine", 4) : NULL, *theirs[40];
    for (int i = 0; i < 40; i++) {
      theirs[i] = zw_arena_alloc(&b, 9000, 1);
      memset(theirs[i], i + 1, 9000);
    }
    uint64_t bytes = a.bytes + b.bytes;
    zw_arena_adopt(&a, &b);
    assert_int_equal(b.bytes, 0);
    assert_true(a.bytes <= bytes && a.bytes >= 40 * 9000);
    for (int i = 0; i < 100; i++)
      assert_true(all_zero(zw_arena_alloc(&a, 5000, 8), 5000));
    for (int i = 0; i < 40; i++)
      assert_true(theirs[i][0] == i + 1 && theirs[i][8999] == i + 1);
    if (mine)
      assert_string_equal(mine, "mine");
    zw_arena_free(&b);
    zw_arena_free(&a);
  }
}

static void arena_respects_its_limit(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  a.max_bytes = 100 << 10;
  size_t got = 0;
  while (zw_arena_alloc(&a, 1000, 8))
    got += 1000;
  assert_true(got >= 30 << 10 && a.bytes <= a.max_bytes);
  assert_null(zw_arena_array(&a, SIZE_MAX / 4, 8, 8));
  assert_null(zw_arena_alloc(&a, SIZE_MAX, 8));
  zw_arena_free(&a);
}

static void vec_grows(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  VEC(uint32_t) v = { 0 };
  for (uint32_t i = 0; i < 100000; i++)
    *zw_push(&a, &v) = i * 7;
  for (uint32_t i = 0; i < 100000; i++)
    assert_int_equal(v.p[i], i * 7);
  zw_arena_free(&a);
}

#define FORMATS(...)                                                                                                   \
  do {                                                                                                                 \
    char ours[128], theirs[128];                                                                                       \
    size_t n = zw_format(ours, sizeof ours, __VA_ARGS__);                                                              \
    assert_int_equal(n, snprintf(theirs, sizeof theirs, __VA_ARGS__));                                                 \
    assert_string_equal(ours, theirs);                                                                                 \
  } while (0)

static void format_agrees_with_printf(void **state)
{
  (void)state;
  FORMATS("plain");
  FORMATS("%d %d %u %5d|%-5d|%05d|%x %X %08x", 1, -1, 4000000000u, 42, 42, -42, 0xbeef, 0xbeef, 0xabc);
  FORMATS("%s|%8s|%-8s|%.*s|%.2s", "abc", "abc", "abc", 2, "abcdef", "xyz");
  FORMATS("%ld %lu %lx %lld %llu %llx", -5L, 5UL, 255UL, -9000000000000000000LL, 18446744073709551615ULL, 1ULL << 63);
  FORMATS("%zu %zx %c%c %%", (size_t)77, (size_t)77, 'o', 'k');
  FORMATS("%lld", (long long)INT64_MIN);
  char small[4];
  assert_int_equal(zw_format(small, sizeof small, "%s", "abcdef"), 6);
  assert_string_equal(small, "abc");
  assert_int_equal(zw_format(NULL, 0, "%d", 12345), 5);
}

static void text_grows(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  Text t;
  zw_text_init(&t, &a);
  for (int i = 0; i < 3000; i++)
    zw_text_printf(&t, "%d,", i % 10);
  assert_int_equal(t.n, 6000);
  for (int i = 0; i < 3000; i++)
    assert_true(t.p[2 * i] == '0' + i % 10 && t.p[2 * i + 1] == ',');
  assert_int_equal(strlen(t.p), 6000);
  zw_arena_free(&a);
}

static void leb_round_trips(void **state)
{
  (void)state;
  for (unsigned shift = 0; shift < 64; shift++)
    for (int delta = -2; delta <= 2; delta++) {
      uint64_t v = ((uint64_t)1 << shift) + (uint64_t)(int64_t)delta, u;
      int64_t s;
      uint8_t buf[16];
      const uint8_t *p = buf;
      unsigned n = zw_leb_write_u64(buf, v);
      assert_true(n <= 10 && zw_leb_read_u(&p, buf + n, 64, &u) == LEB_OK && u == v && p == buf + n);
      n = zw_leb_write_s64(buf, (int64_t)v), p = buf;
      assert_true(n <= 10 && zw_leb_read_s(&p, buf + n, 64, &s) == LEB_OK && s == (int64_t)v && p == buf + n);
      n = zw_leb_write_u32(buf, (uint32_t)v), p = buf;
      assert_true(n <= 5 && zw_leb_read_u(&p, buf + n, 32, &u) == LEB_OK && u == (uint32_t)v && p == buf + n);
      n = zw_leb_write_s32(buf, (int32_t)(uint32_t)v), p = buf;
      assert_true(n <= 5 && zw_leb_read_s(&p, buf + n, 32, &s) == LEB_OK && s == (int32_t)(uint32_t)v && p == buf + n);
      p = buf;
      assert_int_equal(zw_leb_read_s(&p, buf + n - 1, 32, &s), LEB_TRUNCATED);
    }
}

static void leb_refuses_what_the_spec_refuses(void **state)
{
  (void)state;
  static const struct { const char *bytes; unsigned n, bits; bool is_signed; LebStatus want; } rows[] = {
    { "\x80\x80\x80\x80\x00", 5, 32, false, LEB_OK },        { "\x80\x80\x80\x80\x80\x00", 6, 32, false, LEB_TOO_LONG },
    { "\xff\xff\xff\xff\x0f", 5, 32, false, LEB_OK },        { "\xff\xff\xff\xff\x1f", 5, 32, false, LEB_TOO_LARGE },
    { "\x80\x80\x80\x80\x70", 5, 32, false, LEB_TOO_LARGE }, { "\x80\x80\x80\x80\x78", 5, 32, true, LEB_OK },
    { "\xff\xff\xff\xff\x7f", 5, 32, true, LEB_OK },         { "\xff\xff\xff\xff\x0f", 5, 32, true, LEB_TOO_LARGE },
    { "\xff\xff\xff\xff\x07", 5, 32, true, LEB_OK },         { "\x80\x80\x80\x80\x70", 5, 32, true, LEB_TOO_LARGE },
    { "\x80\x80\x80\x80\x70", 5, 33, true, LEB_OK },         { "\x80\x80\x80\x80\x60", 5, 33, true, LEB_TOO_LARGE },
    { "\xff\xff\xff\xff\x0f", 5, 33, true, LEB_OK },         { "\xff\xff\xff\xff\x1f", 5, 33, true, LEB_TOO_LARGE },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 64, false, LEB_OK },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, 64, false, LEB_TOO_LARGE },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, 64, true, LEB_OK },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7e", 10, 64, true, LEB_TOO_LARGE },
    { "\x80", 1, 32, false, LEB_TRUNCATED },                 { "", 0, 32, false, LEB_TRUNCATED },
  };
  for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
    const uint8_t *p = (const uint8_t *)rows[i].bytes;
    uint64_t u;
    int64_t s;
    LebStatus got = rows[i].is_signed ? zw_leb_read_s(&p, p + rows[i].n, rows[i].bits, &s)
                                      : zw_leb_read_u(&p, p + rows[i].n, rows[i].bits, &u);
    if (got != rows[i].want)
      fail_msg("row %zu: got %d", i, (int)got);
  }
}

static void utf8_accepts_exactly_the_scalar_values(void **state)
{
  (void)state;
  for (uint32_t c = 0; c < 0x120000; c++) { // encode by the plain four-form rule; surrogates and > 10ffff must be refused
    uint8_t b[4];
    size_t n = 0;
    if (c < 0x80)
      b[n++] = (uint8_t)c;
    else if (c < 0x800)
      b[n++] = (uint8_t)(0xc0 | c >> 6), b[n++] = (uint8_t)(0x80 | (c & 63));
    else if (c < 0x10000)
      b[n++] = (uint8_t)(0xe0 | c >> 12), b[n++] = (uint8_t)(0x80 | (c >> 6 & 63)), b[n++] = (uint8_t)(0x80 | (c & 63));
    else
      b[n++] = (uint8_t)(0xf0 | c >> 18), b[n++] = (uint8_t)(0x80 | (c >> 12 & 63)),
      b[n++] = (uint8_t)(0x80 | (c >> 6 & 63)), b[n++] = (uint8_t)(0x80 | (c & 63));
    bool want = c < 0xd800 || (c >= 0xe000 && c <= 0x10ffff);
    if (zw_utf8_ok(b, n) != want || (n > 1 && zw_utf8_ok(b, n - 1)))
      fail_msg("U+%X", c);
  }
  assert_false(zw_utf8_ok((const uint8_t *)"\xc0\x80", 2));         // overlong
  assert_false(zw_utf8_ok((const uint8_t *)"\xe0\x9f\xbf", 3));
  assert_false(zw_utf8_ok((const uint8_t *)"\xf0\x8f\xbf\xbf", 4));
  assert_false(zw_utf8_ok((const uint8_t *)"12345678\x80", 9));
  assert_true(zw_utf8_ok((const uint8_t *)"", 0));
}

static unsigned cleaned;
static void clean(void *arg) { cleaned = cleaned * 10 + (unsigned)(uintptr_t)arg; }
static void fails(Ctx *c, void *arg)
{
  (void)arg;
  static CleanUp one, two, three;
  zw_on_fail(c, &one, clean, (void *)1);
  zw_on_fail(c, &two, clean, (void *)2);
  zw_on_fail(c, &three, clean, (void *)3);
  zw_off_fail(c, &two);
  c->at_func = 12;
  c->at_instr = 3;
  c->at_op = "i32.add";
  zw_fail(c, ERR_type_mismatch, 0x1f3, "expected %s, found %s", "i32", "i64");
}
static void runs_out(Ctx *c, void *arg)
{
  (void)arg;
  c->module.max_bytes = 1 << 20;
  for (;;)
    zw_new_array(&c->module, uint64_t, 100);
}
static void returns(Ctx *c, void *arg) { (void)c, *(int *)arg = 7; }

static void failing_leaves_through_the_door(void **state)
{
  (void)state;
  Ctx c;
  zw_ctx_init(&c);
  int x = 0;
  assert_true(zw_guard(&c, returns, &x) && x == 7 && c.diag.kind == DIAG_NONE);
  assert_false(zw_guard(&c, fails, NULL));
  assert_int_equal(cleaned, 31);
  assert_int_equal(c.diag.kind, DIAG_INVALID);
  Text t;
  zw_text_init(&t, &c.module);
  zw_diag_print(&c.diag, "calc.wasm", &t);
  assert_string_equal(
      t.p, "calc.wasm:0x1f3: error: type mismatch: expected i32, found i64 [function 12, instruction 3 i32.add]");
  assert_false(zw_guard(&c, runs_out, NULL));
  assert_int_equal(c.diag.kind, DIAG_NOMEM);
  assert_string_equal(c.diag.text, "out of memory");
  zw_ctx_free(&c);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(alloc_is_zeroed_and_aligned_and_counted),
    cmocka_unit_test(realloc_keeps_and_zeroes),
    cmocka_unit_test(alloc_fails_at_the_nth),
    cmocka_unit_test(arena_zeroes_what_it_hands_out_again),
    cmocka_unit_test(arena_gives_back_what_is_large), cmocka_unit_test(arena_gives_back_what_it_calls_large),
    cmocka_unit_test(arena_uses_large_blocks_again),
    cmocka_unit_test(arena_uses_lent_memory),
    cmocka_unit_test(arena_adopts_another),
    cmocka_unit_test(arena_grows_a_part),
    cmocka_unit_test(arena_keeps_large_blocks_it_adopted),
    cmocka_unit_test(arena_respects_its_limit),
    cmocka_unit_test(vec_grows),
    cmocka_unit_test(format_agrees_with_printf),
    cmocka_unit_test(text_grows),
    cmocka_unit_test(leb_round_trips),
    cmocka_unit_test(leb_refuses_what_the_spec_refuses),
    cmocka_unit_test(utf8_accepts_exactly_the_scalar_values),
    cmocka_unit_test(failing_leaves_through_the_door),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
