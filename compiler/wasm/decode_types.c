// The binary format's types: value, composite, table, memory, global and tag types, and where constant expressions end.
#include "compiler/wasm/decode_int.h"

static bool read_flag(Decoder *d, const char *what)
{
  uint64_t at = pos(d);
  uint8_t b = zw_read_u8(&d->r);
  if (b > 1)
    MALFORMED(d, at, "malformed %s", what);
  return b;
}

static void need_heap(Ctx *c, Module *m, uint32_t heap, uint64_t at)
{
  if (heap < HEAP_ABSTRACT) {
    zw_need(c, m, FEAT_FUNC_REF, at);
    return;
  }
  switch (heap) {
  case HEAP_FUNC: case HEAP_EXTERN: zw_need(c, m, FEAT_REF_TYPES, at); return;
  case HEAP_EXN: case HEAP_NOEXN: zw_need(c, m, FEAT_EH, at); return;
  default: zw_need(c, m, FEAT_GC, at);
  }
}

static uint32_t read_heap(Reader *r, Module *m, const char *what)
{
  uint64_t at = zw_read_pos(r);
  int64_t v;
  if (r->p != r->end && *r->p >= 0x40 && *r->p < 0x80)
    v = (int64_t)*r->p++ - 0x80; // abstract ones are a single byte
  else if ((v = zw_read_s33(r)) < 0)
    v = -1; // no heap type
  uint32_t heap = v >= LIMIT_TYPES ? LIMIT_TYPES : zw_heap_from_s33(v);
  if (heap == HEAP_BOT)
    zw_fail(r->ctx, ERR_malformed, at, "malformed %s", what);
  if (heap < HEAP_ABSTRACT && heap >= m->ntypes)
    zw_fail(r->ctx, ERR_invalid, at, "unknown type %lld", (long long)v);
  need_heap(r->ctx, m, heap, at);
  return heap;
}

uint32_t zw_read_heaptype(Reader *r, Module *m) { return read_heap(r, m, "heap type"); }

static ValType read_type(Reader *r, Module *m, const char *what)
{
  uint64_t at = zw_read_pos(r);
  uint8_t b = zw_read_u8(r);
  if (b == 0x63 || b == 0x64) {
    zw_need(r->ctx, m, FEAT_FUNC_REF, at);
    return VT_REF | (b == 0x63 ? VT_NULL : 0) | read_heap(r, m, "heap type");
  }
  ValType t = zw_valtype_from_byte(b);
  if (t == VT_BOT)
    zw_fail(r->ctx, ERR_malformed, at, "malformed %s", what);
  if (t == VT_V128)
    zw_need(r->ctx, m, FEAT_SIMD, at);
  if (zw_is_ref(t))
    need_heap(r->ctx, m, zw_heap_type(t), at);
  return t;
}

ValType zw_read_valtype(Reader *r, Module *m) { return read_type(r, m, "value type"); }

ValType zw_read_reftype(Reader *r, Module *m)
{
  uint64_t at = zw_read_pos(r);
  ValType t = read_type(r, m, "reference type");
  if (!zw_is_ref(t))
    zw_fail(r->ctx, ERR_malformed, at, "malformed reference type");
  return t;
}

static const ValType *read_valtypes(Decoder *d, uint32_t limit, const char *what, uint32_t *count)
{
  uint32_t n = *count = read_limited_count(d, limit, what);
  ValType *t = zw_new_array(d->a, ValType, n);
  for (uint32_t i = 0; i < n; i++)
    t[i] = zw_read_valtype(&d->r, d->m);
  return t;
}

static FieldType read_field(Decoder *d)
{
  FieldType f = { 0 };
  uint8_t b = d->r.p != d->r.end ? *d->r.p : 0;
  if (b == 0x78 || b == 0x77) {
    d->r.p++;
    f.type = b == 0x78 ? VT_I8 : VT_I16;
  } else {
    f.type = read_type(&d->r, d->m, "storage type");
  }
  f.mutable_ = read_flag(d, "mutability");
  return f;
}

static const FuncType *read_functype(Decoder *d)
{
  static const FuncType nothing;
  uint64_t at = pos(d) - 1;
  FuncType t;
  t.params = read_valtypes(d, LIMIT_PARAMS, "parameters", &t.nparams);
  t.results = read_valtypes(d, LIMIT_RESULTS, "results", &t.nresults);
  if (t.nresults > 1)
    zw_need(d->ctx, d->m, FEAT_MULTI_VALUE, at);
  if (!t.nparams && !t.nresults)
    return &nothing;
  FuncType *kept = zw_new(d->a, FuncType);
  *kept = t;
  return kept;
}

static void read_comptype(Decoder *d, TypeDef *t)
{
  uint64_t at = pos(d);
  uint8_t b = zw_read_u8(&d->r);
  switch (b) {
  case 0x60:
    t->kind = COMP_FUNC;
    t->func = read_functype(d);
    return;
  case 0x5f: {
    zw_need(d->ctx, d->m, FEAT_GC, at);
    t->kind = COMP_STRUCT;
    t->nfields = read_limited_count(d, LIMIT_STRUCT_FIELDS, "fields");
    FieldType *f = zw_new_array(d->a, FieldType, t->nfields);
    for (uint32_t i = 0; i < t->nfields; i++)
      f[i] = read_field(d);
    t->fields = f;
    return;
  }
  case 0x5e: {
    zw_need(d->ctx, d->m, FEAT_GC, at);
    t->kind = COMP_ARRAY;
    t->nfields = 1;
    FieldType *f = zw_new_array(d->a, FieldType, 1);
    *f = read_field(d);
    t->fields = f;
    return;
  }
  default:
    zw_fail(d->ctx, b >= 0x80 ? ERR_int_too_long : ERR_malformed, at, b >= 0x80 ? NULL : "malformed definition type");
  }
}

// A type of the group that starts at `first`; its index is `index`.
static void read_subtype(Decoder *d, TypeDef *t, uint32_t index)
{
  uint64_t at = pos(d);
  uint8_t b = d->r.p != d->r.end ? *d->r.p : 0;
  t->super = UINT32_MAX;
  t->final = b != 0x50;
  t->at = (uint32_t)at & 0x3fffffff;
  if (b == 0x50 || b == 0x4f) { // sub, sub final
    d->r.p++;
    zw_need(d->ctx, d->m, FEAT_GC, at);
    at = pos(d);
    uint32_t n = read_count(d);
    if (n > 1)
      INVALID(d, at, "a type has at most one supertype");
    if (n) {
      at = pos(d);
      t->super = zw_read_u32(&d->r);
      if (t->super >= index)
        INVALID(d, at, "unknown type %u", t->super);
    }
  }
  read_comptype(d, t);
}

typedef VEC(TypeDef) Types;

// Room for `count` more.  A group may have any number, but the section holds no more than its bytes can.
static void reserve_types(Decoder *d, Types *types, uint32_t count)
{
  uint64_t want = (uint64_t)types->n + count, most = types->n + (uint64_t)(d->section_end > d->r.p ? d->section_end - d->r.p : 0) / 2 + 1;
  uint64_t to = want > 2 * (uint64_t)types->cap ? want : 2 * (uint64_t)types->cap;
  if (want > types->cap)
    reserve_exactly(d, types, (uint32_t)(to < most ? to : most));
}

void zw_decode_types(Decoder *d)
{
  Module *m = d->m;
  uint32_t groups = read_limited_count(d, LIMIT_TYPES, "recursion groups");
  Types types = { 0 };
  reserve_types(d, &types, groups);
  for (uint32_t g = 0; g < groups; g++) {
    uint64_t at = pos(d);
    uint32_t count = 1, first = types.n;
    if (d->r.p != d->r.end && *d->r.p == 0x4e) { // rec
      d->r.p++;
      zw_need(d->ctx, m, FEAT_GC, at);
      count = read_limited_count(d, LIMIT_REC_GROUP, "types in a group");
    }
    if (count > LIMIT_TYPES - first)
      zw_fail(d->ctx, ERR_limit, at, "more than %u types", LIMIT_TYPES);
    reserve_types(d, &types, count);
    m->ntypes = first + count; // what types of this group may name
    for (uint32_t i = 0; i < count; i++) {
      TypeDef t = { 0 };
      read_subtype(d, &t, first + i);
      t.starts_group = i == 0;
      *zw_push(d->a, &types) = t;
    }
  }
  m->ntypes = types.n;
  m->types = types.p;
}

void zw_make_self_refs(Module *m)
{
  ValType *refs = zw_new_array(&m->ctx->module, ValType, 2 * (size_t)m->ntypes);
  for (uint32_t i = 0; i < m->ntypes; i++) {
    refs[2 * (size_t)i] = VT_REF | i;
    refs[2 * (size_t)i + 1] = VT_REF | VT_NULL | i;
  }
  m->self_refs = refs;
}

static uint32_t read_type_index(Decoder *d)
{
  uint64_t at = pos(d);
  uint32_t t = zw_read_u32(&d->r);
  if (t >= d->m->ntypes)
    INVALID(d, at, "unknown type %u", t);
  return t;
}

uint32_t zw_decode_func_type_index(Decoder *d)
{
  uint64_t at = pos(d);
  uint32_t t = read_type_index(d);
  if (d->m->types[t].kind != COMP_FUNC)
    INVALID(d, at, "unknown type %u: it is not a function type", t);
  return t;
}

enum { LIM_MAX = 1, LIM_SHARED = 2, LIM_64 = 4, LIM_PAGE_SIZE = 8 };

Limits zw_decode_limits(Decoder *d, bool memory)
{
  Module *m = d->m;
  uint64_t at = pos(d);
  uint8_t flags = zw_read_u8(&d->r);
  if (flags & ~(memory ? 15 : LIM_MAX | LIM_64))
    MALFORMED(d, at, "malformed limits flags");
  Limits l = {
    .has_max = flags & LIM_MAX, .shared = flags & LIM_SHARED, .is64 = flags & LIM_64, .page_log2 = memory ? 16 : 0
  };
  if (l.is64)
    zw_need(d->ctx, m, FEAT_MEMORY64, at);
  if (l.shared)
    zw_need(d->ctx, m, FEAT_THREADS, at);
  l.min = zw_read_u64(&d->r);
  l.max = l.has_max ? zw_read_u64(&d->r) : 0;
  if (flags & LIM_PAGE_SIZE) {
    at = pos(d);
    uint32_t log2 = zw_read_u32(&d->r);
    zw_need(d->ctx, m, FEAT_PAGE_SIZES, at);
    if (log2 >= 64)
      MALFORMED(d, at, "invalid custom page size");
    if (log2 != 0 && log2 != 16)
      INVALID(d, at, "invalid custom page size");
    l.page_log2 = (uint8_t)log2;
  }
  return l;
}

TableType zw_decode_tabletype(Decoder *d)
{
  TableType t;
  if (d->r.p != d->r.end && *d->r.p == 0x70) { // funcref: tables had it before there were reference types
    t.elem = VT_FUNCREF;
    d->r.p++;
  } else {
    t.elem = zw_read_reftype(&d->r, d->m);
  }
  t.limits = zw_decode_limits(d, false);
  return t;
}

GlobalType zw_decode_globaltype(Decoder *d)
{
  GlobalType g;
  g.type = zw_read_valtype(&d->r, d->m);
  g.mutable_ = read_flag(d, "mutability");
  return g;
}

uint32_t zw_decode_tagtype(Decoder *d)
{
  uint64_t at = pos(d);
  if (zw_read_u8(&d->r) != 0)
    MALFORMED(d, at, "malformed tag attribute");
  zw_need(d->ctx, d->m, FEAT_EH, at);
  return zw_decode_func_type_index(d);
}

// ---- instructions that are only stepped over ----

static void step_over_blocktype(Reader *r, Module *m)
{
  uint8_t b = r->p != r->end ? *r->p : 0;
  if (b == 0x40)
    r->p++;
  else if (b > 0x40 && b < 0x80)
    zw_read_valtype(r, m);
  else
    zw_read_s33(r);
}

// Immediates of one instruction outside of bodies: well-formed, nothing else.
static void step_over_imm(Reader *r, Module *m, Op op)
{
  switch ((Imm)zw_op_info[op].imm) {
  case IMM_NONE: return;
  case IMM_BLOCK: step_over_blocktype(r, m); return;
  case IMM_BR_TABLE:
    for (uint64_t n = (uint64_t)zw_read_u32(r) + 1; n; n--)
      zw_read_u32(r);
    return;
  case IMM_LABEL: case IMM_FUNC: case IMM_TYPE: case IMM_LOCAL: case IMM_GLOBAL: case IMM_TABLE: case IMM_MEMORY:
  case IMM_DATA: case IMM_ELEM: case IMM_TAG:
    zw_read_u32(r);
    return;
  case IMM_HEAPTYPE: case IMM_REFTYPE_CAST: zw_read_heaptype(r, m); return;
  case IMM_I32: zw_read_s32(r); return;
  case IMM_I64: zw_read_s64(r); return;
  case IMM_CALL_INDIRECT: case IMM_DATA_MEMORY: case IMM_ELEM_TABLE: case IMM_MEMORY2: case IMM_TABLE2:
  case IMM_TYPE_FIELD: case IMM_TYPE_N: case IMM_TYPE_DATA: case IMM_TYPE_ELEM: case IMM_TYPE2:
    zw_read_u32(r);
    zw_read_u32(r);
    return;
  case IMM_F32: zw_read_bytes(r, 4); return;
  case IMM_F64: zw_read_bytes(r, 8); return;
  case IMM_V128: case IMM_SHUFFLE: zw_read_bytes(r, 16); return;
  case IMM_LANE: case IMM_FENCE: zw_read_u8(r); return;
  case IMM_MEMARG: case IMM_MEMARG_LANE:
    if (zw_read_u32(r) & MEMARG_HAS_MEMORY)
      zw_read_u32(r);
    zw_read_u64(r);
    if (zw_op_info[op].imm == IMM_MEMARG_LANE)
      zw_read_u8(r);
    return;
  case IMM_SELECT_T:
    for (uint32_t n = zw_read_u32(r); n; n--)
      zw_read_valtype(r, m);
    return;
  case IMM_BR_CAST:
    zw_read_u8(r);
    zw_read_u32(r);
    zw_read_heaptype(r, m);
    zw_read_heaptype(r, m);
    return;
  case IMM_TRY_TABLE:
    step_over_blocktype(r, m);
    for (uint32_t n = zw_read_u32(r); n; n--) {
      if (zw_read_u8(r) < CATCH_ALL)
        zw_read_u32(r);
      zw_read_u32(r);
    }
    return;
  case IMM_COUNT: break;
  }
  BUG("no immediate of kind %u", zw_op_info[op].imm);
}

ConstExpr zw_read_const_expr(Reader *r, Module *m)
{
  ConstExpr e = { .at = (uint32_t)zw_read_pos(r), .bytes = r->p };
  uint32_t depth = 1; // structured instructions are not constant, but that is said later
  for (uint32_t n = 0; depth; n++) {
    uint64_t at = zw_read_pos(r);
    Op op = zw_read_op(r);
    if (op == OP_end || op == OP_delegate)
      depth--;
    else if (zw_op_info[op].imm == IMM_BLOCK || op == OP_try_table)
      depth++;
    else if (op == OP_else && depth == 1)
      zw_fail(r->ctx, ERR_malformed, at, "END opcode expected");
    if (n > LIMIT_CONST_OPS)
      zw_fail(r->ctx, ERR_limit, at, "more than %u instructions in a constant expression", LIMIT_CONST_OPS);
    step_over_imm(r, m, op);
  }
  e.len = (uint32_t)(r->p - e.bytes);
  return e;
}
