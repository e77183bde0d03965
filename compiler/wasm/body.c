// Reading integers and immediates, checked (Reader) and trusted (zw_fast_*).
#include "compiler/wasm/body.h"

_Noreturn void zw_read_end(const Reader *r)
{
  // The suite tells a file that ends in a section from one that ends between sections.
  zw_fail(r->ctx, ERR_unexpected_end_in, zw_read_pos(r), NULL);
}

uint8_t zw_read_u8(Reader *r)
{
  if (r->p == r->end)
    zw_read_end(r);
  return *r->p++;
}

static void check_leb(const Reader *r, LebStatus s)
{
  switch (s) {
  case LEB_OK: return;
  case LEB_TRUNCATED: zw_read_end(r);
  case LEB_TOO_LONG: zw_fail(r->ctx, ERR_int_too_long, zw_read_pos(r), NULL);
  case LEB_TOO_LARGE: zw_fail(r->ctx, ERR_int_too_large, zw_read_pos(r), NULL);
  }
}

uint32_t zw_read_long_u32(Reader *r)
{
  const uint8_t *p = r->p;
  if (r->end - p >= 4) { // what fits 28 bits and is not cut off needs no test of unused bits
    uint32_t x = p[0] & 0x7f;
    for (unsigned i = 1; i < 4; i++) {
      x |= (uint32_t)(p[i] & 0x7f) << (7 * i);
      if (p[i] < 0x80) {
        r->p = p + i + 1;
        return x;
      }
    }
    if (r->end - p >= 5 && p[4] < 16) { // as linkers pad what they may still change
      r->p = p + 5;
      return x | (uint32_t)p[4] << 28;
    }
  }
  uint64_t v;
  check_leb(r, zw_leb_read_u(&r->p, r->end, 32, &v));
  return (uint32_t)v;
}

uint64_t zw_read_u64(Reader *r)
{
  uint64_t v;
  check_leb(r, zw_leb_read_u(&r->p, r->end, 64, &v));
  return v;
}

static int64_t read_s(Reader *r, unsigned bits)
{
  int64_t v;
  check_leb(r, zw_leb_read_s(&r->p, r->end, bits, &v));
  return v;
}
int32_t zw_read_s32(Reader *r) { return (int32_t)read_s(r, 32); }
int64_t zw_read_s33(Reader *r) { return read_s(r, 33); }
int64_t zw_read_s64(Reader *r) { return read_s(r, 64); }

const uint8_t *zw_read_bytes(Reader *r, uint64_t n)
{
  if ((uint64_t)(r->end - r->p) < n)
    zw_read_end(r);
  const uint8_t *p = r->p;
  r->p += n;
  return p;
}

Op zw_read_op(Reader *r)
{
  uint8_t b = zw_read_u8(r);
  Op op = (Op)zw_op_one_byte[b];
  if (op != OP_COUNT)
    return op;
  if (b < 0xfb || b > 0xfe)
    zw_fail(r->ctx, ERR_malformed, zw_read_pos(r) - 1, "illegal opcode %02x", b);
  uint32_t n = zw_read_u32(r);
  op = zw_op_from_code(b, n);
  if (op == OP_COUNT)
    zw_fail(r->ctx, ERR_malformed, zw_read_pos(r) - 1, "illegal opcode %02x %02x", b, n);
  return op;
}

// ---- trusted ----

uint64_t zw_fast_u64(const uint8_t **p)
{
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint64_t b = *(*p)++;
    v |= (b & 0x7f) << shift;
    if (b < 0x80)
      return v;
  }
}

int64_t zw_fast_s64(const uint8_t **p)
{
  uint64_t v = 0;
  for (unsigned shift = 0;;) {
    uint64_t b = *(*p)++;
    v |= (b & 0x7f) << shift;
    shift += 7;
    if (b >= 0x80)
      continue;
    if (shift < 64 && (b & 0x40))
      v |= ~(uint64_t)0 << shift;
    return (int64_t)v;
  }
}

int32_t zw_fast_s32(const uint8_t **p) { return (int32_t)zw_fast_s64(p); }

static void skip_leb(const uint8_t **p)
{
  while (*(*p)++ >= 0x80) {
  }
}

MemArg zw_fast_memarg(const uint8_t **p)
{
  MemArg a = { .align_log2 = zw_fast_u32(p) };
  if (a.align_log2 & MEMARG_HAS_MEMORY) {
    a.align_log2 &= ~MEMARG_HAS_MEMORY;
    a.memory = zw_fast_u32(p);
  }
  a.offset = zw_fast_u64(p);
  return a;
}

static void skip_memarg(const uint8_t **p)
{
  if (zw_fast_u32(p) & MEMARG_HAS_MEMORY)
    skip_leb(p);
  skip_leb(p);
}

// 0x63 and 0x64 are followed by a heap type, every other value type is one byte (type indices as heap types are LEBs).
static void skip_valtype(const uint8_t **p)
{
  uint8_t b = *(*p)++;
  if (b == 0x63 || b == 0x64)
    skip_leb(p);
}

static void skip_blocktype(const uint8_t **p)
{
  if (**p == 0x63 || **p == 0x64)
    skip_valtype(p);
  else
    skip_leb(p);
}

static void skip_try_table(const uint8_t **p)
{
  skip_blocktype(p);
  for (uint32_t n = zw_fast_u32(p); n; n--) {
    if (*(*p)++ < CATCH_ALL)
      skip_leb(p);
    skip_leb(p);
  }
}

void zw_skip_imm(const uint8_t **p, Op op)
{
  switch ((Imm)zw_op_info[op].imm) {
  case IMM_NONE: return;
  case IMM_BLOCK: skip_blocktype(p); return;
  case IMM_BR_TABLE:
    for (uint32_t n = zw_fast_u32(p) + 1; n; n--)
      skip_leb(p);
    return;
  case IMM_LABEL: case IMM_FUNC: case IMM_TYPE: case IMM_LOCAL: case IMM_GLOBAL: case IMM_TABLE: case IMM_MEMORY:
  case IMM_I32: case IMM_I64: case IMM_DATA: case IMM_ELEM: case IMM_HEAPTYPE: case IMM_TAG: case IMM_REFTYPE_CAST:
    skip_leb(p);
    return;
  case IMM_CALL_INDIRECT: case IMM_DATA_MEMORY: case IMM_ELEM_TABLE: case IMM_MEMORY2: case IMM_TABLE2:
  case IMM_TYPE_FIELD: case IMM_TYPE_N: case IMM_TYPE_DATA: case IMM_TYPE_ELEM: case IMM_TYPE2:
    skip_leb(p);
    skip_leb(p);
    return;
  case IMM_F32: *p += 4; return;
  case IMM_F64: *p += 8; return;
  case IMM_V128: case IMM_SHUFFLE: *p += 16; return;
  case IMM_LANE: case IMM_FENCE: *p += 1; return;
  case IMM_MEMARG: skip_memarg(p); return;
  case IMM_MEMARG_LANE:
    skip_memarg(p);
    *p += 1;
    return;
  case IMM_SELECT_T:
    for (uint32_t n = zw_fast_u32(p); n; n--)
      skip_valtype(p);
    return;
  case IMM_BR_CAST: // flags, label, two heap types
    *p += 1;
    skip_leb(p);
    skip_leb(p);
    skip_leb(p);
    return;
  case IMM_TRY_TABLE: skip_try_table(p); return;
  case IMM_COUNT: break;
  }
  BUG("no immediate of kind %u", zw_op_info[op].imm);
}

static const ValType *one_abstract_ref(uint32_t heap, bool nullable)
{
  static const ValType refs[2][HEAP_BOT - HEAP_ABSTRACT + 1] = {
#define BOTH(h) [h - HEAP_ABSTRACT] = VT_REF | (h)
    { BOTH(HEAP_FUNC), BOTH(HEAP_NOFUNC), BOTH(HEAP_EXTERN), BOTH(HEAP_NOEXTERN), BOTH(HEAP_ANY), BOTH(HEAP_EQ),
      BOTH(HEAP_I31), BOTH(HEAP_STRUCT), BOTH(HEAP_ARRAY), BOTH(HEAP_NONE), BOTH(HEAP_EXN), BOTH(HEAP_NOEXN) },
#undef BOTH
#define BOTH(h) [h - HEAP_ABSTRACT] = VT_REF | VT_NULL | (h)
    { BOTH(HEAP_FUNC), BOTH(HEAP_NOFUNC), BOTH(HEAP_EXTERN), BOTH(HEAP_NOEXTERN), BOTH(HEAP_ANY), BOTH(HEAP_EQ),
      BOTH(HEAP_I31), BOTH(HEAP_STRUCT), BOTH(HEAP_ARRAY), BOTH(HEAP_NONE), BOTH(HEAP_EXN), BOTH(HEAP_NOEXN) },
#undef BOTH
  };
  return &refs[nullable][heap - HEAP_ABSTRACT];
}

const ValType *zw_one_valtype(const Module *m, ValType t)
{
  static const ValType plain[] = { VT_I32, VT_I64, VT_F32, VT_F64, VT_V128, VT_BOT };
  if (!zw_is_ref(t))
    return &plain[t];
  if (zw_heap_type(t) >= HEAP_ABSTRACT)
    return one_abstract_ref(zw_heap_type(t), zw_is_nullable(t));
  return &m->self_refs[2 * (size_t)zw_heap_type(t) + zw_is_nullable(t)];
}

uint32_t zw_heap_from_s33(int64_t v)
{
  switch (v) {
  case -0x0c: return HEAP_NOEXN;
  case -0x0d: return HEAP_NOFUNC;
  case -0x0e: return HEAP_NOEXTERN;
  case -0x0f: return HEAP_NONE;
  case -0x10: return HEAP_FUNC;
  case -0x11: return HEAP_EXTERN;
  case -0x12: return HEAP_ANY;
  case -0x13: return HEAP_EQ;
  case -0x14: return HEAP_I31;
  case -0x15: return HEAP_STRUCT;
  case -0x16: return HEAP_ARRAY;
  case -0x17: return HEAP_EXN;
  default: return v >= 0 && v < LIMIT_TYPES ? (uint32_t)v : HEAP_BOT;
  }
}

ValType zw_valtype_from_byte(uint8_t b)
{
  switch (b) {
  case 0x7f: return VT_I32;
  case 0x7e: return VT_I64;
  case 0x7d: return VT_F32;
  case 0x7c: return VT_F64;
  case 0x7b: return VT_V128;
  default: {
    uint32_t h = b >= 0x40 && b < 0x80 ? zw_heap_from_s33((int64_t)b - 0x80) : HEAP_BOT;
    return h == HEAP_BOT ? VT_BOT : VT_REF | VT_NULL | h;
  }
  }
}

uint32_t zw_fast_heaptype(const uint8_t **p) { return zw_heap_from_s33(zw_fast_s64(p)); }

ValType zw_fast_valtype(const uint8_t **p)
{
  uint8_t b = *(*p)++;
  if (b == 0x63 || b == 0x64) // (ref null ht), (ref ht)
    return VT_REF | (b == 0x63 ? VT_NULL : 0) | zw_fast_heaptype(p);
  return zw_valtype_from_byte(b);
}

BlockType zw_fast_blocktype(const Module *m, const uint8_t **p)
{
  uint8_t b = **p;
  if (b == 0x40) {
    ++*p;
    return (BlockType){ 0, 0, NULL, NULL };
  }
  if (b == 0x63 || b == 0x64 || (b > 0x40 && b < 0x80))
    return (BlockType){ 0, 1, NULL, zw_one_valtype(m, zw_fast_valtype(p)) };
  const FuncType *f = m->types[zw_fast_s64(p)].func;
  return (BlockType){ f->nparams, f->nresults, f->params, f->results };
}

uint64_t zw_count_locals(const Module *m, uint32_t func, const uint8_t **code)
{
  const Func *f = &m->funcs[func];
  uint64_t n = m->types[f->type].func->nparams;
  const uint8_t *p = NULL;
  if (f->import == UINT32_MAX) {
    p = f->body;
    for (uint32_t groups = zw_fast_u32(&p); groups; groups--) {
      n += zw_fast_u32(&p);
      zw_fast_valtype(&p);
    }
  }
  if (code)
    *code = p;
  return n;
}
