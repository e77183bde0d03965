// Every NUM and TNUM row has a meaning of exactly the type that its sig says; compiling this file is the test.
#include "compiler/wasm/op.h"
#include "runtime/abi/num_simd.h"

#define I uint32_t
#define L uint64_t
#define F float
#define D double
#define V V128
// FN_<sig>(extra): the function type; `extra` is `, TrapKind *` or the lane or nothing.
#define FN_i_i I, (I
#define FN_l_i I, (L
#define FN_f_i I, (F
#define FN_d_i I, (D
#define FN_v_i I, (V
#define FN_ii_i I, (I, I
#define FN_ll_i I, (L, L
#define FN_ff_i I, (F, F
#define FN_dd_i I, (D, D
#define FN_i_l L, (I
#define FN_l_l L, (L
#define FN_f_l L, (F
#define FN_d_l L, (D
#define FN_v_l L, (V
#define FN_ll_l L, (L, L
#define FN_i_f F, (I
#define FN_l_f F, (L
#define FN_f_f F, (F
#define FN_d_f F, (D
#define FN_v_f F, (V
#define FN_ff_f F, (F, F
#define FN_i_d D, (I
#define FN_l_d D, (L
#define FN_f_d D, (F
#define FN_d_d D, (D
#define FN_v_d D, (V
#define FN_dd_d D, (D, D
#define FN_i_v V, (I
#define FN_l_v V, (L
#define FN_f_v V, (F
#define FN_d_v V, (D
#define FN_v_v V, (V
#define FN_vv_v V, (V, V
#define FN_vvv_v V, (V, V, V
#define FN_vi_v V, (V, I
#define FN_vl_v V, (V, L
#define FN_vf_v V, (V, F
#define FN_vd_v V, (V, D
#define FN_ll_ll L, (L, L, L *
#define FN_llll_ll L, (L, L, L, L, L *
#define EXTRA_0 )
#define EXTRA_COMM )
#define EXTRA_LANEIMM , uint32_t)
#define ROW2(id, ret, params) extern ret (*const row_##id) params; ret (*const row_##id) params = num_##id;
#define ROW1(id, ...) ROW2(id, __VA_ARGS__)
#define NUM(id, text, code, sig, feature, flags) ROW1(id, FN_##sig EXTRA_##flags)
#define TNUM(id, text, code, sig, feature, flags) ROW1(id, FN_##sig, TrapKind *))
#include "compiler/wasm/ops.def"
