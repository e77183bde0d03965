// The encoder.  Each section is built in a buffer of its own and appended with its size; bodies and expressions are
// walked instruction by instruction when they are to be canonicalised.
#include "compiler/wasm/encode.h"
#include "compiler/wasm/body.h"

const uint8_t zw_section_rank[SEC_COUNT] = {
  [SEC_CUSTOM] = 0, [SEC_TYPE] = 1, [SEC_IMPORT] = 2, [SEC_FUNC] = 3, [SEC_TABLE] = 4, [SEC_MEMORY] = 5, [SEC_TAG] = 6,
  [SEC_GLOBAL] = 7, [SEC_EXPORT] = 8, [SEC_START] = 9, [SEC_ELEM] = 10, [SEC_DATA_COUNT] = 11, [SEC_CODE] = 12, [SEC_DATA] = 13,
};

// ---- bytes ----
void zw_bytes_grow(Bytes *b, size_t more)
{
  size_t cap = b->cap ? 2 * b->cap : 256;
  while (cap - b->n < more)
    cap *= 2;
  uint8_t *p = zw_arena_alloc(b->a, cap, 1);
  if (b->n)
    memcpy(p, b->p, b->n);
  b->p = p, b->cap = cap;
}

void zw_enc_u8(Bytes *b, uint8_t v)
{
  *zw_bytes_room(b, 1) = v;
  b->n++;
}

void zw_enc_bytes(Bytes *b, const void *p, size_t n)
{
  if (n)
    memcpy(zw_bytes_room(b, n), p, n);
  b->n += n;
}

void zw_enc_u32(Bytes *b, uint32_t v) { b->n += zw_leb_write_u32(zw_bytes_room(b, 5), v); }
void zw_enc_u64(Bytes *b, uint64_t v) { b->n += zw_leb_write_u64(zw_bytes_room(b, 10), v); }
void zw_enc_s32(Bytes *b, int32_t v) { b->n += zw_leb_write_s32(zw_bytes_room(b, 5), v); }
void zw_enc_s64(Bytes *b, int64_t v) { b->n += zw_leb_write_s64(zw_bytes_room(b, 10), v); }

void zw_enc_name(Bytes *b, Str s)
{
  zw_enc_u32(b, (uint32_t)s.n);
  zw_enc_bytes(b, s.p, s.n);
}

void zw_enc_op(Bytes *b, Op op)
{
  uint32_t code = zw_op_info[op].code;
  ASSERT(zw_op_info[op].kind != OPK_ZIR);
  if (code >> 16) {
    zw_enc_u8(b, (uint8_t)(code >> 16));
    zw_enc_u32(b, code & 0xffff);
  } else {
    zw_enc_u8(b, (uint8_t)code);
  }
}

// ---- types ----
static uint8_t abstract_heap_code(uint32_t heap)
{
  static const uint8_t code[] = {
    [HEAP_FUNC - HEAP_ABSTRACT] = 0x70, [HEAP_NOFUNC - HEAP_ABSTRACT] = 0x73, [HEAP_EXTERN - HEAP_ABSTRACT] = 0x6f,
    [HEAP_NOEXTERN - HEAP_ABSTRACT] = 0x72, [HEAP_ANY - HEAP_ABSTRACT] = 0x6e, [HEAP_EQ - HEAP_ABSTRACT] = 0x6d,
    [HEAP_I31 - HEAP_ABSTRACT] = 0x6c, [HEAP_STRUCT - HEAP_ABSTRACT] = 0x6b, [HEAP_ARRAY - HEAP_ABSTRACT] = 0x6a,
    [HEAP_NONE - HEAP_ABSTRACT] = 0x71, [HEAP_EXN - HEAP_ABSTRACT] = 0x69, [HEAP_NOEXN - HEAP_ABSTRACT] = 0x74,
  };
  ASSERT(heap >= HEAP_ABSTRACT && heap < HEAP_BOT);
  return code[heap - HEAP_ABSTRACT];
}

void zw_enc_heap_type(Bytes *b, uint32_t heap)
{
  if (heap >= HEAP_ABSTRACT)
    zw_enc_u8(b, abstract_heap_code(heap));
  else
    zw_enc_s64(b, heap);
}

void zw_enc_val_type(Bytes *b, ValType t)
{
  static const uint8_t code[] = { [VT_I32] = 0x7f, [VT_I64] = 0x7e, [VT_F32] = 0x7d, [VT_F64] = 0x7c,
                                  [VT_V128] = 0x7b, [VT_I8] = 0x78, [VT_I16] = 0x77 };
  uint32_t heap = zw_heap_type(t);
  if (!zw_is_ref(t)) {
    ASSERT(t < ARRAY_COUNT(code) && code[t]);
    zw_enc_u8(b, code[t]);
  } else if (zw_is_nullable(t) && heap >= HEAP_ABSTRACT) {
    zw_enc_u8(b, abstract_heap_code(heap));
  } else {
    zw_enc_u8(b, zw_is_nullable(t) ? 0x63 : 0x64);
    zw_enc_heap_type(b, heap);
  }
}

static void enc_val_types(Bytes *b, const ValType *t, uint32_t n)
{
  zw_enc_u32(b, n);
  for (uint32_t i = 0; i < n; i++)
    zw_enc_val_type(b, t[i]);
}

static void enc_field(Bytes *b, const FieldType *f)
{
  zw_enc_val_type(b, f->type);
  zw_enc_u8(b, f->mutable_);
}

static void enc_type(Bytes *b, const TypeDef *t)
{
  bool has_super = t->super != UINT32_MAX;
  if (has_super || !t->final) {
    zw_enc_u8(b, t->final ? 0x4f : 0x50);
    zw_enc_u32(b, has_super);
    if (has_super)
      zw_enc_u32(b, t->super);
  }
  switch ((CompKind)t->kind) {
  case COMP_FUNC:
    zw_enc_u8(b, 0x60);
    enc_val_types(b, t->func.params, t->func.nparams);
    enc_val_types(b, t->func.results, t->func.nresults);
    break;
  case COMP_STRUCT:
    zw_enc_u8(b, 0x5f);
    zw_enc_u32(b, t->nfields);
    for (uint32_t i = 0; i < t->nfields; i++)
      enc_field(b, &t->fields[i]);
    break;
  case COMP_ARRAY:
    zw_enc_u8(b, 0x5e);
    enc_field(b, &t->fields[0]);
    break;
  }
}

static void enc_limits(Bytes *b, const Limits *l, bool memory)
{
  bool page = memory && l->page_log2 != 16;
  zw_enc_u8(b, (uint8_t)(l->has_max | l->shared << 1 | l->is64 << 2 | page << 3));
  zw_enc_u64(b, l->min);
  if (l->has_max)
    zw_enc_u64(b, l->max);
  if (page)
    zw_enc_u32(b, l->page_log2);
}

static void enc_table_type(Bytes *b, const TableType *t)
{
  zw_enc_val_type(b, t->elem);
  enc_limits(b, &t->limits, false);
}

void zw_enc_memarg(Bytes *b, uint32_t align_log2, uint32_t memory, uint64_t offset)
{
  zw_enc_u32(b, align_log2 | (memory ? 64 : 0));
  if (memory)
    zw_enc_u32(b, memory);
  zw_enc_u64(b, offset);
}

// ---- instructions, from well-formed bytes to canonical ones ----
static void copy_u32(Bytes *b, const uint8_t **p) { zw_enc_u32(b, zw_fast_u32(p)); }
static void copy_s64(Bytes *b, const uint8_t **p) { zw_enc_s64(b, zw_fast_s64(p)); }

static void copy_fixed(Bytes *b, const uint8_t **p, size_t n)
{
  zw_enc_bytes(b, *p, n);
  *p += n;
}

static void copy_memarg(Bytes *b, const uint8_t **p)
{
  MemArg a = zw_fast_memarg(p);
  zw_enc_memarg(b, a.align_log2, a.memory, a.offset);
}

// A value type as bytes: one byte, or 0x63/0x64 and a heap type.  (ref null func) becomes funcref.
static void copy_val_type(Bytes *b, const uint8_t **p)
{
  uint8_t c = **p;
  if (c != 0x63 && c != 0x64) {
    copy_fixed(b, p, 1);
    return;
  }
  ++*p;
  int64_t heap = zw_fast_s64(p);
  if (heap >= 0 || c == 0x64)
    zw_enc_u8(b, c);
  zw_enc_s64(b, heap);
}

// A block type: 0x40, a value type or a type index.  All forms but 0x63/0x64 are one s33.
static void copy_block_type(Bytes *b, const uint8_t **p)
{
  if (**p == 0x63 || **p == 0x64)
    copy_val_type(b, p);
  else
    copy_s64(b, p);
}

static void copy_imm(Bytes *b, const uint8_t **p, Op op)
{
  uint32_t n;
  switch ((Imm)zw_op_info[op].imm) {
  case IMM_NONE:
    break;
  case IMM_BLOCK:
    copy_block_type(b, p);
    break;
  case IMM_LABEL: case IMM_FUNC: case IMM_TYPE: case IMM_LOCAL: case IMM_GLOBAL: case IMM_TABLE: case IMM_MEMORY:
  case IMM_DATA: case IMM_ELEM: case IMM_TAG:
    copy_u32(b, p);
    break;
  case IMM_CALL_INDIRECT: case IMM_DATA_MEMORY: case IMM_ELEM_TABLE: case IMM_MEMORY2: case IMM_TABLE2: case IMM_TYPE_FIELD:
  case IMM_TYPE_N: case IMM_TYPE_DATA: case IMM_TYPE_ELEM: case IMM_TYPE2:
    copy_u32(b, p);
    copy_u32(b, p);
    break;
  case IMM_BR_TABLE:
    n = zw_fast_u32(p);
    zw_enc_u32(b, n);
    for (uint64_t i = 0; i <= n; i++)
      copy_u32(b, p);
    break;
  case IMM_I32: case IMM_I64: case IMM_HEAPTYPE: case IMM_REFTYPE_CAST:
    copy_s64(b, p);
    break;
  case IMM_F32:
    copy_fixed(b, p, 4);
    break;
  case IMM_F64:
    copy_fixed(b, p, 8);
    break;
  case IMM_V128: case IMM_SHUFFLE:
    copy_fixed(b, p, 16);
    break;
  case IMM_LANE: case IMM_FENCE:
    copy_fixed(b, p, 1);
    break;
  case IMM_MEMARG:
    copy_memarg(b, p);
    break;
  case IMM_MEMARG_LANE:
    copy_memarg(b, p);
    copy_fixed(b, p, 1);
    break;
  case IMM_SELECT_T:
    n = zw_fast_u32(p);
    zw_enc_u32(b, n);
    for (uint32_t i = 0; i < n; i++)
      copy_val_type(b, p);
    break;
  case IMM_BR_CAST:
    copy_fixed(b, p, 1);
    copy_u32(b, p);
    copy_s64(b, p);
    copy_s64(b, p);
    break;
  case IMM_TRY_TABLE:
    copy_block_type(b, p);
    n = zw_fast_u32(p);
    zw_enc_u32(b, n);
    for (uint32_t i = 0; i < n; i++) {
      uint8_t kind = **p;
      copy_fixed(b, p, 1);
      if (kind < 2)
        copy_u32(b, p);
      copy_u32(b, p);
    }
    break;
  case IMM_COUNT:
    BUG("no such immediate");
  }
}

typedef struct Encoder {
  const Module *m;
  Bytes *out;
  Bytes sec;                 // the section being built
  EncodeMap *map;
  uint32_t first_mark;       // of this section
  bool rewrite;
  Bytes code;                // rewrite: contents of the code section, made before everything else
  uint32_t *hint_off;        // rewrite, parallel to m->hints: offsets in the bodies as written, NO_HINT = dropped
  uint32_t hint;             // next hint to meet
  uint32_t *nlabels;         // rewrite: per function
  bool uses_data;            // an instruction names a data segment
} Encoder;
enum { NO_HINT = 0xffffffffu };

static bool opens_label(Op op) { return op == OP_block || op == OP_loop || op == OP_if || op == OP_try || op == OP_try_table; }

static bool names_data(Op op)
{
  Imm imm = (Imm)zw_op_info[op].imm;
  return imm == IMM_DATA || imm == IMM_DATA_MEMORY || imm == IMM_TYPE_DATA;
}

// Append the instructions p..end to b in canonical form.
static void rewrite_expr(Encoder *e, Bytes *b, const uint8_t *p, const uint8_t *end)
{
  while (p < end) {
    Op op = zw_fast_op(&p, zw_op_one_byte);
    e->uses_data |= names_data(op);
    zw_enc_op(b, op);
    copy_imm(b, &p, op);
  }
}

// The same for a body, with what its hints and label names need to know.
static void rewrite_body(Encoder *e, Bytes *b, uint32_t func, const uint8_t *p)
{
  const Module *m = e->m;
  const Func *f = &m->funcs[func];
  while (p < f->body + f->body_len) {
    uint32_t off = (uint32_t)(p - f->body), to = (uint32_t)b->n;
    const uint8_t *q = p;
    Op op = zw_fast_op(&q, zw_op_one_byte);
    while (e->hint < m->nhints && (m->hints[e->hint].func < func || (m->hints[e->hint].func == func && m->hints[e->hint].off < off)))
      e->hint++;
    if (e->hint < m->nhints && m->hints[e->hint].func == func && m->hints[e->hint].off == off && (op == OP_if || op == OP_br_if))
      e->hint_off[e->hint] = to;
    e->nlabels[func] += opens_label(op);
    zw_skip_imm(&q, op);
    rewrite_expr(e, b, p, q);
    p = q;
  }
}

static void mark(Encoder *e, uint8_t section, uint32_t item, const uint8_t *src)
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
    rewrite_expr(e, &e->sec, x->bytes, x->bytes + x->len);
  } else {
    mark(e, section, item, x->bytes);
    zw_enc_bytes(&e->sec, x->bytes, x->len);
    mark(e, section, item, NULL);
  }
}

// ---- sections ----
static void begin_section(Encoder *e)
{
  e->sec.n = 0;
  e->first_mark = e->map ? e->map->n : 0;
}

static void end_section(Encoder *e, uint8_t id)
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
  for (uint32_t i = 0; i < m->ntypes; i += m->types[i].rec_count)
    groups++;
  zw_enc_u32(&e->sec, groups);
  for (uint32_t i = 0; i < m->ntypes; i++) {
    const TypeDef *t = &m->types[i];
    if (t->rec_first == i && t->rec_count != 1) {
      zw_enc_u8(&e->sec, 0x4e);
      zw_enc_u32(&e->sec, t->rec_count);
    }
    mark(e, SEC_TYPE, i, NULL);
    enc_type(&e->sec, t);
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
    mark(e, SEC_IMPORT, i, NULL);
    zw_enc_name(b, im->module);
    zw_enc_name(b, im->name);
    zw_enc_u8(b, im->kind);
    switch ((ExternKind)im->kind) {
    case EXT_FUNC: zw_enc_u32(b, m->funcs[im->index].type); break;
    case EXT_TABLE: enc_table_type(b, &m->tables[im->index].type); break;
    case EXT_MEMORY: enc_limits(b, &m->memories[im->index].type.limits, true); break;
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
    mark(e, SEC_FUNC, i, NULL);
    zw_enc_u32(&e->sec, m->funcs[i].type);
  }
}

static void enc_tables(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->ntables - m->nimported_tables);
  for (uint32_t i = m->nimported_tables; i < m->ntables; i++) {
    const TableDecl *t = &m->tables[i];
    mark(e, SEC_TABLE, i, NULL);
    if (t->has_init) {
      zw_enc_u8(&e->sec, 0x40);
      zw_enc_u8(&e->sec, 0x00);
    }
    enc_table_type(&e->sec, &t->type);
    if (t->has_init)
      enc_expr(e, SEC_TABLE, i, &t->init);
  }
}

static void enc_memories(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nmemories - m->nimported_memories);
  for (uint32_t i = m->nimported_memories; i < m->nmemories; i++) {
    mark(e, SEC_MEMORY, i, NULL);
    enc_limits(&e->sec, &m->memories[i].type.limits, true);
  }
}

static void enc_tags(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->ntags - m->nimported_tags);
  for (uint32_t i = m->nimported_tags; i < m->ntags; i++) {
    mark(e, SEC_TAG, i, NULL);
    zw_enc_u8(&e->sec, 0);
    zw_enc_u32(&e->sec, m->tags[i].type);
  }
}

static void enc_globals(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nglobals - m->nimported_globals);
  for (uint32_t i = m->nimported_globals; i < m->nglobals; i++) {
    mark(e, SEC_GLOBAL, i, NULL);
    enc_global_type(&e->sec, &m->globals[i].type);
    enc_expr(e, SEC_GLOBAL, i, &m->globals[i].init);
  }
}

static void enc_exports(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nexports);
  for (uint32_t i = 0; i < m->nexports; i++) {
    mark(e, SEC_EXPORT, i, NULL);
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
    mark(e, SEC_ELEM, i, NULL);
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
    mark(e, SEC_DATA, i, NULL);
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

// ---- code and branch hints ----
static void flush_locals(Bytes *b, uint32_t *groups, uint32_t count, const uint8_t *type, size_t len)
{
  if (count == 0)
    return;
  zw_enc_u32(b, count);
  zw_enc_bytes(b, type, len);
  ++*groups;
}

// Local declarations, joined: the groups of a body.  Returns where its instructions start.
static const uint8_t *rewrite_locals(Bytes *b, const uint8_t *p, Arena *a)
{
  uint32_t groups = zw_fast_u32(&p), out_groups = 0, count = 0;
  Bytes text = { .a = a };   // of the joined groups
  uint8_t open[16], type[16]; // types of the group that grows and of the next: 6 bytes at most, and room for a LEB128
  size_t open_len = 0;
  for (uint32_t i = 0; i < groups; i++) {
    uint32_t n = zw_fast_u32(&p);
    Bytes canon = { .a = a, .p = type, .cap = sizeof type };
    copy_val_type(&canon, &p);
    if (n && canon.n == open_len && memcmp(type, open, open_len) == 0) {
      count += n;
    } else if (n) {
      flush_locals(&text, &out_groups, count, open, open_len);
      memcpy(open, type, canon.n);
      open_len = canon.n, count = n;
    }
  }
  flush_locals(&text, &out_groups, count, open, open_len);
  zw_enc_u32(b, out_groups);
  zw_enc_bytes(b, text.p, text.n);
  return p;
}

// All bodies, before anything is written: the hints' new offsets and the need for a data count come out of it.
static void rewrite_code(Encoder *e)
{
  const Module *m = e->m;
  Arena *scratch = &m->ctx->scratch;
  e->hint_off = zw_new_array(e->out->a, uint32_t, m->nhints);
  e->nlabels = zw_new_array(e->out->a, uint32_t, m->nfuncs);
  for (uint32_t i = 0; i < m->nhints; i++)
    e->hint_off[i] = NO_HINT;
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++) {
    ArenaMark am = zw_arena_mark(scratch);
    Bytes b = { .a = scratch };
    rewrite_body(e, &b, i, rewrite_locals(&b, m->funcs[i].body, scratch));
    zw_enc_u32(&e->code, (uint32_t)b.n);
    zw_enc_bytes(&e->code, b.p, b.n);
    zw_arena_release(scratch, am);
  }
}

static void enc_code(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nfuncs - m->nimported_funcs);
  zw_enc_bytes(&e->sec, e->code.p, e->code.n);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs && !e->rewrite; i++) {
    zw_enc_u32(&e->sec, m->funcs[i].body_len);
    mark(e, SEC_CODE, i, m->funcs[i].body);
    zw_enc_bytes(&e->sec, m->funcs[i].body, m->funcs[i].body_len);
  }
}

static uint32_t hint_off(const Encoder *e, uint32_t i) { return e->hint_off ? e->hint_off[i] : e->m->hints[i].off; }

static void enc_hints(Encoder *e)
{
  const Module *m = e->m;
  Bytes *b = &e->sec;
  begin_section(e);
  zw_enc_name(b, STR("metadata.code.branch_hint"));
  uint32_t funcs = 0, last = UINT32_MAX;
  for (uint32_t i = 0; i < m->nhints; i++)
    if (hint_off(e, i) != NO_HINT && m->hints[i].func != last)
      last = m->hints[i].func, funcs++;
  if (funcs == 0)
    return;
  zw_enc_u32(b, funcs);
  for (uint32_t i = 0, j; i < m->nhints; i = j) {
    uint32_t n = 0;
    for (j = i; j < m->nhints && m->hints[j].func == m->hints[i].func; j++)
      n += hint_off(e, j) != NO_HINT;
    if (n == 0)
      continue;
    zw_enc_u32(b, m->hints[i].func);
    zw_enc_u32(b, n);
    for (uint32_t k = i; k < j; k++) {
      if (hint_off(e, k) == NO_HINT)
        continue;
      zw_enc_u32(b, hint_off(e, k));
      zw_enc_u32(b, 1);
      zw_enc_u8(b, m->hints[k].likely);
    }
  }
  end_section(e, SEC_CUSTOM);
}

// ---- the name section ----
static void enc_subsection(Bytes *b, uint8_t id, const Bytes *content)
{
  if (content->n == 0)
    return;
  zw_enc_u8(b, id);
  zw_enc_u32(b, (uint32_t)content->n);
  zw_enc_bytes(b, content->p, content->n);
}

static void enc_name_map(Bytes *b, uint8_t id, const NameMap *map, Bytes *tmp)
{
  tmp->n = 0;
  uint32_t n = 0;
  for (uint32_t i = 0; i < map->n; i++)
    n += map->name[i].n != 0;
  if (n)
    zw_enc_u32(tmp, n);
  for (uint32_t i = 0; i < map->n; i++)
    if (map->name[i].n) {
      zw_enc_u32(tmp, map->index[i]);
      zw_enc_name(tmp, map->name[i]);
    }
  enc_subsection(b, id, tmp);
}

// Names of locals, labels and fields.  The decoder does not know how many of these there are and lets any number pass.
typedef enum InnerKind { INNER_LOCAL, INNER_LABEL, INNER_FIELD } InnerKind;
static uint64_t count_locals(const Module *m, uint32_t func)
{
  const Func *f = &m->funcs[func];
  uint64_t n = m->types[f->type].func.nparams;
  if (f->import != UINT32_MAX)
    return n;
  const uint8_t *p = f->body;
  uint8_t room[16];
  for (uint32_t groups = zw_fast_u32(&p); groups; groups--) {
    Bytes type = { .p = room, .cap = sizeof room };
    n += zw_fast_u32(&p);
    copy_val_type(&type, &p);
  }
  return n;
}

static uint64_t inner_count(const Encoder *e, InnerKind kind, uint32_t outer)
{
  if (!e->rewrite)
    return UINT64_MAX;
  switch (kind) {
  case INNER_LOCAL: return count_locals(e->m, outer);
  case INNER_LABEL: return e->nlabels[outer];
  case INNER_FIELD: return e->m->types[outer].kind == COMP_STRUCT ? e->m->types[outer].nfields : 0;
  }
  return 0;
}

static void enc_indirect_names(Encoder *e, uint8_t id, InnerKind kind, const NameMap *map, const uint32_t *outer, Bytes *tmp)
{
  Bytes groups = { .a = tmp->a };
  uint32_t ngroups = 0;
  for (uint32_t i = 0, j; i < map->n; i = j) {
    uint64_t limit = inner_count(e, kind, outer[i]);
    uint32_t n = 0;
    tmp->n = 0;
    for (j = i; j < map->n && outer[j] == outer[i]; j++)
      if (map->name[j].n && map->index[j] < limit) {
        zw_enc_u32(tmp, map->index[j]);
        zw_enc_name(tmp, map->name[j]);
        n++;
      }
    if (n == 0)
      continue;
    zw_enc_u32(&groups, outer[i]);
    zw_enc_u32(&groups, n);
    zw_enc_bytes(&groups, tmp->p, tmp->n);
    ngroups++;
  }
  tmp->n = 0;
  if (ngroups)
    zw_enc_u32(tmp, ngroups);
  zw_enc_bytes(tmp, groups.p, groups.n);
  enc_subsection(&e->sec, id, tmp);
}

static void enc_func_names(Bytes *b, const Module *m, Bytes *tmp)
{
  tmp->n = 0;
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->nfuncs; i++)
    n += m->funcs[i].name.n != 0;
  if (n)
    zw_enc_u32(tmp, n);
  for (uint32_t i = 0; n && i < m->nfuncs; i++)
    if (m->funcs[i].name.n) {
      zw_enc_u32(tmp, i);
      zw_enc_name(tmp, m->funcs[i].name);
    }
  enc_subsection(b, 1, tmp);
}

static void enc_names(Encoder *e)
{
  const Module *m = e->m;
  const Names *n = &m->names;
  Bytes tmp = { .a = e->out->a };
  begin_section(e);
  Bytes *b = &e->sec;
  zw_enc_name(b, STR("name"));
  size_t empty = b->n;
  if (n->module.n) {
    zw_enc_name(&tmp, n->module);
    enc_subsection(b, 0, &tmp);
  }
  enc_func_names(b, m, &tmp);
  enc_indirect_names(e, 2, INNER_LOCAL, &n->locals, n->local_func, &tmp);
  enc_indirect_names(e, 3, INNER_LABEL, &n->labels, n->label_func, &tmp);
  enc_name_map(b, 4, &n->types, &tmp);
  enc_name_map(b, 5, &n->tables, &tmp);
  enc_name_map(b, 6, &n->memories, &tmp);
  enc_name_map(b, 7, &n->globals, &tmp);
  enc_name_map(b, 8, &n->elems, &tmp);
  enc_name_map(b, 9, &n->datas, &tmp);
  enc_indirect_names(e, 10, INNER_FIELD, &n->fields, n->field_type, &tmp);
  enc_name_map(b, 11, &n->tags, &tmp);
  if (b->n != empty)
    end_section(e, SEC_CUSTOM);
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
    begin_section(e);
    zw_enc_name(&e->sec, c->name);
    zw_enc_bytes(&e->sec, c->bytes, c->len);
    end_section(e, SEC_CUSTOM);
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
  case SEC_START: mark(e, SEC_START, 0, NULL); zw_enc_u32(&e->sec, e->m->start); break;
  case SEC_ELEM: enc_elems(e); break;
  case SEC_DATA_COUNT: zw_enc_u32(&e->sec, e->m->ndatas); break;
  case SEC_CODE: enc_code(e); break;
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
    rewrite_code(&e);
  enc_customs(&e, 0);
  for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
    if (order[i] == SEC_CODE && m->nhints)
      enc_hints(&e);
    if (section_used(&e, order[i])) {
      begin_section(&e);
      enc_section(&e, order[i]);
      end_section(&e, order[i]);
    }
    enc_customs(&e, zw_section_rank[order[i]]);
  }
  enc_names(&e);
}
