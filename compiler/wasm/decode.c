// The binary format: sections into a Module.  Bodies stay bytes; initializer expressions are stepped over once to find
// their end.  Whatever is a claim of the input (a count, a length) is believed only as far as bytes are there for it.
//
// The reader of a section ends at the end of the file, not of the section, and the section's size is compared when it
// has been read: that is how the specification's own decoder works, and with it the texts of the official suite come
// out. Custom sections never make a module fail, except by their size and name.  spec: binary-module
#include "compiler/wasm/body.h"
#include "runtime/base/utf8.h"
#include <string.h>

enum { // section ids
  SEC_CUSTOM,
  SEC_TYPE,
  SEC_IMPORT,
  SEC_FUNC,
  SEC_TABLE,
  SEC_MEMORY,
  SEC_GLOBAL,
  SEC_EXPORT,
  SEC_START,
  SEC_ELEM,
  SEC_CODE,
  SEC_DATA,
  SEC_DATA_COUNT,
  SEC_TAG,
  SEC_IDS
};

typedef struct Decoder {
  Reader r;
  Module *m;
  Ctx *ctx;
  Arena *a;
  uint32_t ncode;          // entries of the code section
  const uint8_t *declared; // the type indices of the function section; it becomes Funcs when there are bodies for them
  uint32_t ndeclared;
  uint8_t last_section;    // last id that was not custom
  VEC(Func) funcs;
  VEC(TableDecl) tables;
  VEC(MemoryDecl) memories;
  VEC(Global) globals;
  VEC(Tag) tags;
  VEC(Custom) customs;
} Decoder;

#define MALFORMED(d, at, ...) zw_fail((d)->ctx, ERR_malformed, (at), __VA_ARGS__)
#define INVALID(d, at, ...) zw_fail((d)->ctx, ERR_invalid, (at), __VA_ARGS__)
static uint64_t pos(const Decoder *d) { return zw_read_pos(&d->r); }

void zw_need(Ctx *c, Module *m, Feature f, uint64_t at)
{
  if (!(m->features_on >> f & 1))
    zw_fail(c, ERR_unsupported, at, "this needs the feature '%s', which is off", zw_feature_info[f].name);
  m->features_used |= (uint64_t)1 << f;
}

// ---- pieces ----

// A count of things that take at least a byte each.
static uint32_t read_count(Decoder *d)
{
  uint32_t n = zw_read_u32(&d->r);
  if (n > (uint64_t)(d->r.end - d->r.p))
    zw_read_end(&d->r);
  return n;
}

// Room for n entries, as far as there are bytes for them at so many each, and for the one that they end in.
static uint32_t backed(const Decoder *d, uint32_t n, uint32_t bytes)
{
  uint64_t most = (uint64_t)(d->r.end - d->r.p) / bytes + 1;
  return n < most ? n : (uint32_t)most;
}

// The bytes of a section, a body or a name.
static uint32_t read_length(Decoder *d)
{
  uint64_t at = pos(d);
  uint32_t n = zw_read_u32(&d->r);
  if (n > (uint64_t)(d->r.end - d->r.p))
    MALFORMED(d, at, "length out of bounds");
  return n;
}

static uint32_t read_limited_count(Decoder *d, uint32_t limit, const char *what)
{
  uint64_t at = pos(d);
  uint32_t n = read_count(d);
  if (n > limit)
    zw_fail(d->ctx, ERR_limit, at, "%u %s; at most %u are allowed", n, what, limit);
  return n;
}

static Str read_name(Decoder *d)
{
  uint32_t n = read_length(d);
  uint64_t at = pos(d);
  const uint8_t *p = zw_read_bytes(&d->r, n);
  if (!zw_utf8_ok(p, n))
    zw_fail(d->ctx, ERR_utf8, at, NULL);
  return (Str){ (const char *)p, n };
}

static bool read_flag(Decoder *d, const char *what)
{
  uint64_t at = pos(d);
  uint8_t b = zw_read_u8(&d->r);
  if (b > 1)
    MALFORMED(d, at, "malformed %s", what);
  return b;
}

// ---- types ----

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

static ValType *read_valtypes(Decoder *d, uint32_t limit, const char *what, uint32_t *count)
{
  uint32_t n = *count = read_limited_count(d, limit, what);
  ValType *t = zw_new_array(d->a, ValType, n);
  for (uint32_t i = 0; i < n; i++)
    t[i] = zw_read_valtype(&d->r, d->m);
  return t;
}

static FieldType read_field(Decoder *d)
{
  FieldType f;
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

static void read_comptype(Decoder *d, TypeDef *t)
{
  uint64_t at = pos(d);
  uint8_t b = zw_read_u8(&d->r);
  switch (b) {
  case 0x60:
    t->kind = COMP_FUNC;
    t->func.params = read_valtypes(d, LIMIT_PARAMS, "parameters", &t->func.nparams);
    t->func.results = read_valtypes(d, LIMIT_RESULTS, "results", &t->func.nresults);
    if (t->func.nresults > 1)
      zw_need(d->ctx, d->m, FEAT_MULTI_VALUE, at);
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
  t->at = at;
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

static void read_types(Decoder *d)
{
  Module *m = d->m;
  uint32_t groups = read_limited_count(d, LIMIT_TYPES, "recursion groups");
  VEC(TypeDef) types = { 0 };
  zw_reserve(d->a, &types, backed(d, groups, 16)); // most take fewer bytes, but other sections follow
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
    m->ntypes = first + count; // what types of this group may name
    for (uint32_t i = 0; i < count; i++) {
      TypeDef t = { 0 };
      read_subtype(d, &t, first + i);
      t.rec_first = first;
      t.rec_count = count;
      *zw_push(d->a, &types) = t;
    }
  }
  m->ntypes = types.n;
  m->types = types.p;
  ValType *refs = zw_new_array(d->a, ValType, 2 * (size_t)types.n);
  for (uint32_t i = 0; i < types.n; i++) {
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

static uint32_t read_func_type_index(Decoder *d)
{
  uint64_t at = pos(d);
  uint32_t t = read_type_index(d);
  if (d->m->types[t].kind != COMP_FUNC)
    INVALID(d, at, "unknown type %u: it is not a function type", t);
  return t;
}

enum { LIM_MAX = 1, LIM_SHARED = 2, LIM_64 = 4, LIM_PAGE_SIZE = 8 };

static Limits read_limits(Decoder *d, bool memory)
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

static TableType read_tabletype(Decoder *d)
{
  TableType t;
  if (d->r.p != d->r.end && *d->r.p == 0x70) { // funcref: tables had it before there were reference types
    t.elem = VT_FUNCREF;
    d->r.p++;
  } else {
    t.elem = zw_read_reftype(&d->r, d->m);
  }
  t.limits = read_limits(d, false);
  return t;
}

static GlobalType read_globaltype(Decoder *d)
{
  GlobalType g;
  g.type = zw_read_valtype(&d->r, d->m);
  g.mutable_ = read_flag(d, "mutability");
  return g;
}

static uint32_t read_tagtype(Decoder *d)
{
  uint64_t at = pos(d);
  if (zw_read_u8(&d->r) != 0)
    MALFORMED(d, at, "malformed tag attribute");
  zw_need(d->ctx, d->m, FEAT_EH, at);
  return read_func_type_index(d);
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
  ConstExpr e = { .at = zw_read_pos(r), .bytes = r->p };
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

// ---- sections ----

static void read_import(Decoder *d, Import *imp, uint32_t k)
{
  Module *m = d->m;
  imp->at = pos(d);
  imp->module = read_name(d);
  imp->name = read_name(d);
  uint64_t at = pos(d);
  imp->kind = zw_read_u8(&d->r);
  switch (imp->kind) {
  case EXT_FUNC:
    imp->index = d->funcs.n;
    *zw_push(d->a, &d->funcs) = (Func){ .type = read_func_type_index(d), .import = k };
    return;
  case EXT_TABLE:
    imp->index = d->tables.n;
    *zw_push(d->a, &d->tables) = (TableDecl){ .type = read_tabletype(d), .import = k, .at = at };
    return;
  case EXT_MEMORY:
    imp->index = d->memories.n;
    *zw_push(d->a, &d->memories) = (MemoryDecl){ { read_limits(d, true) }, .import = k, .at = at };
    return;
  case EXT_GLOBAL:
    imp->index = d->globals.n;
    *zw_push(d->a, &d->globals) = (Global){ .type = read_globaltype(d), .import = k };
    if (d->globals.p[d->globals.n - 1].type.mutable_)
      zw_need(d->ctx, m, FEAT_MUT_GLOBAL, at);
    return;
  case EXT_TAG:
    imp->index = d->tags.n;
    *zw_push(d->a, &d->tags) = (Tag){ .type = read_tagtype(d), .import = k, .at = at };
    return;
  default: MALFORMED(d, at, "malformed import kind");
  }
}

static void read_imports(Decoder *d)
{
  Module *m = d->m;
  m->nimports = read_limited_count(d, LIMIT_IMPORTS, "imports");
  m->imports = zw_new_array(d->a, Import, backed(d, m->nimports, 4));
  for (uint32_t i = 0; i < m->nimports; i++)
    read_import(d, &m->imports[i], i);
  m->nimported_funcs = d->funcs.n;
  m->nimported_tables = d->tables.n;
  m->nimported_memories = d->memories.n;
  m->nimported_globals = d->globals.n;
  m->nimported_tags = d->tags.n;
}

static void limit_space(Decoder *d, uint64_t n, uint32_t limit, const char *what)
{
  if (n > limit)
    zw_fail(d->ctx, ERR_limit, pos(d), "%llu %s; at most %u are allowed", (unsigned long long)n, what, limit);
}

static void read_funcs(Decoder *d)
{
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->funcs.n + n, LIMIT_FUNCS, "functions");
  d->declared = d->r.p;
  d->ndeclared = n;
  for (uint32_t i = 0; i < n; i++)
    read_func_type_index(d);
}

static void read_tables(Decoder *d)
{
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->tables.n + n, LIMIT_TABLES, "tables");
  for (uint32_t i = 0; i < n; i++) {
    TableDecl t = { .import = UINT32_MAX, .at = pos(d) };
    if (d->r.p != d->r.end && *d->r.p == 0x40) {
      d->r.p++;
      uint64_t at = pos(d);
      zw_need(d->ctx, d->m, FEAT_FUNC_REF, at);
      if (zw_read_u8(&d->r) != 0)
        MALFORMED(d, at, "malformed table");
      t.type = read_tabletype(d);
      t.has_init = true;
      t.init = zw_read_const_expr(&d->r, d->m);
    } else {
      t.type = read_tabletype(d);
    }
    *zw_push(d->a, &d->tables) = t;
  }
}

static void read_memories(Decoder *d)
{
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->memories.n + n, LIMIT_MEMORIES, "memories");
  for (uint32_t i = 0; i < n; i++) {
    uint64_t at = pos(d);
    *zw_push(d->a, &d->memories) = (MemoryDecl){ { read_limits(d, true) }, .import = UINT32_MAX, .at = at };
  }
}

static void read_globals(Decoder *d)
{
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->globals.n + n, LIMIT_GLOBALS, "globals");
  zw_reserve(d->a, &d->globals, d->globals.n + backed(d, n, 5));
  for (uint32_t i = 0; i < n; i++) {
    Global g = { .type = read_globaltype(d), .import = UINT32_MAX };
    g.init = zw_read_const_expr(&d->r, d->m);
    *zw_push(d->a, &d->globals) = g;
  }
}

static void read_tags(Decoder *d)
{
  zw_need(d->ctx, d->m, FEAT_EH, pos(d));
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->tags.n + n, LIMIT_TAGS, "tags");
  for (uint32_t i = 0; i < n; i++) {
    uint64_t at = pos(d);
    *zw_push(d->a, &d->tags) = (Tag){ .type = read_tagtype(d), .import = UINT32_MAX, .at = at };
  }
}

static void read_exports(Decoder *d)
{
  Module *m = d->m;
  m->nexports = read_limited_count(d, LIMIT_EXPORTS, "exports");
  m->exports = zw_new_array(d->a, Export, backed(d, m->nexports, 3));
  for (uint32_t i = 0; i < m->nexports; i++) {
    Export *e = &m->exports[i];
    e->at = pos(d);
    e->name = read_name(d);
    uint64_t at = pos(d);
    e->kind = zw_read_u8(&d->r);
    if (e->kind > EXT_TAG)
      MALFORMED(d, at, "malformed export kind");
    e->index = zw_read_u32(&d->r);
  }
}

// A single `ref.func f` `end`.
static bool is_ref_func(ConstExpr e, uint32_t *f)
{
  const uint8_t *p = e.bytes;
  if (*p != 0xd2)
    return false;
  p++;
  *f = zw_fast_u32(&p);
  return p + 1 == e.bytes + e.len;
}

static void read_elem_funcs(Decoder *d, Elem *e)
{
  uint32_t *f = zw_new_array(d->a, uint32_t, e->count);
  for (uint32_t i = 0; i < e->count; i++)
    f[i] = zw_read_u32(&d->r);
  e->funcs = f;
}

// Expressions; when each of them is a ref.func, only the indices are kept.
static void read_elem_exprs(Decoder *d, Elem *e)
{
  ArenaMark mark = zw_arena_mark(&d->ctx->scratch);
  VEC(ConstExpr) exprs = { 0 };
  uint32_t *funcs = zw_new_array(d->a, uint32_t, e->count);
  bool all_funcs = true;
  for (uint32_t i = 0; i < e->count; i++) {
    ConstExpr x = zw_read_const_expr(&d->r, d->m);
    all_funcs = all_funcs && is_ref_func(x, &funcs[i]);
    *zw_push(&d->ctx->scratch, &exprs) = x;
  }
  if (all_funcs) {
    e->funcs = funcs;
  } else {
    ConstExpr *kept = zw_new_array(d->a, ConstExpr, e->count);
    memcpy(kept, exprs.p, (size_t)e->count * sizeof *kept);
    e->exprs = kept;
  }
  zw_arena_release(&d->ctx->scratch, mark);
}

enum { ELEM_NOT_ACTIVE = 1, ELEM_EXPLICIT = 2 /* a table index, or declarative */, ELEM_EXPRS = 4 };

static void read_elem(Decoder *d, Elem *e)
{
  e->at = pos(d);
  uint32_t flags = zw_read_u32(&d->r);
  if (flags > 7)
    MALFORMED(d, e->at, "malformed elements segment kind");
  if (flags)
    zw_need(d->ctx, d->m, FEAT_BULK, e->at);
  if (flags & ELEM_NOT_ACTIVE) {
    e->mode = flags & ELEM_EXPLICIT ? SEG_DECLARATIVE : SEG_PASSIVE;
  } else {
    e->mode = SEG_ACTIVE;
    e->table = flags & ELEM_EXPLICIT ? zw_read_u32(&d->r) : 0;
    e->offset = zw_read_const_expr(&d->r, d->m);
  }
  e->type = VT_REF | HEAP_FUNC;
  if (flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)) {
    if (flags & ELEM_EXPRS) {
      e->type = zw_read_reftype(&d->r, d->m);
    } else {
      uint64_t at = pos(d);
      if (zw_read_u8(&d->r) != 0)
        MALFORMED(d, at, "malformed element kind");
    }
  } else if (flags & ELEM_EXPRS) {
    e->type = VT_FUNCREF;
  }
  e->count = read_limited_count(d, LIMIT_TABLE_ELEMS, "elements in a segment");
  if (flags & ELEM_EXPRS)
    read_elem_exprs(d, e);
  else
    read_elem_funcs(d, e);
}

static void read_elems(Decoder *d)
{
  d->m->nelems = read_limited_count(d, LIMIT_ELEMS, "element segments");
  VEC(Elem) elems = { 0 };
  for (uint32_t i = 0; i < d->m->nelems; i++) {
    Elem e = { 0 };
    read_elem(d, &e);
    *zw_push(d->a, &elems) = e;
  }
  d->m->elems = elems.p;
}

static void read_code(Decoder *d)
{
  Module *m = d->m;
  m->code_at = pos(d);
  d->ncode = read_count(d);
  uint32_t defined = d->ndeclared;
  const uint8_t *type = d->declared;
  enum { BYTES_A_BYTE = 8 }; // of Funcs made at once, per byte that can still be bodies
  if (defined * sizeof(Func) < BYTES_A_BYTE * (uint64_t)(d->r.end - d->r.p))
    zw_reserve(d->a, &d->funcs, d->funcs.n + defined);
  for (uint32_t i = 0; i < d->ncode; i++) {
    uint32_t bytes = read_length(d);
    uint64_t at = pos(d);
    if (bytes > LIMIT_BODY)
      zw_fail(d->ctx, ERR_limit, at, "a function body of %u bytes; at most %u are allowed", bytes, LIMIT_BODY);
    const uint8_t *p = zw_read_bytes(&d->r, bytes);
    if (i >= defined)
      continue; // said at the end, as the suite wants it
    Func *f = zw_push(d->a, &d->funcs);
    *f = (Func){ .type = zw_fast_u32(&type), .import = UINT32_MAX, .at = at, .body = p, .body_len = bytes };
  }
  m->code_len = pos(d) - m->code_at;
}

static void read_datas(Decoder *d)
{
  Module *m = d->m;
  m->ndatas = read_limited_count(d, LIMIT_DATAS, "data segments");
  m->datas = zw_new_array(d->a, Data, backed(d, m->ndatas, 2));
  for (uint32_t i = 0; i < m->ndatas; i++) {
    Data *s = &m->datas[i];
    uint64_t at = pos(d);
    uint32_t flags = zw_read_u32(&d->r);
    if (flags > 2)
      MALFORMED(d, at, "malformed data segment kind");
    if (flags)
      zw_need(d->ctx, m, FEAT_BULK, at);
    s->mode = flags == 1 ? SEG_PASSIVE : SEG_ACTIVE;
    if (flags == 2)
      s->memory = zw_read_u32(&d->r);
    if (s->mode == SEG_ACTIVE)
      s->offset = zw_read_const_expr(&d->r, m);
    s->len = read_count(d);
    s->at = pos(d);
    s->bytes = zw_read_bytes(&d->r, s->len);
  }
}

static void read_custom(Decoder *d, const uint8_t *end)
{
  const uint8_t *file_end = d->r.end;
  d->r.end = end; // the name lies in the section
  Custom c = { .name = read_name(d), .after = d->last_section };
  d->r.end = file_end;
  c.at = pos(d);
  c.bytes = d->r.p;
  c.len = (uint64_t)(end - d->r.p);
  d->r.p = end;
  *zw_push(d->a, &d->customs) = c;
}

static void read_section(Decoder *d, uint8_t id)
{
  switch (id) {
  case SEC_TYPE: read_types(d); return;
  case SEC_IMPORT: read_imports(d); return;
  case SEC_FUNC: read_funcs(d); return;
  case SEC_TABLE: read_tables(d); return;
  case SEC_MEMORY: read_memories(d); return;
  case SEC_GLOBAL: read_globals(d); return;
  case SEC_EXPORT: read_exports(d); return;
  case SEC_START:
    d->m->start_at = pos(d);
    d->m->start = zw_read_u32(&d->r);
    return;
  case SEC_ELEM: read_elems(d); return;
  case SEC_CODE: read_code(d); return;
  case SEC_DATA: read_datas(d); return;
  case SEC_DATA_COUNT:
    zw_need(d->ctx, d->m, FEAT_BULK, pos(d));
    d->m->has_data_count = true;
    d->m->data_count = zw_read_u32(&d->r);
    return;
  case SEC_TAG: read_tags(d); return;
  default: BUG("section %u", id);
  }
}

// Place of a section in the file.  spec: binary-module
static const uint8_t section_order[SEC_IDS] = {
  [SEC_TYPE] = 1, [SEC_IMPORT] = 2, [SEC_FUNC] = 3, [SEC_TABLE] = 4, [SEC_MEMORY] = 5, [SEC_TAG] = 6, [SEC_GLOBAL] = 7,
  [SEC_EXPORT] = 8, [SEC_START] = 9, [SEC_ELEM] = 10, [SEC_DATA_COUNT] = 11, [SEC_CODE] = 12, [SEC_DATA] = 13,
};

static void read_sections(Decoder *d)
{
  uint8_t order = 0;
  while (d->r.p != d->r.end) {
    uint64_t at = pos(d);
    uint8_t id = *d->r.p++;
    if (id >= SEC_IDS)
      MALFORMED(d, at, "malformed section id");
    if (d->r.p == d->r.end)
      zw_fail(d->ctx, ERR_unexpected_end, pos(d), NULL);
    if (id != SEC_CUSTOM && section_order[id] <= order)
      MALFORMED(d, at, "unexpected content after last section");
    uint32_t bytes = read_length(d);
    const uint8_t *end = d->r.p + bytes;
    if (id == SEC_CUSTOM) {
      read_custom(d, end);
      continue;
    }
    at = pos(d);
    order = section_order[id];
    d->last_section = id;
    read_section(d, id);
    if (d->r.p != end)
      MALFORMED(d, at, "section size mismatch");
  }
}

static void finish(Decoder *d)
{
  Module *m = d->m;
  uint64_t at = pos(d);
  if (d->ncode != d->ndeclared)
    MALFORMED(d, at, "function and code section have inconsistent lengths");
  if (m->has_data_count && m->data_count != m->ndatas)
    MALFORMED(d, at, "data count and data section have inconsistent lengths");
  m->funcs = d->funcs.p;
  m->nfuncs = d->funcs.n;
  m->tables = d->tables.p;
  m->ntables = d->tables.n;
  m->memories = d->memories.p;
  m->nmemories = d->memories.n;
  m->globals = d->globals.p;
  m->nglobals = d->globals.n;
  m->tags = d->tags.p;
  m->ntags = d->tags.n;
  m->customs = d->customs.p;
  m->ncustoms = d->customs.n;
  if (m->nmemories > 1)
    m->features_used |= (uint64_t)1 << FEAT_MULTI_MEMORY;
  // What the sections before them may declare for ref.func: element segments and exports.  Initializers add theirs
  // when they are checked.
  for (uint32_t i = 0; i < m->nelems; i++)
    for (uint32_t k = 0; m->elems[i].funcs && k < m->elems[i].count; k++)
      if (m->elems[i].funcs[k] < m->nfuncs)
        m->funcs[m->elems[i].funcs[k]].declared_ref = true;
  for (uint32_t i = 0; i < m->nexports; i++)
    if (m->exports[i].kind == EXT_FUNC && m->exports[i].index < m->nfuncs)
      m->funcs[m->exports[i].index].declared_ref = true;
}

Module *zw_decode_module(Ctx *ctx, const uint8_t *bytes, uint64_t len, uint64_t features_on)
{
  if (len > LIMIT_MODULE)
    zw_fail(ctx, ERR_limit, ZW_NO_POS, "a module of %llu bytes; at most %u are allowed", (unsigned long long)len,
            LIMIT_MODULE);
  Module *m = zw_new(&ctx->module, Module);
  m->ctx = ctx;
  m->bytes = bytes;
  m->len = len;
  m->start = UINT32_MAX;
  m->features_on = features_on;
  m->features_used = (uint64_t)1 << FEAT_CORE;
  Decoder d = { .r = { ctx, bytes, bytes + len, bytes, 0 }, .m = m, .ctx = ctx, .a = &ctx->module };
  static const char magic[] = { 0, 'a', 's', 'm' };
  if (len < 4)
    zw_fail(ctx, ERR_unexpected_end, len, NULL);
  if (memcmp(bytes, magic, 4))
    zw_fail(ctx, ERR_magic, 0, NULL);
  if (len < 8)
    zw_fail(ctx, ERR_unexpected_end, len, NULL);
  if (zw_get32(bytes + 4) != 1)
    zw_fail(ctx, ERR_version, 4, NULL);
  d.r.p += 8;
  read_sections(&d);
  finish(&d);
  zw_read_customs(m);
  return m;
}
