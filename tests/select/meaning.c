#include "meaning.h"
#include "runtime/abi/num_simd.h"

static V128 vec(Value v)
{
  V128 r;
  memcpy(&r, &v, 16);
  return r;
}
static void set_v(Value *out, V128 v) { memcpy(out, &v, 16); }

#define IN_i(k) in[k].u32
#define IN_l(k) in[k].u64
#define IN_f(k) in[k].f32
#define IN_d(k) in[k].f64
#define IN_v(k) vec(in[k])
#define OUT_i(e) out->u32 = (e)
#define OUT_l(e) out->u64 = (e)
#define OUT_f(e) out->f32 = (e)
#define OUT_d(e) out->f64 = (e)
#define OUT_v(e) set_v(out, (e))
// clang-format off
#define SIG1(a, r, FN, ...) OUT_##r(FN(IN_##a(0) __VA_ARGS__))
#define SIG2(a, b, r, FN, ...) OUT_##r(FN(IN_##a(0), IN_##b(1) __VA_ARGS__))
#define SIG3(a, b, c, r, FN, ...) OUT_##r(FN(IN_##a(0), IN_##b(1), IN_##c(2) __VA_ARGS__))
#define SIG_i_i(FN, ...) SIG1(i, i, FN, __VA_ARGS__)
#define SIG_l_i(FN, ...) SIG1(l, i, FN, __VA_ARGS__)
#define SIG_f_i(FN, ...) SIG1(f, i, FN, __VA_ARGS__)
#define SIG_d_i(FN, ...) SIG1(d, i, FN, __VA_ARGS__)
#define SIG_v_i(FN, ...) SIG1(v, i, FN, __VA_ARGS__)
#define SIG_ii_i(FN, ...) SIG2(i, i, i, FN, __VA_ARGS__)
#define SIG_ll_i(FN, ...) SIG2(l, l, i, FN, __VA_ARGS__)
#define SIG_ff_i(FN, ...) SIG2(f, f, i, FN, __VA_ARGS__)
#define SIG_dd_i(FN, ...) SIG2(d, d, i, FN, __VA_ARGS__)
#define SIG_i_l(FN, ...) SIG1(i, l, FN, __VA_ARGS__)
#define SIG_l_l(FN, ...) SIG1(l, l, FN, __VA_ARGS__)
#define SIG_f_l(FN, ...) SIG1(f, l, FN, __VA_ARGS__)
#define SIG_d_l(FN, ...) SIG1(d, l, FN, __VA_ARGS__)
#define SIG_v_l(FN, ...) SIG1(v, l, FN, __VA_ARGS__)
#define SIG_ll_l(FN, ...) SIG2(l, l, l, FN, __VA_ARGS__)
#define SIG_i_f(FN, ...) SIG1(i, f, FN, __VA_ARGS__)
#define SIG_l_f(FN, ...) SIG1(l, f, FN, __VA_ARGS__)
#define SIG_f_f(FN, ...) SIG1(f, f, FN, __VA_ARGS__)
#define SIG_d_f(FN, ...) SIG1(d, f, FN, __VA_ARGS__)
#define SIG_v_f(FN, ...) SIG1(v, f, FN, __VA_ARGS__)
#define SIG_ff_f(FN, ...) SIG2(f, f, f, FN, __VA_ARGS__)
#define SIG_i_d(FN, ...) SIG1(i, d, FN, __VA_ARGS__)
#define SIG_l_d(FN, ...) SIG1(l, d, FN, __VA_ARGS__)
#define SIG_f_d(FN, ...) SIG1(f, d, FN, __VA_ARGS__)
#define SIG_d_d(FN, ...) SIG1(d, d, FN, __VA_ARGS__)
#define SIG_v_d(FN, ...) SIG1(v, d, FN, __VA_ARGS__)
#define SIG_dd_d(FN, ...) SIG2(d, d, d, FN, __VA_ARGS__)
#define SIG_i_v(FN, ...) SIG1(i, v, FN, __VA_ARGS__)
#define SIG_l_v(FN, ...) SIG1(l, v, FN, __VA_ARGS__)
#define SIG_f_v(FN, ...) SIG1(f, v, FN, __VA_ARGS__)
#define SIG_d_v(FN, ...) SIG1(d, v, FN, __VA_ARGS__)
#define SIG_v_v(FN, ...) SIG1(v, v, FN, __VA_ARGS__)
#define SIG_vv_v(FN, ...) SIG2(v, v, v, FN, __VA_ARGS__)
#define SIG_vvv_v(FN, ...) SIG3(v, v, v, v, FN, __VA_ARGS__)
#define SIG_vi_v(FN, ...) SIG2(v, i, v, FN, __VA_ARGS__)
#define SIG_vl_v(FN, ...) SIG2(v, l, v, FN, __VA_ARGS__)
#define SIG_vf_v(FN, ...) SIG2(v, f, v, FN, __VA_ARGS__)
#define SIG_vd_v(FN, ...) SIG2(v, d, v, FN, __VA_ARGS__)
#define SIG_ll_ll(f, ...) out[0].u64 = f(in[0].u64, in[1].u64, &out[1].u64)
#define SIG_llll_ll(f, ...) out[0].u64 = f(in[0].u64, in[1].u64, in[2].u64, in[3].u64, &out[1].u64)
#define NOTHING
#define X_0 NOTHING
#define X_COMM NOTHING
#define X_LANEIMM , lane
#define BODY(id, SIG, ...) \
  static void mean_##id(const Value *in, Value *out, uint32_t lane, TrapKind *trap) { (void)lane, (void)trap; SIG(num_##id, __VA_ARGS__); }
#define BODY_(id, SIG, ...) BODY(id, SIG, __VA_ARGS__)
#define NUM(id, text, code, sig, feature, flags) BODY_(id, SIG_##sig, X_##flags)
#define TNUM(id, text, code, sig, feature, flags) BODY_(id, SIG_##sig, TRAP_ARG)
#define TRAP_ARG , trap
#include "compiler/wasm/ops.def"
const Meaning meaning_of[OP_COUNT] = {
#define NUM(id, text, code, sig, feature, flags) [OP_##id] = mean_##id,
#define TNUM(id, text, code, sig, feature, flags) [OP_##id] = mean_##id,
#include "compiler/wasm/ops.def"
};
// clang-format on

static const uint32_t ints32[] = { 0, 1, 2, 3, 31, 32, 33, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe };
static const uint64_t ints64[] = { 0, 1, 2, 63, 64, 0x80, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
                                   0x8000000000000000, 0x8000000000000001, UINT64_MAX, UINT64_MAX - 1, 0xffffffff80000000, 1ull << 53, (1ull << 53) + 1 };
static const uint32_t floats[] = { // the bits of f32s; f64s are the same numbers, converted
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x3fc00000, 0x40200000, 0xbf000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345,
  0x4f000000 /* 2^31 */, 0xcf000000, 0x4f800000, 0x5f000000 /* 2^63 */, 0xdf000000, 0x5f800000, 0x00000001, 0x7f7fffff, 0x4effffff, 0x4b000001,
};
static const uint64_t doubles[] = { // more, around the borders of the conversions
  0x41dfffffffc00000 /* 2^31-1 */, 0x41e0000000000000, 0xc1e0000000200000 /* -2^31-1 */, 0xc1e0000000000000, 0x41efffffffe00000, 0x41f0000000000000,
  0xbfefffffffffffff, 0x43dfffffffffffff, 0x7ff0000000000001, 0x3fdfffffffffffff, 0x36a0000000000000, 0x47efffffe0000000,
};

Value interesting(ValKind kind, uint32_t k, uint64_t (*rnd)(void))
{
  Value v = { .u64x2 = { 0, 0 } };
  switch (kind) {
  case VK_I32: v.u32 = k < ARRAY_COUNT(ints32) ? ints32[k] : (uint32_t)rnd(); break;
  case VK_F32: v.u32 = k < ARRAY_COUNT(floats) ? floats[k] : (uint32_t)rnd(); break;
  case VK_F64:
    if (k < 11)
      v.f64 = num_float(floats[k]);
    else if (k - 11 < ARRAY_COUNT(doubles))
      v.u64 = doubles[k - 11];
    else
      v.u64 = rnd();
    break;
  case VK_V128:
    for (unsigned n = 0; n < 16; n += 4 + 4 * (k & 1)) { // lanes of either width, some interesting, some not
      Value lane = interesting(k & 2 ? (k & 1 ? VK_F64 : VK_F32) : (k & 1 ? VK_I64 : VK_I32), (uint32_t)(rnd() >> 33) % 28, rnd);
      memcpy(v.bytes + n, lane.bytes, 4 + 4 * (k & 1));
    }
    break;
  case VK_I64: case VK_FUNCREF: case VK_REF: case VK_COUNT: v.u64 = k < ARRAY_COUNT(ints64) ? ints64[k] : rnd(); break;
  }
  return v;
}

static bool is_nan(const uint8_t *p, unsigned bytes)
{
  if (bytes == 4)
    return (zw_get32(p) & 0x7fffffff) > 0x7f800000;
  return (zw_get64(p) & INT64_MAX) > 0x7ff0000000000000;
}

bool same(ValKind kind, const Value *a, const Value *b, bool any_nan, unsigned lanes)
{
  unsigned step = kind == VK_F32 ? 4 : kind == VK_F64 ? 8 : lanes ? lanes : 16, end = kind == VK_V128 ? 16 : step;
  for (unsigned k = 0; k < end; k += step) {
    if (any_nan && step < 16 && is_nan(a->bytes + k, step) && is_nan(b->bytes + k, step))
      continue;
    if (memcmp(a->bytes + k, b->bytes + k, step))
      return false;
  }
  return memcmp(a->bytes + end, b->bytes + end, 16 - end) == 0;
}

bool nan_is_open(Op op, unsigned *lanes)
{
  const char *s = zw_op_info[op].text;
  *lanes = __builtin_strncmp(s, "f32x4.", 6) == 0 ? 4 : __builtin_strncmp(s, "f64x2.", 6) == 0 ? 8 : 0;
  static const char *const exact[] = { "abs", "neg", "copysign", "reinterpret", "splat", "replace", "extract", "pmin", "pmax" };
  for (unsigned k = 0; k < ARRAY_COUNT(exact); k++)
    if (__builtin_strstr(s, exact[k]))
      return false;
  return s[0] == 'f';
}
