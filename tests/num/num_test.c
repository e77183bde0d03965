// num.h against libm, 128-bit integers and the rules of the specification, on boundary and random bit patterns.
#include "runtime/abi/num_simd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>

static uint64_t seed = 1;
static uint64_t rnd(void)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed;
}

static const uint64_t edges64[] = {
  0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000, 0xbfe0000000000000, 0x3fdfffffffffffff, 0x3ff8000000000000,
  0x4004000000000000, 0xc004000000000000, 0x4330000000000000, 0x432fffffffffffff, 0x4340000000000001, 0x7ff0000000000000, 0xfff0000000000000,
  0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0x41dfffffffc00000, 0x41dfffffffe00000, 0x41e0000000000000, 0xc1e0000000000000,
  0xc1e0000000100000, 0xc1e0000000200000, 0x41efffffffe00000, 0x41f0000000000000, 0x43dfffffffffffff, 0x43e0000000000000, 0xc3e0000000000000,
  0xc3e0000000000001, 0x43efffffffffffff, 0x43f0000000000000, 1, 0x000fffffffffffff, 0x7fefffffffffffff, 0xbfefffffffffffff,
};
static uint64_t next64(uint32_t i) { return i < ARRAY_COUNT(edges64) ? edges64[i] : i % 3 ? rnd() : num_bits64((double)(int64_t)rnd() / (double)(1ull << rnd() % 64)); }
static uint32_t next32(uint32_t i)
{
  double d = num_double(next64(i));
  return i % 3 == 1 ? (uint32_t)rnd() : num_bits32((float)d);
}
static bool same64(double a, double b) { return a != a ? b != b : num_bits64(a) == num_bits64(b); }
static bool same32(float a, float b) { return a != a ? b != b : num_bits32(a) == num_bits32(b); }
static bool quiet64(double a) { return num_bits64(a) >> 51 & 1; }
static bool quiet32(float a) { return num_bits32(a) >> 22 & 1; }

static void rounding_is_that_of_libm(void **state)
{
  (void)state;
  for (uint32_t i = 0; i < 300000; i++) {
    double a = num_double(next64(i));
    assert_true(same64(num_f64_ceil(a), ceil(a)) && same64(num_f64_floor(a), floor(a)) && same64(num_f64_trunc(a), trunc(a)) &&
                same64(num_f64_nearest(a), nearbyint(a)) && same64(num_f64_sqrt(a), sqrt(a)));
    float f = num_float(next32(i));
    assert_true(same32(num_f32_ceil(f), ceilf(f)) && same32(num_f32_floor(f), floorf(f)) && same32(num_f32_trunc(f), truncf(f)) &&
                same32(num_f32_nearest(f), nearbyintf(f)) && same32(num_f32_sqrt(f), sqrtf(f)));
    if (a != a)
      assert_true(quiet64(num_f64_ceil(a)) && quiet64(num_f64_floor(a)) && quiet64(num_f64_trunc(a)) && quiet64(num_f64_nearest(a)));
    if (f != f)
      assert_true(quiet32(num_f32_ceil(f)) && quiet32(num_f32_floor(f)) && quiet32(num_f32_trunc(f)) && quiet32(num_f32_nearest(f)));
  }
}

static void min_and_max_order_zeros_and_keep_nans(void **state)
{
  (void)state;
  for (uint32_t i = 0; i < 100000; i++) {
    double a = num_double(next64(i % 97)), b = num_double(next64(i / 97 % 60));
    double low = num_f64_min(a, b), high = num_f64_max(a, b);
    float f = (float)a, g = (float)b, flow = num_f32_min(f, g), fhigh = num_f32_max(f, g);
    if (a != a || b != b) {
      assert_true(low != low && quiet64(low) && high != high && quiet64(high) && flow != flow && quiet32(flow) && fhigh != fhigh && quiet32(fhigh));
      continue;
    }
    assert_true(low <= a && low <= b && (low == a || low == b) && high >= a && high >= b && (high == a || high == b));
    assert_true(!(a == 0 && b == 0) || (!!signbit(low) == (signbit(a) || signbit(b)) && !!signbit(high) == (signbit(a) && signbit(b))));
    assert_true(!(f == 0 && g == 0) || (!!signbit(flow) == (signbit(f) || signbit(g)) && !!signbit(fhigh) == (signbit(f) && signbit(g))));
  }
}

// The truncated value as a wide integer, for a finite double below 2^100.
static __int128 wide(double a)
{
  double t = trunc(a);
  return fabs(t) < 0x1p100 ? (__int128)t : t < 0 ? -((__int128)1 << 101) : (__int128)1 << 101;
}
static void check_trunc(double a, bool is32)
{
  struct { __int128 low, high; uint64_t got, sat; TrapKind trap; } c[4] = {
    { -((__int128)1 << 31), ((__int128)1 << 31) - 1, 0, 0, TRAP_none }, { 0, ((__int128)1 << 32) - 1, 0, 0, TRAP_none },
    { -((__int128)1 << 63), ((__int128)1 << 63) - 1, 0, 0, TRAP_none }, { 0, ((__int128)1 << 64) - 1, 0, 0, TRAP_none },
  };
  float f = (float)a;
  c[0].got = is32 ? num_i32_trunc_f32_s(f, &c[0].trap) : num_i32_trunc_f64_s(a, &c[0].trap);
  c[1].got = is32 ? num_i32_trunc_f32_u(f, &c[1].trap) : num_i32_trunc_f64_u(a, &c[1].trap);
  c[2].got = is32 ? num_i64_trunc_f32_s(f, &c[2].trap) : num_i64_trunc_f64_s(a, &c[2].trap);
  c[3].got = is32 ? num_i64_trunc_f32_u(f, &c[3].trap) : num_i64_trunc_f64_u(a, &c[3].trap);
  c[0].sat = is32 ? num_i32_trunc_sat_f32_s(f) : num_i32_trunc_sat_f64_s(a);
  c[1].sat = is32 ? num_i32_trunc_sat_f32_u(f) : num_i32_trunc_sat_f64_u(a);
  c[2].sat = is32 ? num_i64_trunc_sat_f32_s(f) : num_i64_trunc_sat_f64_s(a);
  c[3].sat = is32 ? num_i64_trunc_sat_f32_u(f) : num_i64_trunc_sat_f64_u(a);
  for (int i = 0; i < 4; i++) {
    uint64_t mask = i < 2 ? 0xffffffff : UINT64_MAX;
    __int128 want = a != a ? 0 : wide(a), sat = want < c[i].low ? c[i].low : want > c[i].high ? c[i].high : want;
    assert_true(c[i].sat == ((uint64_t)sat & mask));
    if (a != a)
      assert_int_equal(c[i].trap, TRAP_bad_conversion);
    else if (want != sat)
      assert_int_equal(c[i].trap, TRAP_int_overflow);
    else
      assert_true(c[i].trap == TRAP_none && c[i].got == ((uint64_t)want & mask));
  }
}
static void float_to_integer_has_exact_bounds(void **state)
{
  (void)state;
  for (uint32_t i = 0; i < 100000; i++) {
    check_trunc(num_double(next64(i)), false);
    check_trunc((double)num_float(next32(i)), true);
  }
  for (int e = 30; e <= 65; e++)
    for (int d = -2; d <= 2; d++)
      for (int sign = -1; sign <= 1; sign += 2) {
        double a = sign * ldexp(1, e);
        for (int k = 0; k < 2; k++)
          a = d < 0 ? nextafter(a, -INFINITY) : d > 0 ? nextafter(a, INFINITY) : a;
        check_trunc(a, false);
        check_trunc(a + d, false);
        check_trunc((double)(float)a, true);
        check_trunc((double)nextafterf((float)a, d < 0 ? -INFINITY : INFINITY), true);
      }
}

static void integers_divide_as_128_bits_do(void **state)
{
  (void)state;
  static const uint64_t e[] = { 0, 1, 2, 3, 7, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 1 };
  for (uint32_t i = 0; i < 50000; i++) {
    uint64_t a = i < 169 ? e[i / 13] : rnd(), b = i < 169 ? e[i % 13] : rnd() >> rnd() % 64, high, low;
    unsigned __int128 u = (unsigned __int128)a * b;
    low = num_i64_mul_wide_u(a, b, &high);
    assert_true(low == (uint64_t)u && high == (uint64_t)(u >> 64));
    __int128 s = (__int128)(int64_t)a * (int64_t)b;
    low = num_i64_mul_wide_s(a, b, &high);
    assert_true(low == (uint64_t)s && high == (uint64_t)(s >> 64));
    uint64_t c = rnd(), d = rnd();
    unsigned __int128 x = (unsigned __int128)a << 64 | c, y = (unsigned __int128)b << 64 | d;
    low = num_i64_add128(c, a, d, b, &high);
    assert_true(((unsigned __int128)high << 64 | low) == x + y);
    low = num_i64_sub128(c, a, d, b, &high);
    assert_true(((unsigned __int128)high << 64 | low) == x - y);
    assert_true(num_i64_popcnt(a) == (uint64_t)__builtin_popcountll(a));

    TrapKind trap = TRAP_none;
    uint64_t q = num_i64_div_s(a, b, &trap);
    bool overflow = a == 1ull << 63 && b == UINT64_MAX;
    assert_int_equal(trap, b == 0 ? TRAP_div_zero : overflow ? TRAP_int_overflow : TRAP_none);
    if (b == 0 || overflow)
      continue;
    assert_true(q == (uint64_t)((__int128)(int64_t)a / (int64_t)b));
    assert_true(num_i64_rem_s(a, b, &trap) == (uint64_t)((__int128)(int64_t)a % (int64_t)b));
    assert_true(num_i64_div_u(a, b, &trap) == a / b && num_i64_rem_u(a, b, &trap) == a % b && trap == TRAP_none);
  }
  TrapKind trap = TRAP_none;
  assert_true(num_i64_rem_s(1ull << 63, UINT64_MAX, &trap) == 0 && num_i32_rem_s(0x80000000, UINT32_MAX, &trap) == 0 && trap == TRAP_none);
  num_i32_div_s(0x80000000, UINT32_MAX, &trap);
  assert_int_equal(trap, TRAP_int_overflow);
  trap = TRAP_none;
  num_i32_rem_u(7, 0, &trap);
  assert_int_equal(trap, TRAP_div_zero);
}

static void vectors_saturate_and_wrap(void **state)
{
  (void)state;
  for (int i = 0; i < 256; i++)
    for (int j = 0; j < 256; j++) {
      V128 a = num_i8x16_splat((uint32_t)i), b = num_i8x16_splat((uint32_t)j);
      int s = (int8_t)i + (int8_t)j, d = (int8_t)i - (int8_t)j;
      assert_int_equal(num_i8x16_add_sat_s(a, b).i8[3], s < -128 ? -128 : s > 127 ? 127 : s);
      assert_int_equal(num_i8x16_sub_sat_s(a, b).i8[3], d < -128 ? -128 : d > 127 ? 127 : d);
      assert_int_equal(num_i8x16_add_sat_u(a, b).u8[3], i + j > 255 ? 255 : i + j);
      assert_int_equal(num_i8x16_sub_sat_u(a, b).u8[3], i < j ? 0 : i - j);
      assert_int_equal(num_i8x16_avgr_u(a, b).u8[3], (i + j + 1) / 2);
      assert_int_equal(num_i16x8_extmul_high_i8x16_s(a, b).i16[0], (int8_t)i * (int8_t)j);
    }
  V128 m = num_i16x8_splat(0x8000), x = num_i64x2_splat(1ull << 63);
  assert_int_equal(num_i32x4_dot_i16x8_s(m, m).u32[1], 0x80000000);
  assert_int_equal(num_i16x8_q15mulr_sat_s(m, m).i16[0], 32767);
  assert_int_equal(num_i8x16_narrow_i16x8_u(m, num_i16x8_splat(300)).u8[0], 0);
  assert_int_equal(num_i8x16_narrow_i16x8_u(m, num_i16x8_splat(300)).u8[8], 255);
  assert_true(num_i64x2_abs(x).u64[0] == 1ull << 63);
  assert_true(num_i64x2_shr_s(x, 65).u64[1] == 3ull << 62);
  assert_int_equal(num_i8x16_bitmask(num_i8x16_replace_lane(num_i8x16_splat(1), 0x80, 9)), 1 << 9);
  assert_int_equal(num_i8x16_relaxed_swizzle(num_i8x16_splat(7), num_i8x16_splat(16)).u8[0], 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rounding_is_that_of_libm), cmocka_unit_test(min_and_max_order_zeros_and_keep_nans),
    cmocka_unit_test(float_to_integer_has_exact_bounds), cmocka_unit_test(integers_divide_as_128_bits_do),
    cmocka_unit_test(vectors_saturate_and_wrap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
