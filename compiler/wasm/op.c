// The instruction table as data: facts by op, op by code, op by mnemonic.  All of it is ops.def expanded.
#include "compiler/wasm/op.h"
#include <string.h>

// A signature that has no line here fails to compile, so a typo in a row never reaches a test.
#define I VK_I32
#define L VK_I64
#define F VK_F32
#define D VK_F64
#define V VK_V128
#define A SIG_ADDR
#define X SIG_ANY
// clang-format off
#define SIG_i_i     1, 1, {I}, {I}
#define SIG_i_l     1, 1, {I}, {L}
#define SIG_i_f     1, 1, {I}, {F}
#define SIG_i_d     1, 1, {I}, {D}
#define SIG_i_v     1, 1, {I}, {V}
#define SIG_l_i     1, 1, {L}, {I}
#define SIG_l_l     1, 1, {L}, {L}
#define SIG_l_f     1, 1, {L}, {F}
#define SIG_l_d     1, 1, {L}, {D}
#define SIG_l_v     1, 1, {L}, {V}
#define SIG_f_i     1, 1, {F}, {I}
#define SIG_f_l     1, 1, {F}, {L}
#define SIG_f_f     1, 1, {F}, {F}
#define SIG_f_d     1, 1, {F}, {D}
#define SIG_f_v     1, 1, {F}, {V}
#define SIG_d_i     1, 1, {D}, {I}
#define SIG_d_l     1, 1, {D}, {L}
#define SIG_d_f     1, 1, {D}, {F}
#define SIG_d_d     1, 1, {D}, {D}
#define SIG_d_v     1, 1, {D}, {V}
#define SIG_v_i     1, 1, {V}, {I}
#define SIG_v_l     1, 1, {V}, {L}
#define SIG_v_f     1, 1, {V}, {F}
#define SIG_v_d     1, 1, {V}, {D}
#define SIG_v_v     1, 1, {V}, {V}
#define SIG_ii_i    2, 1, {I, I}, {I}
#define SIG_ll_i    2, 1, {L, L}, {I}
#define SIG_ll_l    2, 1, {L, L}, {L}
#define SIG_ff_i    2, 1, {F, F}, {I}
#define SIG_ff_f    2, 1, {F, F}, {F}
#define SIG_dd_i    2, 1, {D, D}, {I}
#define SIG_dd_d    2, 1, {D, D}, {D}
#define SIG_vi_v    2, 1, {V, I}, {V}
#define SIG_vl_v    2, 1, {V, L}, {V}
#define SIG_vf_v    2, 1, {V, F}, {V}
#define SIG_vd_v    2, 1, {V, D}, {V}
#define SIG_vv_v    2, 1, {V, V}, {V}
#define SIG_vvv_v   3, 1, {V, V, V}, {V}
#define SIG_ll_ll   2, 2, {L, L}, {L, L}
#define SIG_llll_ll 4, 2, {L, L, L, L}, {L, L}
#define SIG_a_i     1, 1, {A}, {I}
#define SIG_a_l     1, 1, {A}, {L}
#define SIG_a_f     1, 1, {A}, {F}
#define SIG_a_d     1, 1, {A}, {D}
#define SIG_a_v     1, 1, {A}, {V}
#define SIG_ai_z    2, 0, {A, I}, {0}
#define SIG_al_z    2, 0, {A, L}, {0}
#define SIG_af_z    2, 0, {A, F}, {0}
#define SIG_ad_z    2, 0, {A, D}, {0}
#define SIG_av_z    2, 0, {A, V}, {0}
#define SIG_av_v    2, 1, {A, V}, {V}
#define SIG_ai_i    2, 1, {A, I}, {I}
#define SIG_al_l    2, 1, {A, L}, {L}
#define SIG_aii_i   3, 1, {A, I, I}, {I}
#define SIG_ail_i   3, 1, {A, I, L}, {I}
#define SIG_all_i   3, 1, {A, L, L}, {I}
#define SIG_all_l   3, 1, {A, L, L}, {L}
// for ZIR rows
#define SIG_z_z     0, 0, {0}, {0}
#define SIG_z_x     0, 1, {0}, {X}
#define SIG_x_z     1, 0, {X}, {0}
#define SIG_x_x     1, 1, {X}, {X}
#define SIG_xxi_x   3, 1, {X, X, I}, {X}
#define SIG_i_z     1, 0, {I}, {0}
#define SIG_z_l     0, 1, {0}, {L}
#define SIG_l_x     1, 1, {L}, {X}
#define SIG_lx_z    2, 0, {L, X}, {0}
#define SIG_li_z    2, 0, {L, I}, {0}
#define SIG_ll_x    2, 1, {L, L}, {X}
#define SIG_llx_z   3, 0, {L, L, X}, {0}
#define SIG_lli_x   3, 1, {L, L, I}, {X}
#define SIG_llix_z  4, 0, {L, L, I, X}, {0}

#define OP(n) (n)
#define FB(n) (0xfb0000 | (n))
#define FC(n) (0xfc0000 | (n))
#define FD(n) (0xfd0000 | (n))
#define FE(n) (0xfe0000 | (n))
#define ATOMIC_IF(code) ((code) >> 16 == 0xfe ? OPF_ATOMIC : 0)

const OpInfo zw_op_info[OP_COUNT] = {
#define NUM(id, text, code, sig, feature, flags) \
  { #id, text, code, OPK_NUM, OPF_##flags == OPF_LANEIMM ? IMM_LANE : IMM_NONE, FEAT_##feature, 0, OPF_PURE | OPF_##flags, SIG_##sig },
#define TNUM(id, text, code, sig, feature, flags) \
  { #id, text, code, OPK_TNUM, IMM_NONE, FEAT_##feature, 0, OPF_TRAPS | OPF_##flags, SIG_##sig },
#define MEM(id, text, code, sig, feature, width, flags) \
  { #id, text, code, OPK_MEM, IMM_MEMARG, FEAT_##feature, width, OPF_TRAPS | OPF_##flags | ATOMIC_IF(code), SIG_##sig },
#define LANE(id, text, code, sig, feature, width, flags) \
  { #id, text, code, OPK_LANE, IMM_MEMARG_LANE, FEAT_##feature, width, OPF_TRAPS | OPF_##flags, SIG_##sig },
#define WASM(id, text, code, imm, feature) \
  { #id, text, code, OPK_WASM, IMM_##imm, FEAT_##feature, 0, ATOMIC_IF(code), 0, 0, {0}, {0} },
#define ZIR(id, text, sig, flags) \
  { #id, text, 0xffffffff, OPK_ZIR, IMM_NONE, FEAT_CORE, 0, flags, SIG_##sig },
#include "compiler/wasm/ops.def"
};

// Op by code.  The pages lie one after the other in one table; entries hold op + 1, so 0 is "no such code".
enum { PAGE_FB = 0, SIZE_FB = 32, PAGE_FC = PAGE_FB + SIZE_FB, SIZE_FC = 32, PAGE_FD = PAGE_FC + SIZE_FC, SIZE_FD = 0x120,
       PAGE_FE = PAGE_FD + SIZE_FD, SIZE_FE = 0x50, PAGE_OTHER = PAGE_FE + SIZE_FE, PAGED };
#undef OP
#undef FB
#undef FC
#undef FD
#undef FE
#define NUM(id, text, code, sig, feature, flags) [code] = OP_##id + 1,
#define TNUM(id, text, code, sig, feature, flags) [code] = OP_##id + 1,
#define MEM(id, text, code, sig, feature, width, flags) [code] = OP_##id + 1,
#define LANE(id, text, code, sig, feature, width, flags) [code] = OP_##id + 1,
#define WASM(id, text, code, imm, feature) [code] = OP_##id + 1,
// One-byte codes all land on PAGE_OTHER here, and paged ones on 0xff in the table below: both are overwritten
// at the end, so the warning about that has nothing to say.
#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#define OP(n) PAGE_OTHER
#define FB(n) PAGE_FB + (n)
#define FC(n) PAGE_FC + (n)
#define FD(n) PAGE_FD + (n)
#define FE(n) PAGE_FE + (n)
static const uint16_t op_by_paged_code[PAGED] = {
#include "compiler/wasm/ops.def"
  [PAGE_OTHER] = 0,
};
#undef OP
#undef FB
#undef FC
#undef FD
#undef FE
#define OP(n) n
#define FB(n) 0xff
#define FC(n) 0xff
#define FD(n) 0xff
#define FE(n) 0xff
#define NUM(id, text, code, sig, feature, flags) [code] = OP_##id,
#define TNUM(id, text, code, sig, feature, flags) [code] = OP_##id,
#define MEM(id, text, code, sig, feature, width, flags) [code] = OP_##id,
#define LANE(id, text, code, sig, feature, width, flags) [code] = OP_##id,
#define WASM(id, text, code, imm, feature) [code] = OP_##id,
const uint16_t zw_op_one_byte[256] = {
  [0 ... 255] = OP_COUNT,
#include "compiler/wasm/ops.def"
  [0xff] = OP_COUNT,
};
#pragma GCC diagnostic pop

const FeatureInfo zw_feature_info[FEAT_COUNT] = {
#define FEATURE(id, text, in_version, default_on) { text, in_version, default_on },
#include "compiler/wasm/feature.def"
};
// clang-format on
STATIC_ASSERT(OP_COUNT < 0xffff, "ops fit in 16 bits");
STATIC_ASSERT(FEAT_COUNT <= 64, "feature sets are 64 bits");

Op zw_op_from_code(uint32_t page, uint32_t number)
{
  uint32_t base, size;
  switch (page) {
  case 0: return number < 256 ? (Op)zw_op_one_byte[number] : OP_COUNT;
  case 0xfb: base = PAGE_FB, size = SIZE_FB; break;
  case 0xfc: base = PAGE_FC, size = SIZE_FC; break;
  case 0xfd: base = PAGE_FD, size = SIZE_FD; break;
  case 0xfe: base = PAGE_FE, size = SIZE_FE; break;
  default: return OP_COUNT;
  }
  uint32_t op = number < size ? op_by_paged_code[base + number] : 0;
  return op ? (Op)(op - 1) : OP_COUNT;
}

// Mnemonics: open addressing, filled by the first caller.  Entries hold op + 1.  Two threads that fill it
// at once write the same values: an op's slot depends only on the ops before it, which each of them has
// placed itself, so no lock is needed.
enum { TEXT_SLOTS = 4096 };
static uint16_t op_by_text[TEXT_SLOTS];
static bool op_by_text_ready;
STATIC_ASSERT(OP_COUNT * 3 < TEXT_SLOTS * 2, "the mnemonic table stays sparse");

static uint32_t hash_text(const char *s, size_t n)
{
  uint32_t h = 0x811c9dc5; // FNV-1a
  for (size_t i = 0; i < n; i++)
    h = (h ^ (uint8_t)s[i]) * 0x01000193;
  return (h ^ h >> 15) % TEXT_SLOTS;
}

static bool has_text(Op op, const char *s, size_t n)
{
  const char *t = zw_op_info[op].text;
  return strlen(t) == n && memcmp(t, s, n) == 0;
}

static void fill_op_by_text(void)
{
  for (uint32_t op = 0; op < OP_COUNT; op++) {
    const char *t = zw_op_info[op].text;
    size_t n = strlen(t);
    for (uint32_t h = hash_text(t, n);; h = (h + 1) % TEXT_SLOTS) {
      uint32_t there = __atomic_load_n(&op_by_text[h], __ATOMIC_RELAXED);
      if (there == 0)
        __atomic_store_n(&op_by_text[h], (uint16_t)(op + 1), __ATOMIC_RELAXED);
      if (there == 0 || has_text((Op)(there - 1), t, n)) // the first row of a shared text stays
        break;
    }
  }
  __atomic_store_n(&op_by_text_ready, true, __ATOMIC_RELEASE);
}

Op zw_op_from_text(const char *s, size_t n)
{
  if (!__atomic_load_n(&op_by_text_ready, __ATOMIC_ACQUIRE))
    fill_op_by_text();
  for (uint32_t h = hash_text(s, n);; h = (h + 1) % TEXT_SLOTS) {
    uint32_t there = __atomic_load_n(&op_by_text[h], __ATOMIC_RELAXED);
    if (there == 0)
      return OP_COUNT;
    if (has_text((Op)(there - 1), s, n))
      return (Op)(there - 1);
  }
}
