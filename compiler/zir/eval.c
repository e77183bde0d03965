// Constant operands to a constant result, through num.h: the same functions that the interpreter runs.
#include "compiler/zir/zir_int.h"
#include "runtime/abi/num.h"

#define GET_i(k) (uint32_t)in[k]
#define GET_l(k) in[k]
#define GET_f(k) num_float((uint32_t)in[k])
#define GET_d(k) num_double(in[k])
#define PUT_i(x) return *out = (x), true
#define PUT_l(x) return *out = (x), true
#define PUT_f(x) { float r = (x); *out = num_bits32(r); return r == r; } // which bits a NaN has is the machine's affair
#define PUT_d(x) { double r = (x); *out = num_bits64(r); return r == r; }
#define UN(id, a, r) case OP_##id: PUT_##r(num_##id(GET_##a(0)));
#define BIN(id, a, r) case OP_##id: PUT_##r(num_##id(GET_##a(0), GET_##a(1)));
#define TUN(id, a, r) case OP_##id: *out = num_##id(GET_##a(0), &trap); return trap == TRAP_none;
#define TBIN(id, a, r) case OP_##id: *out = num_##id(GET_##a(0), GET_##a(1), &trap); return trap == TRAP_none;
#define NONE(id)

#define EVAL_i_i(id) UN(id, i, i)
#define EVAL_l_i(id) UN(id, l, i)
#define EVAL_f_i(id) UN(id, f, i)
#define EVAL_d_i(id) UN(id, d, i)
#define EVAL_i_l(id) UN(id, i, l)
#define EVAL_l_l(id) UN(id, l, l)
#define EVAL_f_l(id) UN(id, f, l)
#define EVAL_d_l(id) UN(id, d, l)
#define EVAL_i_f(id) UN(id, i, f)
#define EVAL_l_f(id) UN(id, l, f)
#define EVAL_f_f(id) UN(id, f, f)
#define EVAL_d_f(id) UN(id, d, f)
#define EVAL_i_d(id) UN(id, i, d)
#define EVAL_l_d(id) UN(id, l, d)
#define EVAL_f_d(id) UN(id, f, d)
#define EVAL_d_d(id) UN(id, d, d)
#define EVAL_ii_i(id) BIN(id, i, i)
#define EVAL_ll_i(id) BIN(id, l, i)
#define EVAL_ff_i(id) BIN(id, f, i)
#define EVAL_dd_i(id) BIN(id, d, i)
#define EVAL_ll_l(id) BIN(id, l, l)
#define EVAL_ff_f(id) BIN(id, f, f)
#define EVAL_dd_d(id) BIN(id, d, d)
#define TEVAL_f_i(id) TUN(id, f, i)
#define TEVAL_d_i(id) TUN(id, d, i)
#define TEVAL_f_l(id) TUN(id, f, l)
#define TEVAL_d_l(id) TUN(id, d, l)
#define TEVAL_ii_i(id) TBIN(id, i, i)
#define TEVAL_ll_l(id) TBIN(id, l, l)
// two results, vectors: not here
#define EVAL_ll_ll(id) NONE(id)
#define EVAL_llll_ll(id) NONE(id)
#define EVAL_v_i(id) NONE(id)
#define EVAL_v_l(id) NONE(id)
#define EVAL_v_f(id) NONE(id)
#define EVAL_v_d(id) NONE(id)
#define EVAL_i_v(id) NONE(id)
#define EVAL_l_v(id) NONE(id)
#define EVAL_f_v(id) NONE(id)
#define EVAL_d_v(id) NONE(id)
#define EVAL_v_v(id) NONE(id)
#define EVAL_vi_v(id) NONE(id)
#define EVAL_vl_v(id) NONE(id)
#define EVAL_vf_v(id) NONE(id)
#define EVAL_vd_v(id) NONE(id)
#define EVAL_vv_v(id) NONE(id)
#define EVAL_vvv_v(id) NONE(id)

bool zw_zir_eval(Op op, const uint64_t in[2], uint64_t *out)
{
  TrapKind trap = TRAP_none;
  switch (op) {
    // clang-format off
#define NUM(id, text, code, sig, feature, flags) EVAL_##sig(id)
#define TNUM(id, text, code, sig, feature, flags) TEVAL_##sig(id)
#include "compiler/wasm/ops.def"
  // clang-format on
  default: return false; // most of some five hundred ops
  }
}
