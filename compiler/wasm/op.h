// The instruction table: ops.def expanded to an enum and facts.  Everything about an instruction that
// is not code generation comes from its row.
//
//   /*    id            text               code       sig    feature    flags */
//   NUM ( i32_add,      "i32.add",         OP(0x6a),  ii_i,  CORE,      COMM )     values in, value out
//   TNUM( i32_div_s,    "i32.div_s",       OP(0x6d),  ii_i,  CORE,      0    )     the same, may trap
//   MEM ( i64_load8_u,  "i64.load8_u",     OP(0x31),  a_l,   CORE, 1, LOAD )       memarg: width in bytes, LOAD/STORE/RMW/CMPXCHG/WAIT/NOTIFY
//   LANE( v128_load8_lane, ...,            FD(84),    av_v,  SIMD, 1, LOAD )       memarg + lane
//   WASM( local_get,    "local.get",       OP(0x20),  LOCAL, CORE )               immediate kind; hand-written typing
//   ZIR ( copy,         "copy",            x_x,       flags )                      ZIR only, never in a .wasm file
// code: OP(byte), FB(n) GC page, FC(n), FD(n) SIMD page, FE(n) atomics page; n is the LEB u32 after the prefix.
// sig: operands _ results; i=i32 l=i64 f=f32 d=f64 v=v128 a=address type of the memory, z=nothing.
// Rows with two results: only the four of wide arithmetic (sig llll_ll, ll_ll).
// Two forms of one mnemonic that the text tells apart by their immediates share it: select and select_t,
// ref_test and ref_test_null, ref_cast and ref_cast_null; zw_op_from_text gives the first.
// SIMD rows with a lane immediate and no memory (extract/replace) are NUM rows with flag LANEIMM; i8x16.shuffle is WASM.
#pragma once
#include "runtime/abi/value.h"
#include "runtime/base/assert.h"

typedef enum Op {
#define NUM(id, text, code, sig, feature, flags) OP_##id,
#define TNUM(id, text, code, sig, feature, flags) OP_##id,
#define MEM(id, text, code, sig, feature, width, flags) OP_##id,
#define LANE(id, text, code, sig, feature, width, flags) OP_##id,
#define WASM(id, text, code, imm, feature) OP_##id,
#define ZIR(id, text, sig, flags) OP_##id,
#include "compiler/wasm/ops.def"
  OP_COUNT
} Op;

typedef enum OpKind { OPK_NUM, OPK_TNUM, OPK_MEM, OPK_LANE, OPK_WASM, OPK_ZIR } OpKind;

typedef enum Feature {
#define FEATURE(id, text, in_version, default_on) FEAT_##id,
#include "compiler/wasm/feature.def"
  FEAT_COUNT
} Feature;

// What follows the opcode of a WASM row.
typedef enum Imm {
  IMM_NONE, IMM_BLOCK, IMM_LABEL, IMM_BR_TABLE, IMM_FUNC, IMM_CALL_INDIRECT, IMM_TYPE, IMM_LOCAL, IMM_GLOBAL, IMM_TABLE,
  IMM_MEMORY, IMM_I32, IMM_I64, IMM_F32, IMM_F64, IMM_V128, IMM_SHUFFLE, IMM_LANE, IMM_MEMARG, IMM_MEMARG_LANE,
  IMM_DATA, IMM_ELEM, IMM_DATA_MEMORY, IMM_ELEM_TABLE, IMM_MEMORY2, IMM_TABLE2, IMM_SELECT_T, IMM_HEAPTYPE, IMM_REFTYPE_CAST,
  IMM_BR_CAST, IMM_TYPE_FIELD, IMM_TYPE_N, IMM_TYPE_DATA, IMM_TYPE_ELEM, IMM_TYPE2, IMM_TAG, IMM_TRY_TABLE,
  IMM_FENCE, IMM_COUNT
} Imm;

enum { // OpInfo.flags; rows write the name after OPF_, or 0
  OPF_0 = 0,
  OPF_COMM = 1,      // commutative
  OPF_LANEIMM = 2,   // a lane byte follows
  OPF_LOAD = 4, OPF_STORE = 8, OPF_RMW = 16, OPF_CMPXCHG = 32, OPF_WAIT = 64, OPF_NOTIFY = 128,
  OPF_ATOMIC = 256,  // set for the whole FE page
  OPF_TRAPS = 512,   // set for TNUM, MEM, LANE
  OPF_PURE = 1024,   // set for NUM; ZIR rows say it themselves
  OPF_EFFECT = 2048, // ZIR rows: must stay, in order
  OPF_TERM = 4096,   // ZIR rows: ends a block
};
typedef struct OpInfo {
  const char *id, *text;
  uint32_t code;        // prefix << 16 | number: 0x6a, 0xfd0054; ZIR rows 0xffffffff
  uint8_t kind;         // OpKind
  uint8_t imm;          // Imm; MEMARG, MEMARG_LANE, LANE derived for MEM, LANE and LANEIMM rows
  uint8_t feature;      // Feature
  uint8_t width;        // bytes accessed, MEM and LANE rows
  uint16_t flags;
  uint8_t nin, nout;    // of sig; WASM rows 0
  uint8_t in[4], out[2];// ValKind, or SIG_ADDR for the address type
} OpInfo;
enum { SIG_ADDR = 0x40, SIG_ANY = 0x41 };
extern const OpInfo zw_op_info[OP_COUNT];

// The op of a code, or OP_COUNT.  page: 0, 0xfb, 0xfc, 0xfd, 0xfe.
Op zw_op_from_code(uint32_t page, uint32_t number);
Op zw_op_from_text(const char *s, size_t n);  // OP_COUNT when unknown; ZIR rows too
typedef struct FeatureInfo { const char *name; const char *version; bool on_by_default; } FeatureInfo;
extern const FeatureInfo zw_feature_info[FEAT_COUNT];
