// The encoder: the module and its sections.  Each section is built in a buffer of its own and appended with its size;
// bodies and expressions are walked instruction by instruction (encode_code.c) when they are to be canonicalised.
#include "compiler/wasm/encode_int.h"

const uint8_t zw_section_rank[SEC_COUNT] = {
  [SEC_CUSTOM] = 0, [SEC_TYPE] = 1, [SEC_IMPORT] = 2, [SEC_FUNC] = 3, [SEC_TABLE] = 4, [SEC_MEMORY] = 5, [SEC_TAG] = 6,
  [SEC_GLOBAL] = 7, [SEC_EXPORT] = 8, [SEC_START] = 9, [SEC_ELEM] = 10, [SEC_DATA_COUNT] = 11, [SEC_CODE] = 12, [SEC_DATA] = 13,
};

void zw_enc_mark(Encoder *e, uint8_t section, uint32_t item, const uint8_t *src)
{
  EncodeMap *map = e->map;
  if (!map)
    return;
  if (map->n == map->cap)
    map->mark = zw_vec_grow(e->out->a, map->mark, map->n, &map->cap, map->n + 1, sizeof *map->mark);
  map->mark[map->n++] = (EncodeMark){ e->sec.n, src, item, section };
}

static void enc_expr(Encoder *e, uint8_t section, uint32_t item, const ConstExpr *x)
{
  if (e->rewrite) {
    zw_enc_rewrite_expr(e, &e->sec, x->bytes, x->bytes + x->len);
  } else {
    zw_enc_mark(e, section, item, x->bytes);
    zw_enc_bytes(&e->sec, x->bytes, x->len);
    zw_enc_mark(e, section, item, NULL);
  }
}

// ---- sections ----
void zw_enc_begin_section(Encoder *e)
{
  e->sec.n = 0;
  e->first_mark = e->map ? e->map->n : 0;
}

void zw_enc_end_section(Encoder *e, uint8_t id)
{
  Bytes *out = e->out;
  zw_enc_u8(out, id);
  zw_enc_u32(out, (uint32_t)e->sec.n);
  if (e->map)
    for (uint32_t i = e->first_mark; i < e->map->n; i++)
      e->map->mark[i].off += out->n;
  zw_enc_bytes(out, e->sec.p, e->sec.n);
}

static void enc_types(Encoder *e)
{
  const Module *m = e->m;
  uint32_t groups = 0;
  for (uint32_t i = 0; i < m->ntypes; i++)
    groups += m->types[i].starts_group;
  zw_enc_u32(&e->sec, groups);
  for (uint32_t i = 0; i < m->ntypes; i++) {
    const TypeDef *t = &m->types[i];
    uint32_t count = t->starts_group ? zw_rec_group_end(m->types, m->ntypes, i) - i : 1;
    if (count != 1) {
      zw_enc_u8(&e->sec, 0x4e);
      zw_enc_u32(&e->sec, count);
    }
    zw_enc_mark(e, SEC_TYPE, i, NULL);
    zw_enc_type(&e->sec, t);
  }
}

static void enc_global_type(Bytes *b, const GlobalType *g)
{
  zw_enc_val_type(b, g->type);
  zw_enc_u8(b, g->mutable_);
}

static void enc_imports(Encoder *e)
{
  const Module *m = e->m;
  Bytes *b = &e->sec;
  zw_enc_u32(b, m->nimports);
  for (uint32_t i = 0; i < m->nimports; i++) {
    const Import *im = &m->imports[i];
    zw_enc_mark(e, SEC_IMPORT, i, NULL);
    zw_enc_name(b, im->module);
    zw_enc_name(b, im->name);
    zw_enc_u8(b, im->kind);
    switch ((ExternKind)im->kind) {
    case EXT_FUNC: zw_enc_u32(b, m->funcs[im->index].type); break;
    case EXT_TABLE: zw_enc_table_type(b, &m->tables[im->index].type); break;
    case EXT_MEMORY: zw_enc_limits(b, &m->memories[im->index].type.limits, true); break;
    case EXT_GLOBAL: enc_global_type(b, &m->globals[im->index].type); break;
    case EXT_TAG:
      zw_enc_u8(b, 0);
      zw_enc_u32(b, m->tags[im->index].type);
      break;
    }
  }
}

static void enc_funcs(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nfuncs - m->nimported_funcs);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++) {
    zw_enc_mark(e, SEC_FUNC, i, NULL);
    zw_enc_u32(&e->sec, m->funcs[i].type);
  }
}

static void enc_tables(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->ntables - m->nimported_tables);
  for (uint32_t i = m->nimported_tables; i < m->ntables; i++) {
    const TableDecl *t = &m->tables[i];
    zw_enc_mark(e, SEC_TABLE, i, NULL);
    if (t->init) {
      zw_enc_u8(&e->sec, 0x40);
      zw_enc_u8(&e->sec, 0x00);
    }
    zw_enc_table_type(&e->sec, &t->type);
    if (t->init)
      enc_expr(e, SEC_TABLE, i, t->init);
  }
}

static void enc_memories(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nmemories - m->nimported_memories);
  for (uint32_t i = m->nimported_memories; i < m->nmemories; i++) {
    zw_enc_mark(e, SEC_MEMORY, i, NULL);
    zw_enc_limits(&e->sec, &m->memories[i].type.limits, true);
  }
}

static void enc_tags(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->ntags - m->nimported_tags);
  for (uint32_t i = m->nimported_tags; i < m->ntags; i++) {
    zw_enc_mark(e, SEC_TAG, i, NULL);
    zw_enc_u8(&e->sec, 0);
    zw_enc_u32(&e->sec, m->tags[i].type);
  }
}

static void enc_globals(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nglobals - m->nimported_globals);
  for (uint32_t i = m->nimported_globals; i < m->nglobals; i++) {
    zw_enc_mark(e, SEC_GLOBAL, i, NULL);
    enc_global_type(&e->sec, &m->globals[i].type);
    enc_expr(e, SEC_GLOBAL, i, &m->globals[i].init);
  }
}

static void enc_exports(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nexports);
  for (uint32_t i = 0; i < m->nexports; i++) {
    zw_enc_mark(e, SEC_EXPORT, i, NULL);
    zw_enc_name(&e->sec, m->exports[i].name);
    zw_enc_u8(&e->sec, m->exports[i].kind);
    zw_enc_u32(&e->sec, m->exports[i].index);
  }
}

static void enc_elem_items(Encoder *e, uint32_t item, const Elem *el, bool indices)
{
  Bytes *b = &e->sec;
  zw_enc_u32(b, el->count);
  for (uint32_t i = 0; i < el->count; i++) {
    if (indices) {
      zw_enc_u32(b, el->funcs[i]);
    } else if (el->funcs) {
      zw_enc_op(b, OP_ref_func);
      zw_enc_u32(b, el->funcs[i]);
      zw_enc_op(b, OP_end);
    } else {
      enc_expr(e, SEC_ELEM, item, &el->exprs[i]);
    }
  }
}

static void enc_elem(Encoder *e, uint32_t i)
{
  const Elem *el = &e->m->elems[i];
  Bytes *b = &e->sec;
  bool indices = el->type == (VT_REF | HEAP_FUNC) && (el->funcs || el->count == 0);
  bool short_form = el->mode == SEG_ACTIVE && el->table == 0 && (indices || el->type == VT_FUNCREF);
  uint8_t flags = indices ? 0 : 4;
  switch ((SegMode)el->mode) {
  case SEG_ACTIVE: flags |= short_form ? 0 : 2; break;
  case SEG_PASSIVE: flags |= 1; break;
  case SEG_DECLARATIVE: flags |= 3; break;
  }
  zw_enc_u8(b, flags);
  if (el->mode == SEG_ACTIVE) {
    if (!short_form)
      zw_enc_u32(b, el->table);
    enc_expr(e, SEC_ELEM, i, &el->offset);
  }
  if (!short_form) {
    if (indices)
      zw_enc_u8(b, 0);
    else
      zw_enc_val_type(b, el->type);
  }
  enc_elem_items(e, i, el, indices);
}

static void enc_elems(Encoder *e)
{
  zw_enc_u32(&e->sec, e->m->nelems);
  for (uint32_t i = 0; i < e->m->nelems; i++) {
    zw_enc_mark(e, SEC_ELEM, i, NULL);
    enc_elem(e, i);
  }
}

static void enc_datas(Encoder *e)
{
  const Module *m = e->m;
  Bytes *b = &e->sec;
  zw_enc_u32(b, m->ndatas);
  for (uint32_t i = 0; i < m->ndatas; i++) {
    const Data *d = &m->datas[i];
    zw_enc_mark(e, SEC_DATA, i, NULL);
    bool active = d->mode == SEG_ACTIVE;
    zw_enc_u32(b, !active ? 1 : d->memory ? 2 : 0);
    if (active && d->memory)
      zw_enc_u32(b, d->memory);
    if (active)
      enc_expr(e, SEC_DATA, i, &d->offset);
    zw_enc_u32(b, (uint32_t)d->len);
    zw_enc_bytes(b, d->bytes, d->len);
  }
}

// ---- the module ----
static bool same_name(Str a, const char *b) { return a.n == strlen(b) && memcmp(a.p, b, a.n) == 0; }

bool zw_custom_is_derived(const Module *m, const Custom *c)
{
  return same_name(c->name, "name") || (same_name(c->name, "metadata.code.branch_hint") && m->nhints);
}

// The custom sections that follow the section of that rank.
static void enc_customs(Encoder *e, uint8_t rank)
{
  for (uint32_t i = 0; i < e->m->ncustoms; i++) {
    const Custom *c = &e->m->customs[i];
    if (zw_section_rank[c->after] != rank || zw_custom_is_derived(e->m, c))
      continue;
    zw_enc_begin_section(e);
    zw_enc_name(&e->sec, c->name);
    zw_enc_bytes(&e->sec, c->bytes, c->len);
    zw_enc_end_section(e, SEC_CUSTOM);
  }
}

static bool section_used(const Encoder *e, uint8_t id)
{
  const Module *m = e->m;
  switch (id) {
  case SEC_TYPE: return m->ntypes;
  case SEC_IMPORT: return m->nimports;
  case SEC_FUNC: case SEC_CODE: return m->nfuncs > m->nimported_funcs;
  case SEC_TABLE: return m->ntables > m->nimported_tables;
  case SEC_MEMORY: return m->nmemories > m->nimported_memories;
  case SEC_TAG: return m->ntags > m->nimported_tags;
  case SEC_GLOBAL: return m->nglobals > m->nimported_globals;
  case SEC_EXPORT: return m->nexports;
  case SEC_START: return m->start != UINT32_MAX;
  case SEC_ELEM: return m->nelems;
  case SEC_DATA_COUNT: return e->rewrite ? e->uses_data : m->has_data_count;
  case SEC_DATA: return m->ndatas;
  default: return false;
  }
}

static void enc_section(Encoder *e, uint8_t id)
{
  switch (id) {
  case SEC_TYPE: enc_types(e); break;
  case SEC_IMPORT: enc_imports(e); break;
  case SEC_FUNC: enc_funcs(e); break;
  case SEC_TABLE: enc_tables(e); break;
  case SEC_MEMORY: enc_memories(e); break;
  case SEC_TAG: enc_tags(e); break;
  case SEC_GLOBAL: enc_globals(e); break;
  case SEC_EXPORT: enc_exports(e); break;
  case SEC_START: zw_enc_mark(e, SEC_START, 0, NULL); zw_enc_u32(&e->sec, e->m->start); break;
  case SEC_ELEM: enc_elems(e); break;
  case SEC_DATA_COUNT: zw_enc_u32(&e->sec, e->m->ndatas); break;
  case SEC_CODE: zw_enc_code(e); break;
  case SEC_DATA: enc_datas(e); break;
  default: break;
  }
}

void zw_encode_module(const Module *m, Bytes *out, bool rewrite, EncodeMap *map)
{
  static const uint8_t order[] = { SEC_TYPE, SEC_IMPORT, SEC_FUNC, SEC_TABLE, SEC_MEMORY, SEC_TAG, SEC_GLOBAL,
                                   SEC_EXPORT, SEC_START, SEC_ELEM, SEC_DATA_COUNT, SEC_CODE, SEC_DATA };
  Encoder e = { .m = m, .out = out, .sec = { .a = out->a }, .map = map, .rewrite = rewrite, .code = { .a = out->a } };
  zw_enc_bytes(out, "\0asm\1\0\0\0", 8);
  if (rewrite)
    zw_enc_rewrite_code(&e);
  enc_customs(&e, 0);
  for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
    if (order[i] == SEC_CODE && m->nhints)
      zw_enc_hints(&e);
    if (section_used(&e, order[i])) {
      zw_enc_begin_section(&e);
      enc_section(&e, order[i]);
      zw_enc_end_section(&e, order[i]);
    }
    enc_customs(&e, zw_section_rank[order[i]]);
  }
  zw_enc_names(&e);
}
