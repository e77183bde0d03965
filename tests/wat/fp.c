// Floats as text, both ways, against the C library and against hand-picked hard cases.
#include "runtime/base/fp.h"
// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 88172645463325252ull;
static uint64_t next_random(void)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed;
}

static uint64_t bits_of(double d)
{
  uint64_t v;
  memcpy(&v, &d, 8);
  return v;
}

static void literals_have_these_bits(void **state)
{
  (void)state;
  static const struct { const char *text; unsigned width; uint64_t bits; } t[] = {
    { "0", 64, 0 }, { "-0", 64, 1ull << 63 }, { "+1", 32, 0x3f800000 }, { "1_000.5_0e-0_1", 64, 0x4059033333333333 },
    { "0x1.921fb6p+2", 32, 0x40c90fdb }, { "0x1p-149", 32, 1 }, { "0x1p-150", 32, 0 }, { "0x1.000001p-150", 32, 1 },
    { "0x.8p0", 0, 0 }, { "inf", 32, 0x7f800000 }, { "-inf", 64, 0xfff0000000000000 }, { "nan", 32, 0x7fc00000 },
    { "-nan:0x1", 32, 0xff800001 }, { "nan:0xfffffffffffff", 64, 0x7fffffffffffffff },
    { "1.7976931348623157e308", 64, 0x7fefffffffffffff }, { "4.9406564584124654e-324", 64, 1 }, { "2.4703282292062327e-324", 64, 0 },
    { "2.4703282292062328e-324", 64, 1 }, { "9007199254740993", 64, 0x4340000000000000 }, { "9007199254740995", 64, 0x4340000000000002 },
    { "0x1.fffffffffffff7p1023", 64, 0x7fefffffffffffff }, { "340282356779733623858607532500980858880", 32, 0x7f7fffff },
    { "16777217", 32, 0x4b800000 }, { "16777219", 32, 0x4b800002 }, { "1e-400", 64, 0 }, { "0e99999999999999999999", 64, 0 },
  };
  for (size_t i = 0; i < ARRAY_COUNT(t); i++) {
    uint64_t bits = 0;
    if (t[i].width == 0) {
      assert_int_equal(zw_fp_parse(t[i].text, strlen(t[i].text), 64, &bits), FP_SYNTAX);
      continue;
    }
    assert_int_equal(zw_fp_parse(t[i].text, strlen(t[i].text), t[i].width, &bits), FP_OK);
    if (bits != t[i].bits)
      fail_msg("%s: got %llx, expected %llx", t[i].text, (unsigned long long)bits, (unsigned long long)t[i].bits);
  }
}

static void too_large_is_refused(void **state)
{
  (void)state;
  static const struct { const char *text; unsigned width; FpStatus st; } t[] = {
    { "1e309", 64, FP_RANGE }, { "0x1p1024", 64, FP_RANGE }, { "340282356779733661637539395458142568448", 32, FP_RANGE },
    { "0x1.fffffffffffff8p1023", 64, FP_RANGE }, { "nan:0x0", 32, FP_RANGE }, { "nan:0x800000", 32, FP_RANGE },
    { "1e99999999999999999999", 32, FP_RANGE }, { "", 64, FP_SYNTAX }, { "+", 64, FP_SYNTAX }, { "1__0", 64, FP_SYNTAX },
    { "1_", 64, FP_SYNTAX }, { "1e", 64, FP_SYNTAX }, { "0x", 64, FP_SYNTAX }, { "nan:1", 64, FP_SYNTAX }, { "infinity", 64, FP_SYNTAX },
    { ".5", 64, FP_SYNTAX }, { "1._5", 64, FP_SYNTAX },
  };
  for (size_t i = 0; i < ARRAY_COUNT(t); i++) {
    uint64_t bits;
    if (zw_fp_parse(t[i].text, strlen(t[i].text), t[i].width, &bits) != t[i].st)
      fail_msg("%s", t[i].text);
  }
}

// The number of significant digits in a text we printed.
static int digits_in(const char *s)
{
  char d[64];
  int n = 0;
  for (; *s && *s != 'e'; s++)
    if (*s >= '0' && *s <= '9' && (n || *s != '0'))
      d[n++] = *s;
  while (n && d[n - 1] == '0')
    n--;
  return n;
}

static void printing_is_shortest_and_reads_back(void **state)
{
  (void)state;
  char b[FP_TEXT_MAX], c[64];
  for (int i = 0; i < 20000; i++) {
    uint64_t v = next_random(), back = 0;
    v = i % 8 == 0 ? v & 0x800fffffffffffff : i % 16 == 1 ? v & 0xfff0000000000000 : v; // subnormals, powers of two
    double d;
    memcpy(&d, &v, 8);
    size_t n = zw_fp_print(b, v, 64);
    assert_int_equal(n, strlen(b));
    assert_int_equal(zw_fp_parse(b, n, 64, &back), FP_OK);
    assert_true(back == v);
    n = zw_fp_print_hex(c, v, 64);
    assert_int_equal(zw_fp_parse(c, n, 64, &back), FP_OK);
    assert_true(back == v);
    if (d - d != 0)
      continue;
    assert_true(strtod(b, NULL) == d && strtod(c, NULL) == d);
    int shortest = 1;
    for (; shortest < 17; shortest++) {
      snprintf(c, sizeof c, "%.*e", shortest - 1, d);
      if (strtod(c, NULL) == d)
        break;
    }
    if (d != 0 && digits_in(b) > shortest)
      fail_msg("%s has more than %d digits", b, shortest);
    uint32_t w = (uint32_t)(i % 8 == 0 ? v >> 32 & 0x807fffff : v >> 32);
    n = zw_fp_print(b, w, 32);
    assert_int_equal(zw_fp_parse(b, n, 32, &back), FP_OK);
    assert_true(back == w);
  }
}

static void decimals_agree_with_the_c_library(void **state)
{
  (void)state;
  for (int i = 0; i < 20000; i++) {
    char text[80], *q = text;
    int digits = 1 + (int)(next_random() % 25);
    for (int k = 0; k < digits; k++) {
      *q++ = (char)('0' + next_random() % 10);
      if (k == digits / 2)
        *q++ = '.';
    }
    snprintf(q, 20, "e%d", (int)(next_random() % 700) - 350);
    double want = strtod(text, NULL);
    uint64_t bits = 0;
    FpStatus st = zw_fp_parse(text, strlen(text), 64, &bits);
    if (want - want != 0 ? st != FP_RANGE : st != FP_OK || bits != bits_of(want))
      fail_msg("%s", text);
    snprintf(q, 20, "e%d", (int)(next_random() % 100) - 50);
    float want32 = strtof(text, NULL);
    uint32_t w;
    memcpy(&w, &want32, 4);
    st = zw_fp_parse(text, strlen(text), 32, &bits);
    if (want32 - want32 != 0 ? st != FP_RANGE : st != FP_OK || bits != w)
      fail_msg("%s as f32", text);
  }
}

// Exactly between two doubles goes to the even one; a digit far behind decides otherwise.
static void ties_go_to_even(void **state)
{
  (void)state;
  for (int i = 0; i < 300; i++) {
    uint64_t v = (next_random() & 0x7fffffffffffffff) % 0x7fd0000000000000 + 0x0020000000000000, up = v + 1, bits = 0;
    double a, b;
    memcpy(&a, &v, 8);
    memcpy(&b, &up, 8);
    char text[1400];
    snprintf(text, sizeof text, "%.1100Le", ((long double)a + (long double)b) / 2);
    assert_int_equal(zw_fp_parse(text, strlen(text), 64, &bits), FP_OK);
    assert_true(bits == (v & 1 ? up : v));
    char *e = strchr(text, 'e');
    memmove(e + 1, e, strlen(e) + 1);
    *e = '1';
    assert_int_equal(zw_fp_parse(text, strlen(text), 64, &bits), FP_OK);
    assert_true(bits == up);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(literals_have_these_bits), cmocka_unit_test(too_large_is_refused),
    cmocka_unit_test(printing_is_shortest_and_reads_back), cmocka_unit_test(decimals_agree_with_the_c_library),
    cmocka_unit_test(ties_go_to_even),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
