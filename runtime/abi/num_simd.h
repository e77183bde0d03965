// The meaning of every vector instruction that touches no memory: one function num_<id> per SIMD row of ops.def, see
// num.h.  Letters: v V128, others as there; rows with a lane immediate take it last as uint32_t.
//
// Most are the same expression over lanes, so the macros below spell out only that expression: `a`, `b`, `c` are the
// operands' lanes, `n` the shift count, in the C type of the lane.
//
// Relaxed SIMD: the specification leaves a choice; ours is always its first, deterministic one, on every machine:
// swizzle gives 0 out of range, trunc saturates, madd rounds twice, laneselect is bitselect, min and max are the strict
// ones, q15mulr saturates, dot takes both operands as signed.  spec: exec-numerics, relaxed operations
#pragma once
#include "runtime/abi/num.h"

typedef union V128 {
  uint8_t u8[16]; int8_t i8[16]; uint16_t u16[8]; int16_t i16[8]; uint32_t u32[4]; int32_t i32[4];
  uint64_t u64[2]; int64_t i64[2]; float f32[4]; double f64[2];
} V128;
STATIC_ASSERT(sizeof(V128) == 16, "a vector is 16 bytes");

#define SIMD_V_V(id, T, N, expr) \
  static inline V128 num_##id(V128 x) { V128 r; for (int k = 0; k < N; k++) { __typeof__(x.T[0]) a = x.T[k]; r.T[k] = (__typeof__(a))(expr); } return r; }
#define SIMD_VV_V(id, T, N, expr) \
  static inline V128 num_##id(V128 x, V128 y) { V128 r; for (int k = 0; k < N; k++) { __typeof__(x.T[0]) a = x.T[k], b = y.T[k]; r.T[k] = (__typeof__(a))(expr); } return r; }
#define SIMD_VVV_V(id, T, N, expr) \
  static inline V128 num_##id(V128 x, V128 y, V128 z) { V128 r; for (int k = 0; k < N; k++) { __typeof__(x.T[0]) a = x.T[k], b = y.T[k], c = z.T[k]; r.T[k] = (__typeof__(a))(expr); } return r; }
// Comparisons: lanes of all ones or zeros; R is the unsigned lane of the same width.
#define SIMD_CMP(id, T, R, N, op) \
  static inline V128 num_##id(V128 x, V128 y) { V128 r; for (int k = 0; k < N; k++) r.R[k] = (__typeof__(r.R[0]))(x.T[k] op y.T[k] ? -1 : 0); return r; }
#define SIMD_SHIFT(id, T, N, expr) \
  static inline V128 num_##id(V128 x, uint32_t count) { V128 r; uint32_t n = count % (8 * sizeof x.T[0]); for (int k = 0; k < N; k++) { __typeof__(x.T[0]) a = x.T[k]; r.T[k] = (__typeof__(a))(expr); } return r; }
#define SIMD_SPLAT(id, T, N, C) \
  static inline V128 num_##id(C a) { V128 r; for (int k = 0; k < N; k++) r.T[k] = (__typeof__(r.T[0]))a; return r; }
#define SIMD_EXTRACT(id, T, N, C) static inline C num_##id(V128 x, uint32_t lane) { return (C)x.T[lane % N]; }
#define SIMD_REPLACE(id, T, N, C) static inline V128 num_##id(V128 x, C a, uint32_t lane) { x.T[lane % N] = (__typeof__(x.T[0]))a; return x; }
// N lanes of the wide type R from lanes `from`... of T.
#define SIMD_EXTEND(id, R, T, N, from) \
  static inline V128 num_##id(V128 x) { V128 r; for (int k = 0; k < N; k++) r.R[k] = x.T[from + k]; return r; }
#define SIMD_EXTMUL(id, R, T, N, from) \
  static inline V128 num_##id(V128 x, V128 y) { V128 r; for (int k = 0; k < N; k++) { __typeof__(r.R[0]) a = x.T[from + k], b = y.T[from + k]; r.R[k] = (__typeof__(a))(a * b); } return r; }
#define SIMD_EXTADD(id, R, T, N) \
  static inline V128 num_##id(V128 x) { V128 r; for (int k = 0; k < N; k++) r.R[k] = (__typeof__(r.R[0]))(x.T[2 * k] + x.T[2 * k + 1]); return r; }
#define SIMD_NARROW(id, R, T, N, low, high) \
  static inline V128 num_##id(V128 x, V128 y) { V128 r; for (int k = 0; k < N; k++) { __typeof__(x.T[0]) a = x.T[k], b = y.T[k]; r.R[k] = (__typeof__(r.R[0]))(a < low ? low : a > high ? high : a); r.R[N + k] = (__typeof__(r.R[0]))(b < low ? low : b > high ? high : b); } return r; }
#define SIMD_ALL_TRUE(id, T, N) static inline uint32_t num_##id(V128 x) { uint32_t r = 1; for (int k = 0; k < N; k++) r &= x.T[k] != 0; return r; }
#define SIMD_BITMASK(id, T, N) static inline uint32_t num_##id(V128 x) { uint32_t r = 0; for (int k = 0; k < N; k++) r |= (uint32_t)(x.T[k] < 0) << k; return r; }

// ---- lanes in and out ----
SIMD_SPLAT(i8x16_splat, u8, 16, uint32_t)
SIMD_SPLAT(i16x8_splat, u16, 8, uint32_t)
SIMD_SPLAT(i32x4_splat, u32, 4, uint32_t)
SIMD_SPLAT(i64x2_splat, u64, 2, uint64_t)
SIMD_SPLAT(f32x4_splat, f32, 4, float)
SIMD_SPLAT(f64x2_splat, f64, 2, double)
SIMD_EXTRACT(i8x16_extract_lane_s, i8, 16, uint32_t)
SIMD_EXTRACT(i8x16_extract_lane_u, u8, 16, uint32_t)
SIMD_EXTRACT(i16x8_extract_lane_s, i16, 8, uint32_t)
SIMD_EXTRACT(i16x8_extract_lane_u, u16, 8, uint32_t)
SIMD_EXTRACT(i32x4_extract_lane, u32, 4, uint32_t)
SIMD_EXTRACT(i64x2_extract_lane, u64, 2, uint64_t)
SIMD_EXTRACT(f32x4_extract_lane, f32, 4, float)
SIMD_EXTRACT(f64x2_extract_lane, f64, 2, double)
SIMD_REPLACE(i8x16_replace_lane, u8, 16, uint32_t)
SIMD_REPLACE(i16x8_replace_lane, u16, 8, uint32_t)
SIMD_REPLACE(i32x4_replace_lane, u32, 4, uint32_t)
SIMD_REPLACE(i64x2_replace_lane, u64, 2, uint64_t)
SIMD_REPLACE(f32x4_replace_lane, f32, 4, float)
SIMD_REPLACE(f64x2_replace_lane, f64, 2, double)
static inline V128 num_i8x16_shuffle(V128 x, V128 y, const uint8_t lanes[16])
{
  V128 r;
  for (int k = 0; k < 16; k++)
    r.u8[k] = lanes[k] < 16 ? x.u8[lanes[k]] : y.u8[lanes[k] & 15];
  return r;
}
static inline V128 num_i8x16_swizzle(V128 x, V128 y)
{
  V128 r;
  for (int k = 0; k < 16; k++)
    r.u8[k] = y.u8[k] < 16 ? x.u8[y.u8[k]] : 0;
  return r;
}

// ---- comparisons ----
SIMD_CMP(i8x16_eq, u8, u8, 16, ==)
SIMD_CMP(i8x16_ne, u8, u8, 16, !=)
SIMD_CMP(i8x16_lt_s, i8, u8, 16, <)
SIMD_CMP(i8x16_lt_u, u8, u8, 16, <)
SIMD_CMP(i8x16_gt_s, i8, u8, 16, >)
SIMD_CMP(i8x16_gt_u, u8, u8, 16, >)
SIMD_CMP(i8x16_le_s, i8, u8, 16, <=)
SIMD_CMP(i8x16_le_u, u8, u8, 16, <=)
SIMD_CMP(i8x16_ge_s, i8, u8, 16, >=)
SIMD_CMP(i8x16_ge_u, u8, u8, 16, >=)
SIMD_CMP(i16x8_eq, u16, u16, 8, ==)
SIMD_CMP(i16x8_ne, u16, u16, 8, !=)
SIMD_CMP(i16x8_lt_s, i16, u16, 8, <)
SIMD_CMP(i16x8_lt_u, u16, u16, 8, <)
SIMD_CMP(i16x8_gt_s, i16, u16, 8, >)
SIMD_CMP(i16x8_gt_u, u16, u16, 8, >)
SIMD_CMP(i16x8_le_s, i16, u16, 8, <=)
SIMD_CMP(i16x8_le_u, u16, u16, 8, <=)
SIMD_CMP(i16x8_ge_s, i16, u16, 8, >=)
SIMD_CMP(i16x8_ge_u, u16, u16, 8, >=)
SIMD_CMP(i32x4_eq, u32, u32, 4, ==)
SIMD_CMP(i32x4_ne, u32, u32, 4, !=)
SIMD_CMP(i32x4_lt_s, i32, u32, 4, <)
SIMD_CMP(i32x4_lt_u, u32, u32, 4, <)
SIMD_CMP(i32x4_gt_s, i32, u32, 4, >)
SIMD_CMP(i32x4_gt_u, u32, u32, 4, >)
SIMD_CMP(i32x4_le_s, i32, u32, 4, <=)
SIMD_CMP(i32x4_le_u, u32, u32, 4, <=)
SIMD_CMP(i32x4_ge_s, i32, u32, 4, >=)
SIMD_CMP(i32x4_ge_u, u32, u32, 4, >=)
SIMD_CMP(i64x2_eq, u64, u64, 2, ==)
SIMD_CMP(i64x2_ne, u64, u64, 2, !=)
SIMD_CMP(i64x2_lt_s, i64, u64, 2, <)
SIMD_CMP(i64x2_gt_s, i64, u64, 2, >)
SIMD_CMP(i64x2_le_s, i64, u64, 2, <=)
SIMD_CMP(i64x2_ge_s, i64, u64, 2, >=)
SIMD_CMP(f32x4_eq, f32, u32, 4, ==)
SIMD_CMP(f32x4_ne, f32, u32, 4, !=)
SIMD_CMP(f32x4_lt, f32, u32, 4, <)
SIMD_CMP(f32x4_gt, f32, u32, 4, >)
SIMD_CMP(f32x4_le, f32, u32, 4, <=)
SIMD_CMP(f32x4_ge, f32, u32, 4, >=)
SIMD_CMP(f64x2_eq, f64, u64, 2, ==)
SIMD_CMP(f64x2_ne, f64, u64, 2, !=)
SIMD_CMP(f64x2_lt, f64, u64, 2, <)
SIMD_CMP(f64x2_gt, f64, u64, 2, >)
SIMD_CMP(f64x2_le, f64, u64, 2, <=)
SIMD_CMP(f64x2_ge, f64, u64, 2, >=)

// ---- whole vectors ----
SIMD_V_V(v128_not, u64, 2, ~a)
SIMD_VV_V(v128_and, u64, 2, a & b)
SIMD_VV_V(v128_andnot, u64, 2, a & ~b)
SIMD_VV_V(v128_or, u64, 2, a | b)
SIMD_VV_V(v128_xor, u64, 2, a ^ b)
SIMD_VVV_V(v128_bitselect, u64, 2, (a & c) | (b & ~c))
static inline uint32_t num_v128_any_true(V128 x) { return (x.u64[0] | x.u64[1]) != 0; }

// ---- i8x16 ----
SIMD_V_V(i8x16_abs, i8, 16, a < 0 ? -a : a)
SIMD_V_V(i8x16_neg, u8, 16, -a)
SIMD_V_V(i8x16_popcnt, u8, 16, num_i32_popcnt(a))
SIMD_ALL_TRUE(i8x16_all_true, u8, 16)
SIMD_BITMASK(i8x16_bitmask, i8, 16)
SIMD_NARROW(i8x16_narrow_i16x8_s, i8, i16, 8, -128, 127)
SIMD_NARROW(i8x16_narrow_i16x8_u, u8, i16, 8, 0, 255)
SIMD_SHIFT(i8x16_shl, u8, 16, a << n)
SIMD_SHIFT(i8x16_shr_s, i8, 16, a >> n)
SIMD_SHIFT(i8x16_shr_u, u8, 16, a >> n)
SIMD_VV_V(i8x16_add, u8, 16, a + b)
SIMD_VV_V(i8x16_add_sat_s, i8, 16, a + b < -128 ? -128 : a + b > 127 ? 127 : a + b)
SIMD_VV_V(i8x16_add_sat_u, u8, 16, a + b > 255 ? 255 : a + b)
SIMD_VV_V(i8x16_sub, u8, 16, a - b)
SIMD_VV_V(i8x16_sub_sat_s, i8, 16, a - b < -128 ? -128 : a - b > 127 ? 127 : a - b)
SIMD_VV_V(i8x16_sub_sat_u, u8, 16, a < b ? 0 : a - b)
SIMD_VV_V(i8x16_min_s, i8, 16, a < b ? a : b)
SIMD_VV_V(i8x16_min_u, u8, 16, a < b ? a : b)
SIMD_VV_V(i8x16_max_s, i8, 16, a > b ? a : b)
SIMD_VV_V(i8x16_max_u, u8, 16, a > b ? a : b)
SIMD_VV_V(i8x16_avgr_u, u8, 16, (a + b + 1) >> 1)

// ---- i16x8 ----
SIMD_EXTADD(i16x8_extadd_pairwise_i8x16_s, i16, i8, 8)
SIMD_EXTADD(i16x8_extadd_pairwise_i8x16_u, u16, u8, 8)
SIMD_V_V(i16x8_abs, i16, 8, a < 0 ? -a : a)
SIMD_V_V(i16x8_neg, u16, 8, -a)
static inline int16_t num_q15mulr_sat(int16_t a, int16_t b)
{
  int32_t p = (a * b + 0x4000) >> 15;
  return (int16_t)(p > 32767 ? 32767 : p);
}
SIMD_VV_V(i16x8_q15mulr_sat_s, i16, 8, num_q15mulr_sat(a, b))
SIMD_ALL_TRUE(i16x8_all_true, u16, 8)
SIMD_BITMASK(i16x8_bitmask, i16, 8)
SIMD_NARROW(i16x8_narrow_i32x4_s, i16, i32, 4, -32768, 32767)
SIMD_NARROW(i16x8_narrow_i32x4_u, u16, i32, 4, 0, 65535)
SIMD_EXTEND(i16x8_extend_low_i8x16_s, i16, i8, 8, 0)
SIMD_EXTEND(i16x8_extend_high_i8x16_s, i16, i8, 8, 8)
SIMD_EXTEND(i16x8_extend_low_i8x16_u, u16, u8, 8, 0)
SIMD_EXTEND(i16x8_extend_high_i8x16_u, u16, u8, 8, 8)
SIMD_SHIFT(i16x8_shl, u16, 8, a << n)
SIMD_SHIFT(i16x8_shr_s, i16, 8, a >> n)
SIMD_SHIFT(i16x8_shr_u, u16, 8, a >> n)
SIMD_VV_V(i16x8_add, u16, 8, a + b)
SIMD_VV_V(i16x8_add_sat_s, i16, 8, a + b < -32768 ? -32768 : a + b > 32767 ? 32767 : a + b)
SIMD_VV_V(i16x8_add_sat_u, u16, 8, a + b > 65535 ? 65535 : a + b)
SIMD_VV_V(i16x8_sub, u16, 8, a - b)
SIMD_VV_V(i16x8_sub_sat_s, i16, 8, a - b < -32768 ? -32768 : a - b > 32767 ? 32767 : a - b)
SIMD_VV_V(i16x8_sub_sat_u, u16, 8, a < b ? 0 : a - b)
SIMD_VV_V(i16x8_mul, u16, 8, (uint32_t)a * b)
SIMD_VV_V(i16x8_min_s, i16, 8, a < b ? a : b)
SIMD_VV_V(i16x8_min_u, u16, 8, a < b ? a : b)
SIMD_VV_V(i16x8_max_s, i16, 8, a > b ? a : b)
SIMD_VV_V(i16x8_max_u, u16, 8, a > b ? a : b)
SIMD_VV_V(i16x8_avgr_u, u16, 8, (a + b + 1) >> 1)
SIMD_EXTMUL(i16x8_extmul_low_i8x16_s, i16, i8, 8, 0)
SIMD_EXTMUL(i16x8_extmul_high_i8x16_s, i16, i8, 8, 8)
SIMD_EXTMUL(i16x8_extmul_low_i8x16_u, u16, u8, 8, 0)
SIMD_EXTMUL(i16x8_extmul_high_i8x16_u, u16, u8, 8, 8)

// ---- i32x4 ----
SIMD_EXTADD(i32x4_extadd_pairwise_i16x8_s, i32, i16, 4)
SIMD_EXTADD(i32x4_extadd_pairwise_i16x8_u, u32, u16, 4)
SIMD_V_V(i32x4_abs, u32, 4, (int32_t)a < 0 ? -a : a)
SIMD_V_V(i32x4_neg, u32, 4, -a)
SIMD_ALL_TRUE(i32x4_all_true, u32, 4)
SIMD_BITMASK(i32x4_bitmask, i32, 4)
SIMD_EXTEND(i32x4_extend_low_i16x8_s, i32, i16, 4, 0)
SIMD_EXTEND(i32x4_extend_high_i16x8_s, i32, i16, 4, 4)
SIMD_EXTEND(i32x4_extend_low_i16x8_u, u32, u16, 4, 0)
SIMD_EXTEND(i32x4_extend_high_i16x8_u, u32, u16, 4, 4)
SIMD_SHIFT(i32x4_shl, u32, 4, a << n)
SIMD_SHIFT(i32x4_shr_s, i32, 4, a >> n)
SIMD_SHIFT(i32x4_shr_u, u32, 4, a >> n)
SIMD_VV_V(i32x4_add, u32, 4, a + b)
SIMD_VV_V(i32x4_sub, u32, 4, a - b)
SIMD_VV_V(i32x4_mul, u32, 4, a * b)
SIMD_VV_V(i32x4_min_s, i32, 4, a < b ? a : b)
SIMD_VV_V(i32x4_min_u, u32, 4, a < b ? a : b)
SIMD_VV_V(i32x4_max_s, i32, 4, a > b ? a : b)
SIMD_VV_V(i32x4_max_u, u32, 4, a > b ? a : b)
static inline V128 num_i32x4_dot_i16x8_s(V128 x, V128 y)
{
  V128 r;
  for (int k = 0; k < 4; k++)
    r.u32[k] = (uint32_t)(x.i16[2 * k] * y.i16[2 * k]) + (uint32_t)(x.i16[2 * k + 1] * y.i16[2 * k + 1]);
  return r;
}
SIMD_EXTMUL(i32x4_extmul_low_i16x8_s, i32, i16, 4, 0)
SIMD_EXTMUL(i32x4_extmul_high_i16x8_s, i32, i16, 4, 4)
SIMD_EXTMUL(i32x4_extmul_low_i16x8_u, u32, u16, 4, 0)
SIMD_EXTMUL(i32x4_extmul_high_i16x8_u, u32, u16, 4, 4)

// ---- i64x2 ----
SIMD_V_V(i64x2_abs, u64, 2, (int64_t)a < 0 ? -a : a)
SIMD_V_V(i64x2_neg, u64, 2, -a)
SIMD_ALL_TRUE(i64x2_all_true, u64, 2)
SIMD_BITMASK(i64x2_bitmask, i64, 2)
SIMD_EXTEND(i64x2_extend_low_i32x4_s, i64, i32, 2, 0)
SIMD_EXTEND(i64x2_extend_high_i32x4_s, i64, i32, 2, 2)
SIMD_EXTEND(i64x2_extend_low_i32x4_u, u64, u32, 2, 0)
SIMD_EXTEND(i64x2_extend_high_i32x4_u, u64, u32, 2, 2)
SIMD_SHIFT(i64x2_shl, u64, 2, a << n)
SIMD_SHIFT(i64x2_shr_s, i64, 2, a >> n)
SIMD_SHIFT(i64x2_shr_u, u64, 2, a >> n)
SIMD_VV_V(i64x2_add, u64, 2, a + b)
SIMD_VV_V(i64x2_sub, u64, 2, a - b)
SIMD_VV_V(i64x2_mul, u64, 2, a * b)
SIMD_EXTMUL(i64x2_extmul_low_i32x4_s, i64, i32, 2, 0)
SIMD_EXTMUL(i64x2_extmul_high_i32x4_s, i64, i32, 2, 2)
SIMD_EXTMUL(i64x2_extmul_low_i32x4_u, u64, u32, 2, 0)
SIMD_EXTMUL(i64x2_extmul_high_i32x4_u, u64, u32, 2, 2)

// ---- f32x4 ----
SIMD_V_V(f32x4_ceil, f32, 4, num_f32_ceil(a))
SIMD_V_V(f32x4_floor, f32, 4, num_f32_floor(a))
SIMD_V_V(f32x4_trunc, f32, 4, num_f32_trunc(a))
SIMD_V_V(f32x4_nearest, f32, 4, num_f32_nearest(a))
SIMD_V_V(f32x4_abs, u32, 4, a & 0x7fffffff)
SIMD_V_V(f32x4_neg, u32, 4, a ^ 0x80000000)
SIMD_V_V(f32x4_sqrt, f32, 4, num_f32_sqrt(a))
SIMD_VV_V(f32x4_add, f32, 4, a + b)
SIMD_VV_V(f32x4_sub, f32, 4, a - b)
SIMD_VV_V(f32x4_mul, f32, 4, a * b)
SIMD_VV_V(f32x4_div, f32, 4, a / b)
SIMD_VV_V(f32x4_min, f32, 4, num_f32_min(a, b))
SIMD_VV_V(f32x4_max, f32, 4, num_f32_max(a, b))
SIMD_VV_V(f32x4_pmin, f32, 4, b < a ? b : a)
SIMD_VV_V(f32x4_pmax, f32, 4, a < b ? b : a)

// ---- f64x2 ----
SIMD_V_V(f64x2_ceil, f64, 2, num_f64_ceil(a))
SIMD_V_V(f64x2_floor, f64, 2, num_f64_floor(a))
SIMD_V_V(f64x2_trunc, f64, 2, num_f64_trunc(a))
SIMD_V_V(f64x2_nearest, f64, 2, num_f64_nearest(a))
SIMD_V_V(f64x2_abs, u64, 2, a & ~(1ull << 63))
SIMD_V_V(f64x2_neg, u64, 2, a ^ 1ull << 63)
SIMD_V_V(f64x2_sqrt, f64, 2, num_f64_sqrt(a))
SIMD_VV_V(f64x2_add, f64, 2, a + b)
SIMD_VV_V(f64x2_sub, f64, 2, a - b)
SIMD_VV_V(f64x2_mul, f64, 2, a * b)
SIMD_VV_V(f64x2_div, f64, 2, a / b)
SIMD_VV_V(f64x2_min, f64, 2, num_f64_min(a, b))
SIMD_VV_V(f64x2_max, f64, 2, num_f64_max(a, b))
SIMD_VV_V(f64x2_pmin, f64, 2, b < a ? b : a)
SIMD_VV_V(f64x2_pmax, f64, 2, a < b ? b : a)

// ---- conversions ----
static inline V128 num_i32x4_trunc_sat_f32x4_s(V128 x)
{
  V128 r;
  for (int k = 0; k < 4; k++)
    r.u32[k] = num_i32_trunc_sat_f32_s(x.f32[k]);
  return r;
}
static inline V128 num_i32x4_trunc_sat_f32x4_u(V128 x)
{
  V128 r;
  for (int k = 0; k < 4; k++)
    r.u32[k] = num_i32_trunc_sat_f32_u(x.f32[k]);
  return r;
}
static inline V128 num_i32x4_trunc_sat_f64x2_s_zero(V128 x)
{
  return (V128){ .u32 = { num_i32_trunc_sat_f64_s(x.f64[0]), num_i32_trunc_sat_f64_s(x.f64[1]) } };
}
static inline V128 num_i32x4_trunc_sat_f64x2_u_zero(V128 x)
{
  return (V128){ .u32 = { num_i32_trunc_sat_f64_u(x.f64[0]), num_i32_trunc_sat_f64_u(x.f64[1]) } };
}
static inline V128 num_f32x4_convert_i32x4_s(V128 x)
{
  return (V128){ .f32 = { (float)x.i32[0], (float)x.i32[1], (float)x.i32[2], (float)x.i32[3] } };
}
static inline V128 num_f32x4_convert_i32x4_u(V128 x)
{
  return (V128){ .f32 = { (float)x.u32[0], (float)x.u32[1], (float)x.u32[2], (float)x.u32[3] } };
}
static inline V128 num_f64x2_convert_low_i32x4_s(V128 x) { return (V128){ .f64 = { x.i32[0], x.i32[1] } }; }
static inline V128 num_f64x2_convert_low_i32x4_u(V128 x) { return (V128){ .f64 = { x.u32[0], x.u32[1] } }; }
static inline V128 num_f32x4_demote_f64x2_zero(V128 x) { return (V128){ .f32 = { (float)x.f64[0], (float)x.f64[1] } }; }
static inline V128 num_f64x2_promote_low_f32x4(V128 x) { return (V128){ .f64 = { x.f32[0], x.f32[1] } }; }

// ---- relaxed ----
static inline V128 num_i8x16_relaxed_swizzle(V128 x, V128 y) { return num_i8x16_swizzle(x, y); }
static inline V128 num_i32x4_relaxed_trunc_f32x4_s(V128 x) { return num_i32x4_trunc_sat_f32x4_s(x); }
static inline V128 num_i32x4_relaxed_trunc_f32x4_u(V128 x) { return num_i32x4_trunc_sat_f32x4_u(x); }
static inline V128 num_i32x4_relaxed_trunc_f64x2_s_zero(V128 x) { return num_i32x4_trunc_sat_f64x2_s_zero(x); }
static inline V128 num_i32x4_relaxed_trunc_f64x2_u_zero(V128 x) { return num_i32x4_trunc_sat_f64x2_u_zero(x); }
SIMD_VVV_V(f32x4_relaxed_madd, f32, 4, a * b + c)
SIMD_VVV_V(f32x4_relaxed_nmadd, f32, 4, c - a * b)
SIMD_VVV_V(f64x2_relaxed_madd, f64, 2, a * b + c)
SIMD_VVV_V(f64x2_relaxed_nmadd, f64, 2, c - a * b)
static inline V128 num_i8x16_relaxed_laneselect(V128 x, V128 y, V128 m) { return num_v128_bitselect(x, y, m); }
static inline V128 num_i16x8_relaxed_laneselect(V128 x, V128 y, V128 m) { return num_v128_bitselect(x, y, m); }
static inline V128 num_i32x4_relaxed_laneselect(V128 x, V128 y, V128 m) { return num_v128_bitselect(x, y, m); }
static inline V128 num_i64x2_relaxed_laneselect(V128 x, V128 y, V128 m) { return num_v128_bitselect(x, y, m); }
static inline V128 num_f32x4_relaxed_min(V128 x, V128 y) { return num_f32x4_min(x, y); }
static inline V128 num_f32x4_relaxed_max(V128 x, V128 y) { return num_f32x4_max(x, y); }
static inline V128 num_f64x2_relaxed_min(V128 x, V128 y) { return num_f64x2_min(x, y); }
static inline V128 num_f64x2_relaxed_max(V128 x, V128 y) { return num_f64x2_max(x, y); }
static inline V128 num_i16x8_relaxed_q15mulr_s(V128 x, V128 y) { return num_i16x8_q15mulr_sat_s(x, y); }
static inline V128 num_i16x8_relaxed_dot_i8x16_i7x16_s(V128 x, V128 y)
{
  V128 r;
  for (int k = 0; k < 8; k++)
    r.i16[k] = (int16_t)(x.i8[2 * k] * y.i8[2 * k] + x.i8[2 * k + 1] * y.i8[2 * k + 1]);
  return r;
}
static inline V128 num_i32x4_relaxed_dot_i8x16_i7x16_add_s(V128 x, V128 y, V128 z)
{
  V128 t = num_i16x8_relaxed_dot_i8x16_i7x16_s(x, y), r;
  for (int k = 0; k < 4; k++)
    r.u32[k] = (uint32_t)(t.i16[2 * k] + t.i16[2 * k + 1]) + z.u32[k];
  return r;
}

#undef SIMD_V_V
#undef SIMD_VV_V
#undef SIMD_VVV_V
#undef SIMD_CMP
#undef SIMD_SHIFT
#undef SIMD_SPLAT
#undef SIMD_EXTRACT
#undef SIMD_REPLACE
#undef SIMD_EXTEND
#undef SIMD_EXTMUL
#undef SIMD_EXTADD
#undef SIMD_NARROW
#undef SIMD_ALL_TRUE
#undef SIMD_BITMASK
