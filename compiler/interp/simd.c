// Page 0xfd: vectors, by one switch whose cases come out of ops.def by their sig.
#include "compiler/interp/run.h"

static inline V128 get(const Value *v)
{
  V128 r;
  memcpy(&r, v, 16);
  return r;
}
static inline void put(Value *v, V128 x) { memcpy(v, &x, 16); }

// ---- loads and stores ----
static V128 load_splat(const uint8_t *p, uint32_t width)
{
  V128 r;
  for (uint32_t i = 0; i < 16; i += width)
    memcpy(r.u8 + i, p, width);
  return r;
}

static V128 load_vector(Op op, const uint8_t *p, uint32_t width)
{
  V128 r = { .u64 = { 0, 0 } };
  memcpy(&r, p, width);
  switch (op) {
  case OP_v128_load8x8_s: return num_i16x8_extend_low_i8x16_s(r);
  case OP_v128_load8x8_u: return num_i16x8_extend_low_i8x16_u(r);
  case OP_v128_load16x4_s: return num_i32x4_extend_low_i16x8_s(r);
  case OP_v128_load16x4_u: return num_i32x4_extend_low_i16x8_u(r);
  case OP_v128_load32x2_s: return num_i64x2_extend_low_i32x4_s(r);
  case OP_v128_load32x2_u: return num_i64x2_extend_low_i32x4_u(r);
  case OP_v128_load8_splat: case OP_v128_load16_splat: case OP_v128_load32_splat: case OP_v128_load64_splat: return load_splat(p, width);
  default: return r; // v128.load, load32_zero, load64_zero
  }
}

static Step access_memory(Interp *I, Frame *fr, Op op, const uint8_t *pc, Value *sp)
{
  const OpInfo *info = &zw_op_info[op];
  bool lane = info->kind == OPK_LANE;
  sp -= info->nin;
  uint8_t *p = zw_interp_address(I, fr, &pc, sp[0].u64, info->width);
  if (!p)
    return (Step){ NULL, NULL };
  uint32_t at = lane ? *pc++ * (uint32_t)info->width : 0;
  if (info->flags & OPF_STORE) {
    memcpy(p, sp[1].bytes + at, info->width);
    return (Step){ pc, sp };
  }
  if (lane) {
    V128 v = get(&sp[1]);
    memcpy(v.u8 + at, p, info->width);
    put(sp, v);
  } else
    put(sp, load_vector(op, p, info->width));
  return (Step){ pc, sp + 1 };
}

// ---- everything else ----
#define SET_v(x) put(&sp[-1], x)
#define SET_i(x) sp[-1].u64 = (x)
#define SET_l(x) sp[-1].u64 = (x)
#define SET_f(x) sp[-1].u64 = num_bits32(x)
#define SET_d(x) sp[-1].f64 = (x)
#define ARG_v(k) get(&sp[-1 + k])
#define ARG_i(k) sp[-1 + k].u32
#define ARG_l(k) sp[-1 + k].u64
#define ARG_f(k) sp[-1 + k].f32
#define ARG_d(k) sp[-1 + k].f64
#define ARGS1(a) ARG_##a(0)
#define ARGS2(a, b) ARG_##a(0), ARG_##b(1)
#define ARGS3(a, b, c) ARG_##a(0), ARG_##b(1), ARG_##c(2)
#define RUN(id, n, set, ...) case OP_##id: sp -= n - 1; SET_##set(num_##id(__VA_ARGS__)); break;
#define LANEARG_0
#define LANEARG_COMM
#define LANEARG_LANEIMM , *pc++
#define RUN_v_v(id, lane) RUN(id, 1, v, ARGS1(v))
#define RUN_v_i(id, lane) RUN(id, 1, i, ARGS1(v) lane)
#define RUN_v_l(id, lane) RUN(id, 1, l, ARGS1(v) lane)
#define RUN_v_f(id, lane) RUN(id, 1, f, ARGS1(v) lane)
#define RUN_v_d(id, lane) RUN(id, 1, d, ARGS1(v) lane)
#define RUN_i_v(id, lane) RUN(id, 1, v, ARGS1(i))
#define RUN_l_v(id, lane) RUN(id, 1, v, ARGS1(l))
#define RUN_f_v(id, lane) RUN(id, 1, v, ARGS1(f))
#define RUN_d_v(id, lane) RUN(id, 1, v, ARGS1(d))
#define RUN_vv_v(id, lane) RUN(id, 2, v, ARGS2(v, v))
#define RUN_vi_v(id, lane) RUN(id, 2, v, ARGS2(v, i) lane)
#define RUN_vl_v(id, lane) RUN(id, 2, v, ARGS2(v, l) lane)
#define RUN_vf_v(id, lane) RUN(id, 2, v, ARGS2(v, f) lane)
#define RUN_vd_v(id, lane) RUN(id, 2, v, ARGS2(v, d) lane)
#define RUN_vvv_v(id, lane) RUN(id, 3, v, ARGS3(v, v, v))
#define PAGE_OP(n) DROP
#define PAGE_FB(n) DROP
#define PAGE_FC(n) DROP
#define PAGE_FD(n) KEEP
#define PAGE_FE(n) DROP
#define KEEP(...) __VA_ARGS__
#define DROP(...)

Step zw_interp_simd(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp)
{
  Op op = zw_op_from_code(0xfd, number);
  switch (op) {
#define NUM(id, text, code, sig, feature, flags) PAGE_##code(RUN_##sig(id, LANEARG_##flags))
#include "compiler/wasm/ops.def"
  case OP_v128_const:
    memcpy(sp++, pc, 16);
    pc += 16;
    break;
  case OP_i8x16_shuffle:
    sp--;
    put(&sp[-1], num_i8x16_shuffle(get(&sp[-1]), get(&sp[0]), pc));
    pc += 16;
    break;
  default: return access_memory(I, fr, op, pc, sp);
  }
  return (Step){ pc, sp };
}
