// What the files of this room share.
#pragma once
#include "compiler/zir/zir.h"

// The text form of an op: which fields are Refs and what the raw ones mean.  ORDER zir-forms: text.c, parse.c.
typedef enum ZForm {
  ZF_NONE,
  ZF_REFS,      // all operands are Refs in a, b, c
  ZF_LANE,      // refs, then c = lane
  ZF_LOAD, ZF_STORE, ZF_CMPXCHG, // c = offset, fl = memory
  ZF_LANEMEM,   // xa[a..a+2) refs, xa[a+2] = lane, c = offset, fl = memory
  ZF_SHUFFLE,   // a, b refs; c = xa position of two pool indices
  ZF_PARAM,     // a = index
  ZF_PHI,
  ZF_RESULT,    // a = call, b = index
  ZF_VM_LOAD,   // a = offset, fl = alias
  ZF_VM_STORE,  // a = offset, b ref, fl = alias
  ZF_OFFSET,    // a = offset
  ZF_PTR_LOAD,  // a ref, c = offset, fl = alias
  ZF_PTR_STORE, // a, b refs, c = offset, fl = alias
  ZF_GC_NEW,    // a ref, b = bytes, c = type
  ZF_GC_LOAD,   // a, b refs, c = offset, fl = how
  ZF_GC_STORE,  // xa[a..a+3) refs, c = offset, fl = how
  ZF_GC_ELEM,   // a, b, c refs, fl = how
  ZF_GC_PUT,    // xa[a..a+4) refs, fl = how
  ZF_TRAPIF,    // a ref, c = TrapKind
  ZF_CALL,      // xa range, c = function
  ZF_CALL_ELEM, // xa range, last = element; c = type
  ZF_LIB,       // xa range, c = LibcallId
  ZF_CATCH,     // b = index
  ZF_JMP, ZF_BR, ZF_SWITCH, // a = condition or index; edges of the block
  ZF_RET,       // xa range
  ZF_TRAP,      // c = TrapKind
  ZF_TCALL, ZF_TCALL_ELEM, ZF_THROW, // as the calls; c = tag
} ZForm;

extern const char *const zw_zir_alias_name[AL_COUNT];
extern const char *const zw_zir_kind_name[VK_COUNT];
extern const char *const zw_zir_trap_name[TRAP_COUNT];   // "oob"
extern const char *const zw_zir_lib_name[LIB_COUNT];
extern const char zw_zir_lib_result[LIB_COUNT];          // letter of its result: z i l f

// Constants that need no pool.
enum { INLINE_MAX = (1 << 27) - 1, INLINE_MIN = -(1 << 27) };
static inline bool zw_fits_inline(int64_t v) { return v >= INLINE_MIN && v <= INLINE_MAX; }
static inline Ref zw_inline_const(uint32_t type, int32_t payload) { return REF_CONST | type << 28 | ((uint32_t)payload & 0x0fffffff); }

// For f->ins and the arrays parallel to it: room for `want` instructions.
void zw_zir_reserve(ZirFunc *f, uint32_t want);
// v is made at the end of the entry of that loop, behind what is there already.
void zw_zir_hoist(ZirFunc *f, uint32_t v, uint32_t loop);
// op on constants; false when it traps, gives a NaN or is not a scalar instruction with one result.
bool zw_zir_eval(Op op, const uint64_t in[2], uint64_t *out);
