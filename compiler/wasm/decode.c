// The binary format: sections into a Module.  Bodies stay bytes; initializer expressions are stepped over once to find
// their end.  Whatever is a claim of the input (a count, a length) is believed only as far as bytes are there for it.
//
// The reader of a section ends at the end of the file, not of the section, and the section's size is compared when it
// has been read: that is how the specification's own decoder works, and with it the texts of the official suite come
// out. Custom sections never make a module fail, except by their size and name.  spec: binary-module
#include "compiler/wasm/decode_int.h"
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

void zw_need(Ctx *c, Module *m, Feature f, uint64_t at)
{
  if (!(m->features_on >> f & 1))
    zw_fail(c, ERR_unsupported, at, "this needs the feature '%s', which is off", zw_feature_info[f].name);
  m->features_used |= (uint64_t)1 << f;
}

void *zw_decode_grow(Decoder *d, void *p, uint32_t n, uint32_t *cap, uint32_t want, size_t size)
{
  enum { LARGE_ARRAY = 16 << 10 };
  const size_t large = d->a->large;
  if (want <= *cap)
    return p;
  d->a->large = LARGE_ARRAY;
  p = zw_arena_grow(d->a, p, n * size, *cap * size, want * size);
  d->a->large = large;
  *cap = want;
  return p;
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

static Str read_name(Decoder *d)
{
  uint32_t n = read_length(d);
  uint64_t at = pos(d);
  const uint8_t *p = zw_read_bytes(&d->r, n);
  if (!zw_utf8_ok(p, n))
    zw_fail(d->ctx, ERR_utf8, at, NULL);
  return (Str){ (const char *)p, n };
}

// ---- sections ----

// How many imports are of a kind is not said before them.
#define one_more(d, v)                                                                                                 \
  (((v)->n < (v)->cap ? (void)0 : (void)reserve_exactly((d), (v), (v)->n + ((v)->n < 256 ? (v)->n : (v)->n / 8) + 8)), &(v)->p[(v)->n++])

// What is imported goes into its index space; the Imports themselves are made when the module is known to be valid.
static void read_import(Decoder *d, uint32_t k)
{
  Module *m = d->m;
  read_name(d);
  read_name(d);
  uint64_t at = pos(d);
  switch (zw_read_u8(&d->r)) {
  case EXT_FUNC: *one_more(d, &d->funcs) = (Func){ .type = zw_decode_func_type_index(d), .import = k }; return;
  case EXT_TABLE:
    *one_more(d, &d->tables) = (TableDecl){ .type = zw_decode_tabletype(d), .import = k, .at = (uint32_t)at };
    return;
  case EXT_MEMORY:
    *one_more(d, &d->memories) = (MemoryDecl){ { zw_decode_limits(d, true) }, .import = k, .at = at };
    return;
  case EXT_GLOBAL:
    *one_more(d, &d->globals) = (Global){ .type = zw_decode_globaltype(d), .import = k };
    if (d->globals.p[d->globals.n - 1].type.mutable_)
      zw_need(d->ctx, m, FEAT_MUT_GLOBAL, at);
    return;
  case EXT_TAG: *one_more(d, &d->tags) = (Tag){ .type = zw_decode_tagtype(d), .import = k, .at = (uint32_t)at }; return;
  default: MALFORMED(d, at, "malformed import kind");
  }
}

static uint32_t step_over_name(const uint8_t **p)
{
  uint32_t n = zw_fast_u32(p);
  *p += n;
  return n;
}

// The next import of a section that has been decoded.
static Import next_import(const uint8_t *bytes, const uint8_t **p)
{
  Import i = { .at = (uint32_t)(*p - bytes) };
  i.module.n = step_over_name(p);
  i.module.p = (const char *)*p - i.module.n;
  i.name.n = step_over_name(p);
  i.name.p = (const char *)*p - i.name.n;
  i.kind = *(*p)++;
  if (i.kind == EXT_FUNC || i.kind == EXT_TAG) {
    *p += i.kind == EXT_TAG;
    zw_fast_u32(p);
    return i;
  }
  if (i.kind != EXT_MEMORY)
    zw_fast_valtype(p);
  uint8_t flags = *(*p)++;
  if (i.kind == EXT_GLOBAL)
    return i; // it was the mutability
  zw_fast_u64(p);
  if (flags & 1)
    zw_fast_u64(p);
  if (flags & 8) // page size
    zw_fast_u32(p);
  return i;
}

static void make_imports(Module *m)
{
  const uint8_t *p = m->imports_at;
  uint32_t seen[EXT_TAG + 1] = { 0 };
  m->imports = zw_new_array(&m->ctx->module, Import, m->nimports);
  for (uint32_t k = 0; k < m->nimports; k++) {
    m->imports[k] = next_import(m->bytes, &p);
    m->imports[k].index = seen[m->imports[k].kind]++ & 0xffffff;
  }
}

void zw_complete_module(Module *m)
{
  make_imports(m);
  zw_make_self_refs(m);
}

static void read_imports(Decoder *d)
{
  Module *m = d->m;
  m->nimports = read_limited_count(d, LIMIT_IMPORTS, "imports");
  m->imports_at = d->r.p;
  for (uint32_t i = 0; i < m->nimports; i++)
    read_import(d, i);
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
    zw_decode_func_type_index(d);
}

static void read_tables(Decoder *d)
{
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->tables.n + n, LIMIT_TABLES, "tables");
  reserve_exactly(d, &d->tables, d->tables.n + backed(d, n, 3));
  for (uint32_t i = 0; i < n; i++) {
    TableDecl t = { .import = UINT32_MAX, .at = (uint32_t)pos(d) };
    if (d->r.p != d->r.end && *d->r.p == 0x40) {
      d->r.p++;
      uint64_t at = pos(d);
      zw_need(d->ctx, d->m, FEAT_FUNC_REF, at);
      if (zw_read_u8(&d->r) != 0)
        MALFORMED(d, at, "malformed table");
      t.type = zw_decode_tabletype(d);
      t.init = zw_new(d->a, ConstExpr);
      *t.init = zw_read_const_expr(&d->r, d->m);
    } else {
      t.type = zw_decode_tabletype(d);
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
    *zw_push(d->a, &d->memories) = (MemoryDecl){ { zw_decode_limits(d, true) }, .import = UINT32_MAX, .at = at };
  }
}

static void read_globals(Decoder *d)
{
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->globals.n + n, LIMIT_GLOBALS, "globals");
  reserve_exactly(d, &d->globals, d->globals.n + backed(d, n, 5));
  for (uint32_t i = 0; i < n; i++) {
    Global g = { .type = zw_decode_globaltype(d), .import = UINT32_MAX };
    g.init = zw_read_const_expr(&d->r, d->m);
    *zw_push(d->a, &d->globals) = g;
  }
}

static void read_tags(Decoder *d)
{
  zw_need(d->ctx, d->m, FEAT_EH, pos(d));
  uint32_t n = read_count(d);
  limit_space(d, (uint64_t)d->tags.n + n, LIMIT_TAGS, "tags");
  reserve_exactly(d, &d->tags, d->tags.n + backed(d, n, 2));
  for (uint32_t i = 0; i < n; i++) {
    uint32_t at = (uint32_t)pos(d);
    *zw_push(d->a, &d->tags) = (Tag){ .type = zw_decode_tagtype(d), .import = UINT32_MAX, .at = at };
  }
}

static void read_exports(Decoder *d)
{
  Module *m = d->m;
  m->nexports = read_limited_count(d, LIMIT_EXPORTS, "exports");
  m->exports = zw_new_array(d->a, Export, backed(d, m->nexports, 3));
  for (uint32_t i = 0; i < m->nexports; i++) {
    Export *e = &m->exports[i];
    e->at = (uint32_t)pos(d);
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
  const uint8_t *first = d->r.p;
  uint32_t f;
  bool all_funcs = true;
  for (uint32_t i = 0; i < e->count; i++)
    all_funcs &= is_ref_func(zw_read_const_expr(&d->r, d->m), &f);
  d->r.p = first;
  uint32_t *funcs = all_funcs ? zw_new_array(d->a, uint32_t, e->count) : NULL;
  ConstExpr *exprs = all_funcs ? NULL : zw_new_array(d->a, ConstExpr, e->count);
  e->funcs = funcs, e->exprs = exprs;
  for (uint32_t i = 0; i < e->count; i++) {
    ConstExpr x = zw_read_const_expr(&d->r, d->m);
    if (all_funcs)
      is_ref_func(x, &funcs[i]);
    else
      exprs[i] = x;
  }
}

enum { ELEM_NOT_ACTIVE = 1, ELEM_EXPLICIT = 2 /* a table index, or declarative */, ELEM_EXPRS = 4 };

static void read_elem(Decoder *d, Elem *e)
{
  e->at = (uint32_t)pos(d);
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
  e->count = read_limited_count(d, LIMIT_TABLE_ELEMS, "elements in a segment") & 0x3fffffff;
  if (flags & ELEM_EXPRS)
    read_elem_exprs(d, e);
  else
    read_elem_funcs(d, e);
}

static void read_elems(Decoder *d)
{
  d->m->nelems = read_limited_count(d, LIMIT_ELEMS, "element segments");
  d->m->elems = zw_new_array(d->a, Elem, backed(d, d->m->nelems, 3));
  for (uint32_t i = 0; i < d->m->nelems; i++)
    read_elem(d, &d->m->elems[i]);
}

static void read_code(Decoder *d)
{
  Module *m = d->m;
  m->code_at = pos(d);
  d->ncode = read_count(d);
  uint32_t defined = d->ndeclared;
  const uint8_t *type = d->declared;
  reserve_exactly(d, &d->funcs, d->funcs.n + backed(d, defined, 3));
  for (uint32_t i = 0; i < d->ncode; i++) {
    uint32_t bytes = read_length(d);
    uint64_t at = pos(d);
    if (bytes > LIMIT_BODY)
      zw_fail(d->ctx, ERR_limit, at, "a function body of %u bytes; at most %u are allowed", bytes, LIMIT_BODY);
    const uint8_t *p = zw_read_bytes(&d->r, bytes);
    if (i >= defined)
      continue; // said at the end, as the suite wants it
    Func *f = zw_push(d->a, &d->funcs);
    *f = (Func){ .type = zw_fast_u32(&type), .import = UINT32_MAX, .at = (uint32_t)at, .body = p, .body_len = bytes };
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
    s->len = read_count(d) & 0x3fffffff;
    s->bytes = zw_read_bytes(&d->r, s->len);
  }
}

static void read_custom(Decoder *d, const uint8_t *end)
{
  const uint8_t *file_end = d->r.end;
  d->r.end = end; // the name lies in the section
  Custom c = { .name = read_name(d), .after = d->last_section };
  d->r.end = file_end;
  c.bytes = d->r.p;
  c.len = (uint32_t)(end - d->r.p);
  d->r.p = end;
  *zw_push(d->a, &d->customs) = c;
}

static void read_section(Decoder *d, uint8_t id)
{
  switch (id) {
  case SEC_TYPE: zw_decode_types(d); return;
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
    d->section_end = end;
    read_section(d, id);
    if (d->r.p != end)
      MALFORMED(d, at, "section size mismatch");
  }
}

// As far as sections can be told apart.
static uint32_t count_customs(const uint8_t *p, const uint8_t *end)
{
  uint32_t n = 0;
  while (p != end) {
    uint64_t bytes;
    n += *p++ == SEC_CUSTOM;
    if (zw_leb_read_u(&p, end, 32, &bytes) != LEB_OK || bytes > (uint64_t)(end - p))
      break;
    p += bytes;
  }
  return n;
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
  ctx->module.tight = true; // until it has been checked
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
  zw_reserve(d.a, &d.customs, count_customs(bytes + 8, bytes + len));
  read_sections(&d);
  finish(&d);
  zw_read_customs(m);
  return m;
}
