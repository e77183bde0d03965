// The meaning of every scalar numeric instruction: one function num_<id> per NUM and TNUM row of ops.def, used by the
// interpreter and by constant folding, so that an answer is never computed in two ways.  num_simd.h has the vectors.
//
// Types by the letters of a row's sig: i uint32_t, l uint64_t, f float, d double.  A TNUM function takes a last
// parameter trap: it sets *trap and returns 0 when the instruction traps, else it leaves *trap alone.
// No libm, no library call: these work in a freestanding program.  The compiler must not fuse a multiply with an add
// (-ffp-contract=off) nor reorder float operations.
//
// NaN: an arithmetic result takes its bits from the machine, as the specification allows (spec: exec-nan-propagation);
// sign-bit operations and reinterpretations work on the bits.  Rounding is to nearest, ties to even.
#pragma once
#include "runtime/abi/vmctx.h"
#include "runtime/base/bits.h"

static inline uint32_t num_bits32(float a) { uint32_t b; memcpy(&b, &a, 4); return b; }
static inline uint64_t num_bits64(double a) { uint64_t b; memcpy(&b, &a, 8); return b; }
static inline float num_float(uint32_t a) { float b; memcpy(&b, &a, 4); return b; }
static inline double num_double(uint64_t a) { double b; memcpy(&b, &a, 8); return b; }

// ---- i32 ----
static inline uint32_t num_i32_eqz(uint32_t a) { return a == 0; }
static inline uint32_t num_i32_eq(uint32_t a, uint32_t b) { return a == b; }
static inline uint32_t num_i32_ne(uint32_t a, uint32_t b) { return a != b; }
static inline uint32_t num_i32_lt_s(uint32_t a, uint32_t b) { return (int32_t)a < (int32_t)b; }
static inline uint32_t num_i32_lt_u(uint32_t a, uint32_t b) { return a < b; }
static inline uint32_t num_i32_gt_s(uint32_t a, uint32_t b) { return (int32_t)a > (int32_t)b; }
static inline uint32_t num_i32_gt_u(uint32_t a, uint32_t b) { return a > b; }
static inline uint32_t num_i32_le_s(uint32_t a, uint32_t b) { return (int32_t)a <= (int32_t)b; }
static inline uint32_t num_i32_le_u(uint32_t a, uint32_t b) { return a <= b; }
static inline uint32_t num_i32_ge_s(uint32_t a, uint32_t b) { return (int32_t)a >= (int32_t)b; }
static inline uint32_t num_i32_ge_u(uint32_t a, uint32_t b) { return a >= b; }
static inline uint32_t num_i32_clz(uint32_t a) { return zw_clz32(a); }
static inline uint32_t num_i32_ctz(uint32_t a) { return zw_ctz32(a); }
static inline uint32_t num_i32_popcnt(uint32_t a)
{
  // By hand: without a popcnt instruction the builtin is a call into the compiler's library.
  a -= a >> 1 & 0x55555555;
  a = (a & 0x33333333) + (a >> 2 & 0x33333333);
  return ((a + (a >> 4)) & 0x0f0f0f0f) * 0x01010101u >> 24;
}
static inline uint32_t num_i32_add(uint32_t a, uint32_t b) { return a + b; }
static inline uint32_t num_i32_sub(uint32_t a, uint32_t b) { return a - b; }
static inline uint32_t num_i32_mul(uint32_t a, uint32_t b) { return a * b; }
static inline uint32_t num_i32_and(uint32_t a, uint32_t b) { return a & b; }
static inline uint32_t num_i32_or(uint32_t a, uint32_t b) { return a | b; }
static inline uint32_t num_i32_xor(uint32_t a, uint32_t b) { return a ^ b; }
static inline uint32_t num_i32_shl(uint32_t a, uint32_t b) { return a << (b & 31); }
static inline uint32_t num_i32_shr_s(uint32_t a, uint32_t b) { return (uint32_t)((int32_t)a >> (b & 31)); }
static inline uint32_t num_i32_shr_u(uint32_t a, uint32_t b) { return a >> (b & 31); }
static inline uint32_t num_i32_rotl(uint32_t a, uint32_t b) { return a << (b & 31) | a >> (-b & 31); }
static inline uint32_t num_i32_rotr(uint32_t a, uint32_t b) { return a >> (b & 31) | a << (-b & 31); }
static inline uint32_t num_i32_extend8_s(uint32_t a) { return (uint32_t)(int8_t)a; }
static inline uint32_t num_i32_extend16_s(uint32_t a) { return (uint32_t)(int16_t)a; }
static inline uint32_t num_i32_wrap_i64(uint64_t a) { return (uint32_t)a; }

static inline uint32_t num_i32_div_s(uint32_t a, uint32_t b, TrapKind *trap)
{
  if (b == 0 || (a == 0x80000000 && b == UINT32_MAX))
    return *trap = b == 0 ? TRAP_div_zero : TRAP_int_overflow, 0;
  return (uint32_t)((int32_t)a / (int32_t)b);
}
static inline uint32_t num_i32_div_u(uint32_t a, uint32_t b, TrapKind *trap)
{
  if (b == 0)
    return *trap = TRAP_div_zero, 0;
  return a / b;
}
static inline uint32_t num_i32_rem_s(uint32_t a, uint32_t b, TrapKind *trap)
{
  if (b == 0)
    return *trap = TRAP_div_zero, 0;
  return b == UINT32_MAX ? 0 : (uint32_t)((int32_t)a % (int32_t)b);
}
static inline uint32_t num_i32_rem_u(uint32_t a, uint32_t b, TrapKind *trap)
{
  if (b == 0)
    return *trap = TRAP_div_zero, 0;
  return a % b;
}

// ---- i64 ----
static inline uint32_t num_i64_eqz(uint64_t a) { return a == 0; }
static inline uint32_t num_i64_eq(uint64_t a, uint64_t b) { return a == b; }
static inline uint32_t num_i64_ne(uint64_t a, uint64_t b) { return a != b; }
static inline uint32_t num_i64_lt_s(uint64_t a, uint64_t b) { return (int64_t)a < (int64_t)b; }
static inline uint32_t num_i64_lt_u(uint64_t a, uint64_t b) { return a < b; }
static inline uint32_t num_i64_gt_s(uint64_t a, uint64_t b) { return (int64_t)a > (int64_t)b; }
static inline uint32_t num_i64_gt_u(uint64_t a, uint64_t b) { return a > b; }
static inline uint32_t num_i64_le_s(uint64_t a, uint64_t b) { return (int64_t)a <= (int64_t)b; }
static inline uint32_t num_i64_le_u(uint64_t a, uint64_t b) { return a <= b; }
static inline uint32_t num_i64_ge_s(uint64_t a, uint64_t b) { return (int64_t)a >= (int64_t)b; }
static inline uint32_t num_i64_ge_u(uint64_t a, uint64_t b) { return a >= b; }
static inline uint64_t num_i64_clz(uint64_t a) { return zw_clz64(a); }
static inline uint64_t num_i64_ctz(uint64_t a) { return zw_ctz64(a); }
static inline uint64_t num_i64_popcnt(uint64_t a) { return num_i32_popcnt((uint32_t)a) + num_i32_popcnt((uint32_t)(a >> 32)); }
static inline uint64_t num_i64_add(uint64_t a, uint64_t b) { return a + b; }
static inline uint64_t num_i64_sub(uint64_t a, uint64_t b) { return a - b; }
static inline uint64_t num_i64_mul(uint64_t a, uint64_t b) { return a * b; }
static inline uint64_t num_i64_and(uint64_t a, uint64_t b) { return a & b; }
static inline uint64_t num_i64_or(uint64_t a, uint64_t b) { return a | b; }
static inline uint64_t num_i64_xor(uint64_t a, uint64_t b) { return a ^ b; }
static inline uint64_t num_i64_shl(uint64_t a, uint64_t b) { return a << (b & 63); }
static inline uint64_t num_i64_shr_s(uint64_t a, uint64_t b) { return (uint64_t)((int64_t)a >> (b & 63)); }
static inline uint64_t num_i64_shr_u(uint64_t a, uint64_t b) { return a >> (b & 63); }
static inline uint64_t num_i64_rotl(uint64_t a, uint64_t b) { return a << (b & 63) | a >> (-b & 63); }
static inline uint64_t num_i64_rotr(uint64_t a, uint64_t b) { return a >> (b & 63) | a << (-b & 63); }
static inline uint64_t num_i64_extend8_s(uint64_t a) { return (uint64_t)(int8_t)a; }
static inline uint64_t num_i64_extend16_s(uint64_t a) { return (uint64_t)(int16_t)a; }
static inline uint64_t num_i64_extend32_s(uint64_t a) { return (uint64_t)(int32_t)a; }
static inline uint64_t num_i64_extend_i32_s(uint32_t a) { return (uint64_t)(int32_t)a; }
static inline uint64_t num_i64_extend_i32_u(uint32_t a) { return a; }

static inline uint64_t num_i64_div_s(uint64_t a, uint64_t b, TrapKind *trap)
{
  if (b == 0 || (a == 1ull << 63 && b == UINT64_MAX))
    return *trap = b == 0 ? TRAP_div_zero : TRAP_int_overflow, 0;
  return (uint64_t)((int64_t)a / (int64_t)b);
}
static inline uint64_t num_i64_div_u(uint64_t a, uint64_t b, TrapKind *trap)
{
  if (b == 0)
    return *trap = TRAP_div_zero, 0;
  return a / b;
}
static inline uint64_t num_i64_rem_s(uint64_t a, uint64_t b, TrapKind *trap)
{
  if (b == 0)
    return *trap = TRAP_div_zero, 0;
  return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}
static inline uint64_t num_i64_rem_u(uint64_t a, uint64_t b, TrapKind *trap)
{
  if (b == 0)
    return *trap = TRAP_div_zero, 0;
  return a % b;
}

// ---- wide arithmetic: the low half is returned, the high half goes to *high ----
static inline uint64_t num_i64_add128(uint64_t alo, uint64_t ahi, uint64_t blo, uint64_t bhi, uint64_t *high)
{
  uint64_t low = alo + blo;
  *high = ahi + bhi + (low < alo);
  return low;
}
static inline uint64_t num_i64_sub128(uint64_t alo, uint64_t ahi, uint64_t blo, uint64_t bhi, uint64_t *high)
{
  *high = ahi - bhi - (alo < blo);
  return alo - blo;
}
static inline uint64_t num_i64_mul_wide_u(uint64_t a, uint64_t b, uint64_t *high)
{
  uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
  uint64_t mid = ah * bl + (al * bl >> 32), mid2 = al * bh + (uint32_t)mid;
  *high = ah * bh + (mid >> 32) + (mid2 >> 32);
  return a * b;
}
static inline uint64_t num_i64_mul_wide_s(uint64_t a, uint64_t b, uint64_t *high)
{
  uint64_t low = num_i64_mul_wide_u(a, b, high);
  *high -= ((int64_t)a < 0 ? b : 0) + ((int64_t)b < 0 ? a : 0);
  return low;
}

// ---- f32 ----
static inline uint32_t num_f32_eq(float a, float b) { return a == b; }
static inline uint32_t num_f32_ne(float a, float b) { return a != b; }
static inline uint32_t num_f32_lt(float a, float b) { return a < b; }
static inline uint32_t num_f32_gt(float a, float b) { return a > b; }
static inline uint32_t num_f32_le(float a, float b) { return a <= b; }
static inline uint32_t num_f32_ge(float a, float b) { return a >= b; }
static inline float num_f32_abs(float a) { return num_float(num_bits32(a) & 0x7fffffff); }
static inline float num_f32_neg(float a) { return num_float(num_bits32(a) ^ 0x80000000); }
static inline float num_f32_copysign(float a, float b) { return num_float((num_bits32(a) & 0x7fffffff) | (num_bits32(b) & 0x80000000)); }
static inline float num_f32_add(float a, float b) { return a + b; }
static inline float num_f32_sub(float a, float b) { return a - b; }
static inline float num_f32_mul(float a, float b) { return a * b; }
static inline float num_f32_div(float a, float b) { return a / b; }
static inline float num_f32_sqrt(float a)
{
#if defined(__x86_64__)
  __asm__("sqrtss %0, %0" : "+x"(a));
  return a;
#elif defined(__aarch64__)
  __asm__("fsqrt %s0, %s0" : "+w"(a));
  return a;
#else
  return __builtin_sqrtf(a);
#endif
}
// |a| + 2^23 has no fraction bits: the addition rounds as we want it.  From 2^23 on everything is whole.
static inline float num_f32_nearest(float a)
{
  float whole = num_f32_abs(a);
  if (!(whole < 0x1p23f))
    return a != a ? a + a : a; // a NaN must come out quiet
  whole = whole + 0x1p23f - 0x1p23f;
  return num_f32_copysign(whole, a);
}
static inline float num_f32_ceil(float a)
{
  float n = num_f32_nearest(a);
  return n < a ? num_f32_copysign(n + 1, a) : n;
}
static inline float num_f32_floor(float a)
{
  float n = num_f32_nearest(a);
  return n > a ? num_f32_copysign(n - 1, a) : n;
}
static inline float num_f32_trunc(float a) { return num_bits32(a) >> 31 ? num_f32_ceil(a) : num_f32_floor(a); }
static inline float num_f32_min(float a, float b)
{
  if (a != a || b != b)
    return a + b;
  if (a == b)
    return num_float(num_bits32(a) | num_bits32(b)); // -0 is below +0
  return a < b ? a : b;
}
static inline float num_f32_max(float a, float b)
{
  if (a != a || b != b)
    return a + b;
  if (a == b)
    return num_float(num_bits32(a) & num_bits32(b));
  return a > b ? a : b;
}

// ---- f64 ----
static inline uint32_t num_f64_eq(double a, double b) { return a == b; }
static inline uint32_t num_f64_ne(double a, double b) { return a != b; }
static inline uint32_t num_f64_lt(double a, double b) { return a < b; }
static inline uint32_t num_f64_gt(double a, double b) { return a > b; }
static inline uint32_t num_f64_le(double a, double b) { return a <= b; }
static inline uint32_t num_f64_ge(double a, double b) { return a >= b; }
static inline double num_f64_abs(double a) { return num_double(num_bits64(a) & ~(1ull << 63)); }
static inline double num_f64_neg(double a) { return num_double(num_bits64(a) ^ 1ull << 63); }
static inline double num_f64_copysign(double a, double b) { return num_double((num_bits64(a) & ~(1ull << 63)) | (num_bits64(b) & 1ull << 63)); }
static inline double num_f64_add(double a, double b) { return a + b; }
static inline double num_f64_sub(double a, double b) { return a - b; }
static inline double num_f64_mul(double a, double b) { return a * b; }
static inline double num_f64_div(double a, double b) { return a / b; }
static inline double num_f64_sqrt(double a)
{
#if defined(__x86_64__)
  __asm__("sqrtsd %0, %0" : "+x"(a));
  return a;
#elif defined(__aarch64__)
  __asm__("fsqrt %d0, %d0" : "+w"(a));
  return a;
#else
  return __builtin_sqrt(a);
#endif
}
static inline double num_f64_nearest(double a)
{
  double whole = num_f64_abs(a);
  if (!(whole < 0x1p52))
    return a != a ? a + a : a;
  whole = whole + 0x1p52 - 0x1p52;
  return num_f64_copysign(whole, a);
}
static inline double num_f64_ceil(double a)
{
  double n = num_f64_nearest(a);
  return n < a ? num_f64_copysign(n + 1, a) : n;
}
static inline double num_f64_floor(double a)
{
  double n = num_f64_nearest(a);
  return n > a ? num_f64_copysign(n - 1, a) : n;
}
static inline double num_f64_trunc(double a) { return num_bits64(a) >> 63 ? num_f64_ceil(a) : num_f64_floor(a); }
static inline double num_f64_min(double a, double b)
{
  if (a != a || b != b)
    return a + b;
  if (a == b)
    return num_double(num_bits64(a) | num_bits64(b));
  return a < b ? a : b;
}
static inline double num_f64_max(double a, double b)
{
  if (a != a || b != b)
    return a + b;
  if (a == b)
    return num_double(num_bits64(a) & num_bits64(b));
  return a > b ? a : b;
}

// ---- conversions ----
// The bounds are exact in the operand's type; a NaN is in no range.
static inline TrapKind num_trunc_trap(bool is_nan) { return is_nan ? TRAP_bad_conversion : TRAP_int_overflow; }
static inline uint32_t num_i32_trunc_f32_s(float a, TrapKind *trap)
{
  if (!(a >= -0x1p31f && a < 0x1p31f))
    return *trap = num_trunc_trap(a != a), 0;
  return (uint32_t)(int32_t)a;
}
static inline uint32_t num_i32_trunc_f32_u(float a, TrapKind *trap)
{
  if (!(a > -1 && a < 0x1p32f))
    return *trap = num_trunc_trap(a != a), 0;
  return (uint32_t)(int64_t)a;
}
static inline uint32_t num_i32_trunc_f64_s(double a, TrapKind *trap)
{
  if (!(a > -0x1p31 - 1 && a < 0x1p31))
    return *trap = num_trunc_trap(a != a), 0;
  return (uint32_t)(int32_t)a;
}
static inline uint32_t num_i32_trunc_f64_u(double a, TrapKind *trap)
{
  if (!(a > -1 && a < 0x1p32))
    return *trap = num_trunc_trap(a != a), 0;
  return (uint32_t)(int64_t)a;
}
static inline uint64_t num_i64_trunc_f32_s(float a, TrapKind *trap)
{
  if (!(a >= -0x1p63f && a < 0x1p63f))
    return *trap = num_trunc_trap(a != a), 0;
  return (uint64_t)(int64_t)a;
}
static inline uint64_t num_i64_trunc_f32_u(float a, TrapKind *trap)
{
  if (!(a > -1 && a < 0x1p64f))
    return *trap = num_trunc_trap(a != a), 0;
  return a < 0 ? 0 : (uint64_t)a;
}
static inline uint64_t num_i64_trunc_f64_s(double a, TrapKind *trap)
{
  if (!(a >= -0x1p63 && a < 0x1p63))
    return *trap = num_trunc_trap(a != a), 0;
  return (uint64_t)(int64_t)a;
}
static inline uint64_t num_i64_trunc_f64_u(double a, TrapKind *trap)
{
  if (!(a > -1 && a < 0x1p64))
    return *trap = num_trunc_trap(a != a), 0;
  return a < 0 ? 0 : (uint64_t)a;
}
static inline uint32_t num_i32_trunc_sat_f32_s(float a)
{
  return a != a ? 0 : a < -0x1p31f ? 0x80000000 : a >= 0x1p31f ? 0x7fffffff : (uint32_t)(int32_t)a;
}
static inline uint32_t num_i32_trunc_sat_f32_u(float a) { return !(a > 0) ? 0 : a >= 0x1p32f ? UINT32_MAX : (uint32_t)(int64_t)a; }
static inline uint32_t num_i32_trunc_sat_f64_s(double a)
{
  return a != a ? 0 : a < -0x1p31 ? 0x80000000 : a >= 0x1p31 ? 0x7fffffff : (uint32_t)(int32_t)a;
}
static inline uint32_t num_i32_trunc_sat_f64_u(double a) { return !(a > 0) ? 0 : a >= 0x1p32 ? UINT32_MAX : (uint32_t)(int64_t)a; }
static inline uint64_t num_i64_trunc_sat_f32_s(float a)
{
  return a != a ? 0 : a < -0x1p63f ? 1ull << 63 : a >= 0x1p63f ? INT64_MAX : (uint64_t)(int64_t)a;
}
static inline uint64_t num_i64_trunc_sat_f32_u(float a) { return !(a > 0) ? 0 : a >= 0x1p64f ? UINT64_MAX : (uint64_t)a; }
static inline uint64_t num_i64_trunc_sat_f64_s(double a)
{
  return a != a ? 0 : a < -0x1p63 ? 1ull << 63 : a >= 0x1p63 ? INT64_MAX : (uint64_t)(int64_t)a;
}
static inline uint64_t num_i64_trunc_sat_f64_u(double a) { return !(a > 0) ? 0 : a >= 0x1p64 ? UINT64_MAX : (uint64_t)a; }

static inline float num_f32_convert_i32_s(uint32_t a) { return (float)(int32_t)a; }
static inline float num_f32_convert_i32_u(uint32_t a) { return (float)(int64_t)a; }
static inline float num_f32_convert_i64_s(uint64_t a) { return (float)(int64_t)a; }
static inline float num_f32_convert_i64_u(uint64_t a) { return (float)a; }
static inline float num_f32_demote_f64(double a) { return (float)a; }
static inline double num_f64_convert_i32_s(uint32_t a) { return (double)(int32_t)a; }
static inline double num_f64_convert_i32_u(uint32_t a) { return (double)a; }
static inline double num_f64_convert_i64_s(uint64_t a) { return (double)(int64_t)a; }
static inline double num_f64_convert_i64_u(uint64_t a) { return (double)a; }
static inline double num_f64_promote_f32(float a) { return (double)a; }
static inline uint32_t num_i32_reinterpret_f32(float a) { return num_bits32(a); }
static inline uint64_t num_i64_reinterpret_f64(double a) { return num_bits64(a); }
static inline float num_f32_reinterpret_i32(uint32_t a) { return num_float(a); }
static inline double num_f64_reinterpret_i64(uint64_t a) { return num_double(a); }
