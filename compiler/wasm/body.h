// Reading instructions.  Two readers: Reader checks every byte (decode, check); the bare functions trust
// a body that check has accepted (build, printer, interpreter).
#pragma once
#include "compiler/wasm/module.h"
#include "runtime/base/leb.h"

typedef struct Reader { Ctx *ctx; const uint8_t *p, *end, *base; uint64_t base_at; /* file offset of base */ } Reader;
static inline uint64_t zw_read_pos(const Reader *r) { return r->base_at + (uint64_t)(r->p - r->base); }
uint8_t zw_read_u8(Reader *r);
uint32_t zw_read_long_u32(Reader *r);
static inline uint32_t zw_read_u32(Reader *r)
{
  return __builtin_expect(r->p != r->end && *r->p < 0x80, 1) ? *r->p++ : zw_read_long_u32(r);
}
uint64_t zw_read_u64(Reader *r);
int32_t zw_read_s32(Reader *r);
int64_t zw_read_s33(Reader *r);
int64_t zw_read_s64(Reader *r);
const uint8_t *zw_read_bytes(Reader *r, uint64_t n);
Op zw_read_op(Reader *r);                 // "illegal opcode" when there is none
_Noreturn void zw_read_end(const Reader *r); // input ends too early, at r->p
// Types; the type indices in them are below m->ntypes (in the type section: below the end of the group being read).
ValType zw_read_valtype(Reader *r, Module *m);
ValType zw_read_reftype(Reader *r, Module *m);
uint32_t zw_read_heaptype(Reader *r, Module *m);
void zw_need(Ctx *c, Module *m, Feature f, uint64_t at); // note its use; fail when it is off
// Step over an initializer expression with its `end`: well-formed, not yet valid.
ConstExpr zw_read_const_expr(Reader *r, Module *m);

// Trusted forms: the bytes have been validated.
static inline uint32_t zw_fast_u32(const uint8_t **p)
{
  uint32_t v = *(*p)++;
  if (v < 0x80)
    return v;
  v &= 0x7f;
  for (unsigned shift = 7;; shift += 7) {
    uint32_t b = *(*p)++;
    v |= (b & 0x7f) << shift;
    if (b < 0x80)
      return v;
  }
}
uint64_t zw_fast_u64(const uint8_t **p);
int32_t zw_fast_s32(const uint8_t **p);
int64_t zw_fast_s64(const uint8_t **p);   // also s33
static inline Op zw_fast_op(const uint8_t **p, const uint16_t one_byte[256])
{
  Op op = (Op)one_byte[*(*p)++];
  if (__builtin_expect(op != OP_COUNT, 1))
    return op;
  uint32_t page = (*p)[-1]; // before the next read moves p
  return zw_op_from_code(page, zw_fast_u32(p));
}
extern const uint16_t zw_op_one_byte[256]; // Op of a one-byte code; OP_COUNT for prefixes and unknown codes

enum { MEMARG_HAS_MEMORY = 0x40 }; // in the alignment field: a memory index follows
enum { CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF, CATCH_KINDS }; // clause kinds of try_table
typedef struct MemArg { uint32_t align_log2; uint32_t memory; uint64_t offset; } MemArg;
MemArg zw_fast_memarg(const uint8_t **p);
// Step over the immediates of op (trusted).
void zw_skip_imm(const uint8_t **p, Op op);
// A block type: params and results of a structured instruction.  Trusted; results of the short form point to static or
// module storage.
typedef struct BlockType { uint32_t nparams, nresults; const ValType *params, *results; } BlockType;
BlockType zw_fast_blocktype(const Module *m, const uint8_t **p);
ValType zw_fast_valtype(const uint8_t **p);
uint32_t zw_fast_heaptype(const uint8_t **p);
// Locals of a function, parameters included.  code, if not NULL: where its instructions start (NULL for an import).
uint64_t zw_count_locals(const Module *m, uint32_t func, const uint8_t **code);

uint32_t zw_heap_from_s33(int64_t v);     // HEAP_BOT: not a heap type
ValType zw_valtype_from_byte(uint8_t b);  // the one-byte forms; VT_BOT: not one
const ValType *zw_one_valtype(const Module *m, ValType t); // t in storage that lives as long as m
