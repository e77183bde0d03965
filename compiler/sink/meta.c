// The image's meta span: what a checked module declares and what its blob's tables say, as flat records.
//
// One pass appends section after section to one buffer, in the order of ImageSection.  Constant expressions are
// sorted here: most are one constant, null, ref.func or global.get, and the runtime never has to look at code for
// those; what is left goes out as its bytes, which the module's checker has accepted.
#include "compiler/sink/sink.h"
#include "compiler/wasm/body.h"
#include "compiler/wasm/lines.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include <string.h>

typedef struct Meta {
  const Module *m;
  const Blob *blob;
  VEC(uint8_t) out;
  VEC(uint8_t) strings;
  VEC(uint8_t) exprs;
  ImageHeader h;
  Arena *a;
} Meta;

enum { META_MAX = 0x7fffffff }; // spans have 32-bit offsets

static void *extend(Meta *w, size_t bytes)
{
  if (bytes > META_MAX - w->out.n)
    zw_fail(w->m->ctx, ERR_limit, ZW_NO_POS, "the module's tables are larger than 2 GiB");
  zw_reserve(w->a, &w->out, w->out.n + (uint32_t)bytes);
  uint8_t *p = w->out.p + w->out.n;
  memset(p, 0, bytes);
  w->out.n += (uint32_t)bytes;
  return p;
}

// Begin a section of count records; they stay valid until the next call.
static void *section(Meta *w, ImageSection s, uint64_t count, size_t size)
{
  extend(w, (size_t)(zw_align_up(w->out.n, 8) - w->out.n));
  if (count > META_MAX / size)
    zw_fail(w->m->ctx, ERR_limit, ZW_NO_POS, "the module's tables are larger than 2 GiB");
  w->h.span[s] = (ImageSpan){ w->out.n, (uint32_t)count };
  return extend(w, (size_t)count * size);
}

static void section_bytes(Meta *w, ImageSection s, const void *p, size_t n, size_t count, size_t size)
{
  ASSERT(count * size == n);
  void *to = section(w, s, count, size);
  if (n)
    memcpy(to, p, n);
}

// Something of the blob's that nobody looks at any more if this is the last sink, but for source lines.
static void section_move(Meta *w, ImageSection s, void *p, uint32_t count, size_t size)
{
  void *to = section(w, s, count, size);
  zw_move_bytes(to, p, count * (uint64_t)size, w->blob && w->blob->last && (!w->m->lines || !w->m->lines->n));
}

static uint32_t put_string(Meta *w, Str s)
{
  if (s.n == 0)
    return 0;
  if (s.n > META_MAX - 8 - w->strings.n)
    zw_fail(w->m->ctx, ERR_limit, ZW_NO_POS, "the module's names are larger than 2 GiB");
  zw_reserve(w->a, &w->strings, w->strings.n + (uint32_t)s.n + 5);
  zw_put32(w->strings.p + w->strings.n, (uint32_t)s.n);
  uint32_t off = w->strings.n + 4;
  memcpy(w->strings.p + off, s.p, s.n);
  w->strings.p[off + s.n] = 0;
  w->strings.n = off + (uint32_t)s.n + 1;
  return off;
}

// ---- constant expressions ----

static const uint8_t *read_const(const uint8_t *p, Op op, ImageInit *init)
{
  init->kind = INIT_CONST;
  if (op == OP_i32_const) {
    init->bits[0] = (uint32_t)zw_fast_s32(&p);
  } else if (op == OP_i64_const) {
    init->bits[0] = (uint64_t)zw_fast_s64(&p);
  } else if (op == OP_f32_const) {
    init->bits[0] = zw_get32(p), p += 4;
  } else if (op == OP_f64_const) {
    init->bits[0] = zw_get64(p), p += 8;
  } else if (op == OP_v128_const) {
    init->bits[0] = zw_get64(p), init->bits[1] = zw_get64(p + 8), p += 16;
  } else if (op == OP_global_get) {
    init->kind = INIT_GLOBAL;
    init->index = zw_fast_u32(&p);
  } else if (op == OP_ref_func) {
    init->kind = INIT_FUNC;
    init->index = zw_fast_u32(&p);
  } else if (op == OP_ref_null) {
    init->kind = INIT_NULL;
    zw_skip_imm(&p, op);
  } else {
    init->kind = INIT_EXPR;
  }
  return p;
}

static ImageInit classify(Meta *w, ConstExpr e)
{
  ImageInit init = { 0 };
  const uint8_t *p = e.bytes;
  Op op = zw_fast_op(&p, zw_op_one_byte);
  p = read_const(p, op, &init);
  if (init.kind != INIT_EXPR && p + 1 == e.bytes + e.len) // only `end` is left
    return init;
  init = (ImageInit){ .kind = INIT_EXPR, .index = w->exprs.n, .bits = { e.len, 0 } };
  zw_reserve(w->a, &w->exprs, w->exprs.n + e.len);
  memcpy(w->exprs.p + w->exprs.n, e.bytes, e.len);
  w->exprs.n += e.len;
  return init;
}

// ---- sections, in the order of ImageSection ----

static void put_code_tables(Meta *w)
{
  static const Blob none;
  const Blob *b = w->blob ? w->blob : &none;
  section_bytes(w, IMG_FUNCS, b->funcs, b->nfuncs * sizeof *b->funcs, b->nfuncs, sizeof *b->funcs);
  section_move(w, IMG_SITES, b->sites, b->sites_bytes, 1);
  section_move(w, IMG_MAPS, b->maps, b->maps_bytes, 1);
  section_move(w, IMG_HANDLERS, b->handlers, b->nhandlers, sizeof *b->handlers);
  section_move(w, IMG_INLINES, b->inlines, b->ninlines, sizeof *b->inlines);
}

// The words of runtime/type/README.md.
static void put_types(Meta *w)
{
  const Module *m = w->m;
  uint32_t *index = zw_new_array(w->a, uint32_t, m->ntypes);
  VEC(uint32_t) s = { 0 };
  for (uint32_t k = 0; k < m->ntypes; k++) {
    const TypeDef *t = &m->types[k];
    if (t->starts_group)
      *zw_push(w->a, &s) = zw_rec_group_end(m->types, m->ntypes, k) - k;
    index[k] = s.n;
    uint32_t n = t->kind == COMP_FUNC ? t->func->nparams : t->kind == COMP_STRUCT ? t->nfields : 1;
    *zw_push(w->a, &s) = t->kind | (t->final ? 256u : 0);
    *zw_push(w->a, &s) = t->super;
    *zw_push(w->a, &s) = n;
    *zw_push(w->a, &s) = t->kind == COMP_FUNC ? t->func->nresults : 0;
    if (t->kind == COMP_FUNC) {
      for (uint32_t i = 0; i < t->func->nparams; i++)
        *zw_push(w->a, &s) = t->func->params[i];
      for (uint32_t i = 0; i < t->func->nresults; i++)
        *zw_push(w->a, &s) = t->func->results[i];
    } else {
      for (uint32_t i = 0; i < n; i++) {
        *zw_push(w->a, &s) = t->fields[i].type;
        *zw_push(w->a, &s) = t->fields[i].mutable_;
      }
    }
  }
  section_bytes(w, IMG_TYPES, s.p, s.n * 4ull, s.n, 4);
  section_bytes(w, IMG_TYPE_INDEX, index, m->ntypes * 4ull, m->ntypes, 4);
  zw_arena_drop(w->a, s.p);
  zw_arena_drop(w->a, index);
}

static void put_imports_exports(Meta *w)
{
  const Module *m = w->m;
  ImageImport *im = section(w, IMG_IMPORTS, m->nimports, sizeof *im);
  for (uint32_t k = 0; k < m->nimports; k++) {
    const Import *i = &m->imports[k];
    bool same_module = k > 0 && zw_str_eq(i->module, m->imports[k - 1].module); // the usual case
    im[k] = (ImageImport){ same_module ? im[k - 1].module : put_string(w, i->module), put_string(w, i->name), i->kind, i->index };
  }
  ImageExport *ex = section(w, IMG_EXPORTS, m->nexports, sizeof *ex);
  for (uint32_t k = 0; k < m->nexports; k++)
    ex[k] = (ImageExport){ put_string(w, m->exports[k].name), m->exports[k].kind, m->exports[k].index, 0 };
}

static ImageLimits limits(const Limits *l)
{
  return (ImageLimits){ .min = l->min, .max = l->has_max ? l->max : 0, .has_max = l->has_max, .shared = l->shared,
                        .is64 = l->is64, .page_log2 = l->page_log2 };
}

static void put_tables(Meta *w)
{
  const Module *m = w->m;
  ImageTable *t = section(w, IMG_TABLES, m->ntables, sizeof *t);
  for (uint32_t k = 0; k < m->ntables; k++) {
    const TableDecl *from = &m->tables[k];
    t[k].limits = limits(&from->type.limits);
    t[k].elem = from->type.elem;
    t[k].init = from->init ? classify(w, *from->init) : (ImageInit){ .kind = INIT_NULL };
  }
  ImageMemory *mem = section(w, IMG_MEMORIES, m->nmemories, sizeof *mem);
  for (uint32_t k = 0; k < m->nmemories; k++)
    mem[k].limits = limits(&m->memories[k].type.limits);
  ImageGlobal *g = section(w, IMG_GLOBALS, m->nglobals, sizeof *g);
  for (uint32_t k = 0; k < m->nglobals; k++) {
    const Global *from = &m->globals[k];
    g[k].type = from->type.type;
    g[k].mutable_ = from->type.mutable_;
    g[k].init = from->import == UINT32_MAX ? classify(w, from->init) : (ImageInit){ .kind = INIT_NULL };
  }
  uint32_t *tags = section(w, IMG_TAGS, m->ntags, sizeof *tags);
  for (uint32_t k = 0; k < m->ntags; k++)
    tags[k] = m->tags[k].type;
}

static void put_segments(Meta *w)
{
  const Module *m = w->m;
  ImageElem *e = section(w, IMG_ELEMS, m->nelems, sizeof *e);
  uint64_t items = 0;
  for (uint32_t k = 0; k < m->nelems; k++) {
    const Elem *from = &m->elems[k];
    if (from->count > UINT32_MAX - items)
      zw_fail(m->ctx, ERR_limit, from->at, "too many elements in the module's segments");
    e[k] = (ImageElem){ .mode = from->mode, .table = from->mode == SEG_ACTIVE ? from->table : 0, .items = (uint32_t)items,
                        .nitems = from->count, .type = from->type, .offset = { .kind = INIT_NULL } };
    if (from->mode == SEG_ACTIVE)
      e[k].offset = classify(w, from->offset);
    items += from->count;
  }
  ImageInit *item = section(w, IMG_ELEM_ITEMS, items, sizeof *item);
  for (uint32_t k = 0; k < m->nelems; k++) {
    const Elem *from = &m->elems[k];
    for (uint32_t i = 0; i < from->count; i++, item++)
      *item = from->funcs ? (ImageInit){ .kind = INIT_FUNC, .index = from->funcs[i] } : classify(w, from->exprs[i]);
  }
  ImageData *d = section(w, IMG_DATAS, m->ndatas, sizeof *d);
  uint64_t off = 0;
  for (uint32_t k = 0; k < m->ndatas; k++) {
    const Data *from = &m->datas[k];
    d[k] = (ImageData){ .mode = from->mode, .memory = from->mode == SEG_ACTIVE ? from->memory : 0, .off = off, .bytes = from->len,
                        .offset = { .kind = INIT_NULL } };
    if (from->mode == SEG_ACTIVE)
      d[k].offset = classify(w, from->offset);
    off += from->len;
  }
}

static void put_functions(Meta *w)
{
  const Module *m = w->m;
  uint32_t defined = m->nfuncs - m->nimported_funcs;
  uint32_t *types = section(w, IMG_FUNC_TYPES, m->nfuncs, 4);
  for (uint32_t k = 0; k < m->nfuncs; k++)
    types[k] = m->funcs[k].type;
  const Blob *b = w->blob;
  section_bytes(w, IMG_FUNC_CODE, b ? b->func_code : NULL, b ? defined * 4ull : 0, b ? defined : 0, 4);
  uint32_t *refs = section(w, IMG_FUNCREFS, m->nfuncrefs, 4);
  for (uint32_t k = 0; k < m->nfuncs; k++)
    if (m->funcs[k].declared_ref)
      refs[m->funcs[k].funcref] = k;
  section_bytes(w, IMG_THUNKS, b ? b->thunks : NULL, b ? m->ntypes * sizeof *b->thunks : 0, b ? m->ntypes : 0, sizeof *b->thunks);
}

// Backtraces name a function by the name section, else by an export.
static void put_names(Meta *w)
{
  const Module *m = w->m;
  const Str **export = zw_new_array(w->a, const Str *, m->nfuncs);
  for (uint32_t k = m->nexports; k-- > 0;) // the first one wins
    if (m->exports[k].kind == EXT_FUNC)
      export[m->exports[k].index] = &m->exports[k].name;
  uint32_t *names = section(w, IMG_NAMES, m->nfuncs, 4);
  for (uint32_t k = 0; k < m->nfuncs; k++) {
    const Func *f = &m->funcs[k];
    Str name = f->name.n ? f->name : export[k] ? *export[k] : f->import != UINT32_MAX ? m->imports[f->import].name : STR("");
    names[k] = put_string(w, name);
  }
  zw_arena_drop(w->a, export);
  w->h.name = put_string(w, m->names.module);
}

static void put_lines(Meta *w)
{
  PackedLines l = zw_pack_lines(w->m, w->blob, w->a);
  section_bytes(w, IMG_LINES, l.rows, l.bytes, l.bytes, 1);
  section_bytes(w, IMG_LINE_BLOCKS, l.blocks, l.nblocks * sizeof *l.blocks, l.nblocks, sizeof *l.blocks);
  uint32_t *files = section(w, IMG_FILES, l.nfiles, 4);
  for (uint32_t k = 0; k < l.nfiles; k++)
    files[k] = put_string(w, l.files[k]);
}

void zw_meta_join(const Module *m, uint8_t *to)
{
  for (uint32_t k = 0; k < m->ndatas; k++) {
    if (m->datas[k].len)
      memcpy(to, m->datas[k].bytes, m->datas[k].len);
    to += m->datas[k].len;
  }
}

void zw_meta_put_data(const Module *m, OutStream *to)
{
  for (uint32_t k = 0; k < m->ndatas; k++)
    zw_out_put(to, m->datas[k].bytes, m->datas[k].len);
}

uint8_t *zw_meta_joined(const Module *m, const MetaImage *meta, Arena *a)
{
  uint8_t *p = zw_arena_stale(a, meta->data_bytes + 1, 1, 16);
  zw_meta_join(m, p);
  return p;
}

// Most of it is known: growing by copies would take twice the memory.
static void reserve(Meta *w)
{
  const Module *m = w->m;
  const Blob *b = w->blob;
  uint64_t names = 256, n = sizeof(ImageHeader) + 4096 + 12ull * m->nfuncs + 32ull * m->ntypes;
  for (uint32_t k = 0; k < m->nfuncs; k++)
    names += m->funcs[k].name.n + 5;
  for (uint32_t k = 0; k < m->nexports; k++)
    names += m->exports[k].name.n + 5;
  for (uint32_t k = 0; k < m->nelems; k++)
    n += (uint64_t)m->elems[k].count * sizeof(ImageInit) + sizeof(ImageElem);
  n += (uint64_t)m->ndatas * sizeof(ImageData) + (uint64_t)m->nglobals * sizeof(ImageGlobal) + (uint64_t)m->nexports * sizeof(ImageExport);
  if (b)
    n += b->nfuncs * sizeof *b->funcs + b->sites_bytes + b->maps_bytes + b->nhandlers * sizeof *b->handlers +
         b->ninlines * sizeof *b->inlines + 4ull * m->nfuncs + m->ntypes * sizeof *b->thunks;
  if (names + n >= META_MAX)
    return; // as it comes
  zw_reserve(w->a, &w->strings, (uint32_t)names);
  zw_reserve(w->a, &w->out, (uint32_t)(n + names));
}

MetaImage zw_meta_build(const Module *m, const Blob *b, uint32_t image_flags, Arena *a)
{
  ASSERT(m->checked);
  Meta w = { .m = m, .blob = b, .a = a };
  reserve(&w);
  extend(&w, sizeof(ImageHeader));
  memset(w.strings.p, 0, 4); // offset 0 is ""
  w.strings.n = 4;
  w.h = (ImageHeader){
    .magic = IMAGE_MAGIC, .format = IMAGE_FORMAT, .abi = IMAGE_ABI, .arch = b ? b->arch : 0, .cpu_bits = b ? b->cpu_bits : 0,
    .flags = image_flags, .text_bytes = b ? b->text_bytes : 0, .start_func = m->start,
    .nimported_funcs = m->nimported_funcs, .nimported_tables = m->nimported_tables,
    .nimported_memories = m->nimported_memories, .nimported_globals = m->nimported_globals, .nimported_tags = m->nimported_tags,
  };
  put_code_tables(&w);
  put_types(&w);
  put_imports_exports(&w);
  put_tables(&w);
  put_segments(&w);
  section_bytes(&w, IMG_EXPRS, w.exprs.p, w.exprs.n, w.exprs.n, 1);
  put_functions(&w);
  put_names(&w);
  put_lines(&w);
  section_bytes(&w, IMG_STRINGS, w.strings.p, w.strings.n, w.strings.n, 1);
  extend(&w, (size_t)(zw_align_up(w.out.n, 8) - w.out.n));
  zw_arena_drop(a, w.strings.p);
  zw_arena_drop(a, w.exprs.p);
  MetaImage out = { 0 };
  for (uint32_t k = 0; k < m->ndatas; k++)
    out.data_bytes += m->datas[k].len;
  w.h.data_bytes = out.data_bytes;
  w.h.meta_bytes = w.out.n;
  memcpy(w.out.p, &w.h, sizeof w.h);
  out.meta = w.out.p;
  out.meta_bytes = w.out.n;
  return out;
}
