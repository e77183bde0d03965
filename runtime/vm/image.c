// Opening an image from a file or a compiler in this process: a view over three byte spans, and, for spans that somebody
// else may have written, the proof that no record in them leads the runtime outside.  Machine code itself cannot be proven; whoever loads it must trust it.
//
// Every check below is a bound, an order or an index; one pass over each section, nothing is copied.  The sites and
// maps of a function are decoded once here so that the readers at trap time may run without bounds.
#include "runtime/abi/image.h"
#include "runtime/base/bits.h"
#include "runtime/type/type.h"
#include "runtime/vm/vm_int.h"

enum { MAX_RECORDS = 1 << 20 };  // per section of things: the JS API's million of functions, types, globals ...
enum { MAX_MEMORIES = 1000, MAX_FRAME = 0x7fffffff };

typedef struct Section { const char *name; uint32_t size, align, max; } Section;
static const Section sections[IMG_SECTION_COUNT] = {
  [IMG_FUNCS] = { "function", sizeof(ImageFunc), 4, 4 * MAX_RECORDS },
  [IMG_SITES] = { "site", 1, 1, UINT32_MAX },
  [IMG_MAPS] = { "stack map", 1, 1, UINT32_MAX },
  [IMG_HANDLERS] = { "handler", sizeof(ImageHandler), 4, UINT32_MAX },
  [IMG_INLINES] = { "inlined position", sizeof(ImageInline), 4, UINT32_MAX },
  [IMG_TYPES] = { "type", 4, 4, UINT32_MAX },
  [IMG_TYPE_INDEX] = { "type index", 4, 4, MAX_RECORDS },
  [IMG_IMPORTS] = { "import", sizeof(ImageImport), 4, MAX_RECORDS },
  [IMG_EXPORTS] = { "export", sizeof(ImageExport), 4, MAX_RECORDS },
  [IMG_TABLES] = { "table", sizeof(ImageTable), 8, MAX_RECORDS },
  [IMG_MEMORIES] = { "memory", sizeof(ImageMemory), 8, MAX_MEMORIES },
  [IMG_GLOBALS] = { "global", sizeof(ImageGlobal), 8, MAX_RECORDS },
  [IMG_TAGS] = { "tag", 4, 4, MAX_RECORDS },
  [IMG_ELEMS] = { "element segment", sizeof(ImageElem), 8, MAX_RECORDS },
  [IMG_ELEM_ITEMS] = { "element", sizeof(ImageInit), 8, UINT32_MAX },
  [IMG_DATAS] = { "data segment", sizeof(ImageData), 8, MAX_RECORDS },
  [IMG_EXPRS] = { "expression", 1, 1, UINT32_MAX },
  [IMG_FUNC_TYPES] = { "function type", 4, 4, 2 * MAX_RECORDS },
  [IMG_FUNC_CODE] = { "function code", 4, 4, MAX_RECORDS },
  [IMG_FUNCREFS] = { "function reference", 4, 4, 2 * MAX_RECORDS },
  [IMG_THUNKS] = { "thunk", sizeof(ImageThunks), 4, MAX_RECORDS },
  [IMG_NAMES] = { "name", 4, 4, 2 * MAX_RECORDS },
  [IMG_LINES] = { "source line", 1, 1, UINT32_MAX },
  [IMG_LINE_BLOCKS] = { "block of source lines", sizeof(ImageLineBlock), 4, UINT32_MAX },
  [IMG_FILES] = { "source file", 4, 4, UINT32_MAX },
  [IMG_STRINGS] = { "string", 1, 1, UINT32_MAX },
};

typedef struct Opener { Image *im; char *err; size_t err_bytes; } Opener;

static bool bad(const Opener *o, const char *what)
{
  zw_format(o->err, o->err_bytes, "damaged image: %s", what);
  return false;
}
static bool bad_record(const Opener *o, ImageSection s, uint32_t index)
{
  zw_format(o->err, o->err_bytes, "damaged image: %s %u", sections[s].name, index);
  return false;
}

// ---- always: the header and where the sections lie ----

static bool spans_ok(const Opener *o, size_t meta_bytes)
{
  const ImageHeader *h = o->im->h;
  for (int s = 0; s < IMG_SECTION_COUNT; s++) {
    const Section *k = &sections[s];
    uint64_t end = h->span[s].off + (uint64_t)h->span[s].count * k->size;
    if (h->span[s].off < sizeof *h || h->span[s].off % k->align || end > meta_bytes || h->span[s].count > k->max) {
      zw_format(o->err, o->err_bytes, "damaged image: the %s section does not fit", k->name);
      return false;
    }
  }
  return true;
}

static bool counts_ok(const Opener *o)
{
  const Image *im = o->im;
  const ImageHeader *h = im->h;
  uint32_t nfuncs = IMAGE_COUNT(im, IMG_FUNC_TYPES), ntypes = IMAGE_COUNT(im, IMG_TYPE_INDEX);
  bool code = h->text_bytes != 0;
  if (h->nimported_funcs > nfuncs || h->nimported_tables > IMAGE_COUNT(im, IMG_TABLES) ||
      h->nimported_memories > IMAGE_COUNT(im, IMG_MEMORIES) || h->nimported_globals > IMAGE_COUNT(im, IMG_GLOBALS) ||
      h->nimported_tags > IMAGE_COUNT(im, IMG_TAGS))
    return bad(o, "more imports than things");
  uint64_t imports = (uint64_t)h->nimported_funcs + h->nimported_tables + h->nimported_memories + h->nimported_globals + h->nimported_tags;
  if (imports != IMAGE_COUNT(im, IMG_IMPORTS))
    return bad(o, "the counts of imports differ");
  if (code && (IMAGE_COUNT(im, IMG_FUNC_CODE) != nfuncs - h->nimported_funcs || IMAGE_COUNT(im, IMG_THUNKS) != ntypes))
    return bad(o, "not every function has code");
  if (IMAGE_COUNT(im, IMG_NAMES) != 0 && IMAGE_COUNT(im, IMG_NAMES) != nfuncs)
    return bad(o, "not every function has a name");
  if (h->start_func != UINT32_MAX && h->start_func >= nfuncs)
    return bad(o, "the start function");
  if (IMAGE_COUNT(im, IMG_STRINGS) < 4 || zw_get32(im->meta + h->span[IMG_STRINGS].off) != 0)
    return bad(o, "the strings");
  return true;
}

// ---- untrusted: code and its tables ----

static bool read_uleb(const uint8_t **p, const uint8_t *end, uint32_t *out)
{
  uint32_t v = 0;
  for (unsigned shift = 0; *p < end && shift < 35; shift += 7) {
    uint8_t b = *(*p)++;
    v |= (uint32_t)(b & 0x7f) << shift;
    if (!(b & 0x80)) {
      *out = v;
      return shift < 28 || b < 16;
    }
  }
  return false;
}
static bool skip_sleb(const uint8_t **p, const uint8_t *end)
{
  for (unsigned n = 0; *p < end && n < 5; n++)
    if (!(*(*p)++ & 0x80))
      return true;
  return false;
}
static bool site_kind_ok(uint8_t kind)
{
  uint8_t trap = kind & SITE_TRAP_MASK;
  return (kind & ~SITE_TRAP_MASK) == SITE_CALL ? trap == 0 : trap > TRAP_none && trap < TRAP_COUNT;
}
static bool sites_ok(const Image *im, const ImageFunc *f)
{
  const uint8_t *base = im->meta + im->h->span[IMG_SITES].off, *end = base + IMAGE_COUNT(im, IMG_SITES);
  if (f->sites > IMAGE_COUNT(im, IMG_SITES))
    return false;
  const uint8_t *p = base + f->sites;
  uint64_t pc = 0;
  bool behind_call = false; // the site before is no fault: one may follow at its pc
  for (uint32_t i = 0; i < f->nsites; i++) {
    uint32_t delta;
    if (!read_uleb(&p, end, &delta) || p == end)
      return false;
    uint8_t kind = *p++;
    bool fault = (kind & ~SITE_TRAP_MASK) == SITE_FAULT;
    pc += delta;
    if ((i > 0 && delta == 0 && !(behind_call && fault)) || pc > f->code_bytes || !site_kind_ok(kind) || !skip_sleb(&p, end))
      return false;
    behind_call = !fault;
  }
  return true;
}
static unsigned saved_bytes(const ImageFunc *f) { return 8 * zw_popcnt32(f->saved); }

static bool maps_ok(const Image *im, const ImageFunc *f)
{
  const uint8_t *base = im->meta + im->h->span[IMG_MAPS].off, *end = base + IMAGE_COUNT(im, IMG_MAPS);
  if (f->maps > IMAGE_COUNT(im, IMG_MAPS))
    return false;
  const uint8_t *p = base + f->maps;
  uint64_t pc = 0, slots = ((uint64_t)f->frame_bytes + saved_bytes(f) + 8 + f->pop_bytes) / 8;
  for (uint32_t i = 0; i < f->nmaps; i++) {
    uint32_t delta, n, slot_delta;
    if (!read_uleb(&p, end, &delta) || (i > 0 && delta == 0) || !read_uleb(&p, end, &n))
      return false;
    pc += delta;
    if (pc > f->code_bytes || n > slots || (i == 0 && n == 0))
      return false;
    uint64_t slot = 0;
    for (uint32_t k = 0; k < n; k++) {
      if (!read_uleb(&p, end, &slot_delta))
        return false;
      slot += slot_delta;
      if (slot >= slots)
        return false;
    }
  }
  return true;
}
static bool handlers_ok(const Image *im, const ImageFunc *f)
{
  uint32_t total = IMAGE_COUNT(im, IMG_HANDLERS), end = f->code_off + f->code_bytes;
  if (f->handlers > total || f->nhandlers > total - f->handlers)
    return false;
  const ImageHandler *h = IMAGE_ARRAY(im, ImageHandler, IMG_HANDLERS) + f->handlers;
  for (uint32_t i = 0; i < f->nhandlers; i++, h++)
    if (h->pc_begin > h->pc_end || h->pc_begin < f->code_off || h->pc_end > end || h->handler_pc < f->code_off ||
        h->handler_pc >= end || (h->tag != UINT32_MAX && h->tag >= IMAGE_COUNT(im, IMG_TAGS)))
      return false;
  return true;
}

static bool inlines_ok(const Image *im, const ImageFunc *f)
{
  uint32_t total = IMAGE_COUNT(im, IMG_INLINES);
  if (f->inlines > total || f->ninlines > total - f->inlines)
    return false;
  const ImageInline *l = IMAGE_ARRAY(im, ImageInline, IMG_INLINES) + f->inlines;
  for (uint32_t i = 0; i < f->ninlines; i++) // chains go down, so they end
    if (l[i].func >= IMAGE_COUNT(im, IMG_FUNC_TYPES) || l[i].wasm_at & IMAGE_INLINE_AT ||
        (l[i].parent & IMAGE_INLINE_AT && (l[i].parent & ~IMAGE_INLINE_AT) >= i))
      return false;
  return true;
}

static bool func_ok(const Image *im, const ImageFunc *f, uint32_t not_before)
{
  enum { CALLEE_SAVED = 1 << 3 | 1 << 5 | 0xf << 10 }; // rbx rbp r10 r11 r12 r13
  uint32_t ntypes = IMAGE_COUNT(im, IMG_TYPE_INDEX);
  if (f->code_off < not_before || f->code_off > im->h->text_bytes || f->code_bytes > im->h->text_bytes - f->code_off)
    return false;
  if (f->code_bytes == 0 || f->prologue_bytes > f->code_bytes || f->frame_bytes > MAX_FRAME || f->frame_bytes % 8 || f->pop_bytes > MAX_FRAME)
    return false;
  switch (f->flags) {
  case 0: case IMAGE_FUNC_KEEPS_REFS:
    if (f->func < im->h->nimported_funcs || f->func >= IMAGE_COUNT(im, IMG_FUNC_TYPES) || f->saved & ~CALLEE_SAVED)
      return false;
    break;
  case IMAGE_FUNC_THUNK_ENTRY: case IMAGE_FUNC_THUNK_XCALL: case IMAGE_FUNC_THUNK_HOST: case IMAGE_FUNC_THUNK_XTAIL:
    if (f->func >= ntypes)
      return false;
    break;
  case IMAGE_FUNC_THUNK_TRAP:
    if (f->func >= TRAP_COUNT)
      return false;
    break;
  default: return false;
  }
  return sites_ok(im, f) && maps_ok(im, f) && handlers_ok(im, f) && inlines_ok(im, f);
}

static bool thunk_ok(const Image *im, uint32_t off, uint16_t flag)
{
  if (off == 0)
    return true;
  const ImageFunc *f = zw_image_func_at(im, off);
  return f && f->code_off == off && f->flags == flag;
}

static bool code_ok(const Opener *o)
{
  const Image *im = o->im;
  uint32_t end = 0;
  if (im->h->text_bytes > 0x7fffffff)
    return bad(o, "the text is too large");
  for (uint32_t i = 0; i < im->nfuncs; i++) {
    if (!func_ok(im, &im->funcs[i], end))
      return bad_record(o, IMG_FUNCS, i);
    end = im->funcs[i].code_off + im->funcs[i].code_bytes;
  }
  const uint32_t *code = IMAGE_ARRAY(im, uint32_t, IMG_FUNC_CODE);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_FUNC_CODE); i++)
    if (code[i] >= im->nfuncs || im->funcs[code[i]].flags & IMAGE_FUNC_THUNK || im->funcs[code[i]].func != i + im->h->nimported_funcs)
      return bad_record(o, IMG_FUNC_CODE, i);
  const ImageThunks *t = IMAGE_ARRAY(im, ImageThunks, IMG_THUNKS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_THUNKS); i++)
    if (!thunk_ok(im, t[i].entry, IMAGE_FUNC_THUNK_ENTRY) || !thunk_ok(im, t[i].xcall, IMAGE_FUNC_THUNK_XCALL) ||
        !thunk_ok(im, t[i].host, IMAGE_FUNC_THUNK_HOST))
      return bad_record(o, IMG_THUNKS, i);
  return true;
}

// ---- untrusted: declarations ----

static bool name_ok(const Image *im, uint32_t off)
{
  uint32_t bytes = IMAGE_COUNT(im, IMG_STRINGS);
  if (off == 0)
    return true;
  if (off < 8 || off >= bytes)
    return false;
  const uint8_t *p = im->meta + im->h->span[IMG_STRINGS].off + off;
  uint32_t n = zw_get32(p - 4);
  return n < bytes - off && p[n] == 0;
}
// A comparable value type: heap types in range.
static bool type_ok(const Image *im, ValType t)
{
  if (!zw_is_ref(t))
    return t <= VT_V128;
  uint32_t heap = zw_heap_type(t);
  return heap >= HEAP_ABSTRACT ? heap < HEAP_BOT : heap < IMAGE_COUNT(im, IMG_TYPE_INDEX);
}
static bool is_func_type(const Image *im, uint32_t type)
{
  return type < IMAGE_COUNT(im, IMG_TYPE_INDEX) &&
         (IMAGE_ARRAY(im, uint32_t, IMG_TYPES)[IMAGE_ARRAY(im, uint32_t, IMG_TYPE_INDEX)[type]] & 0xff) == COMP_FUNC;
}
static bool init_ok(const Image *im, const ImageInit *i)
{
  switch (i->kind) {
  case INIT_CONST: case INIT_NULL: return true;
  case INIT_GLOBAL: return i->index < IMAGE_COUNT(im, IMG_GLOBALS);
  case INIT_FUNC: return i->index < IMAGE_COUNT(im, IMG_FUNC_TYPES);
  case INIT_EXPR: return i->index <= IMAGE_COUNT(im, IMG_EXPRS) && i->bits[0] <= IMAGE_COUNT(im, IMG_EXPRS) - i->index;
  }
  return false;
}
static bool limits_ok(const ImageLimits *l, bool memory)
{
  if (l->has_max > 1 || l->shared > 1 || l->is64 > 1 || (l->has_max && l->max < l->min))
    return false;
  return !memory || l->page_log2 <= 16;
}

static bool imports_ok(const Opener *o)
{
  const Image *im = o->im;
  const ImageHeader *h = im->h;
  uint32_t limit[] = { h->nimported_funcs, h->nimported_tables, h->nimported_memories, h->nimported_globals, h->nimported_tags };
  uint32_t next[5] = { 0 };
  const ImageImport *p = IMAGE_ARRAY(im, ImageImport, IMG_IMPORTS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_IMPORTS); i++)
    if (p[i].kind > EXT_TAG || !name_ok(im, p[i].module) || !name_ok(im, p[i].name) || p[i].index != next[p[i].kind]++ ||
        p[i].index >= limit[p[i].kind])
      return bad_record(o, IMG_IMPORTS, i);
  return true;
}
static bool exports_ok(const Opener *o)
{
  const Image *im = o->im;
  uint32_t limit[] = { IMAGE_COUNT(im, IMG_FUNC_TYPES), IMAGE_COUNT(im, IMG_TABLES), IMAGE_COUNT(im, IMG_MEMORIES),
                       IMAGE_COUNT(im, IMG_GLOBALS), IMAGE_COUNT(im, IMG_TAGS) };
  const ImageExport *p = IMAGE_ARRAY(im, ImageExport, IMG_EXPORTS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_EXPORTS); i++)
    if (p[i].kind > EXT_TAG || !name_ok(im, p[i].name) || p[i].index >= limit[p[i].kind])
      return bad_record(o, IMG_EXPORTS, i);
  return true;
}
static bool things_ok(const Opener *o)
{
  const Image *im = o->im;
  const ImageTable *t = IMAGE_ARRAY(im, ImageTable, IMG_TABLES);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_TABLES); i++)
    if (!limits_ok(&t[i].limits, false) || !zw_is_ref(t[i].elem) || !type_ok(im, t[i].elem) || !init_ok(im, &t[i].init))
      return bad_record(o, IMG_TABLES, i);
  const ImageMemory *m = IMAGE_ARRAY(im, ImageMemory, IMG_MEMORIES);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_MEMORIES); i++)
    if (!limits_ok(&m[i].limits, true))
      return bad_record(o, IMG_MEMORIES, i);
  const ImageGlobal *g = IMAGE_ARRAY(im, ImageGlobal, IMG_GLOBALS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_GLOBALS); i++)
    if (!type_ok(im, g[i].type) || g[i].mutable_ > 1 || !init_ok(im, &g[i].init))
      return bad_record(o, IMG_GLOBALS, i);
  const uint32_t *tag = IMAGE_ARRAY(im, uint32_t, IMG_TAGS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_TAGS); i++)
    if (!is_func_type(im, tag[i]))
      return bad_record(o, IMG_TAGS, i);
  return true;
}
static bool segments_ok(const Opener *o)
{
  const Image *im = o->im;
  uint32_t nitems = IMAGE_COUNT(im, IMG_ELEM_ITEMS);
  const ImageElem *e = IMAGE_ARRAY(im, ImageElem, IMG_ELEMS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_ELEMS); i++)
    if (e[i].mode > 2 || (e[i].mode == 0 && e[i].table >= IMAGE_COUNT(im, IMG_TABLES)) || e[i].items > nitems ||
        e[i].nitems > nitems - e[i].items || !zw_is_ref(e[i].type) || !type_ok(im, e[i].type) || !init_ok(im, &e[i].offset))
      return bad_record(o, IMG_ELEMS, i);
  const ImageInit *item = IMAGE_ARRAY(im, ImageInit, IMG_ELEM_ITEMS);
  for (uint32_t i = 0; i < nitems; i++)
    if (!init_ok(im, &item[i]))
      return bad_record(o, IMG_ELEM_ITEMS, i);
  const ImageData *d = IMAGE_ARRAY(im, ImageData, IMG_DATAS);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_DATAS); i++)
    if (d[i].mode > 1 || (d[i].mode == 0 && d[i].memory >= IMAGE_COUNT(im, IMG_MEMORIES)) || d[i].off > im->h->data_bytes ||
        d[i].bytes > im->h->data_bytes - d[i].off || !init_ok(im, &d[i].offset))
      return bad_record(o, IMG_DATAS, i);
  return true;
}
static bool functions_ok(const Opener *o)
{
  const Image *im = o->im;
  uint32_t nfuncs = IMAGE_COUNT(im, IMG_FUNC_TYPES);
  const uint32_t *type = IMAGE_ARRAY(im, uint32_t, IMG_FUNC_TYPES), *ref = IMAGE_ARRAY(im, uint32_t, IMG_FUNCREFS);
  for (uint32_t i = 0; i < nfuncs; i++)
    if (!is_func_type(im, type[i]))
      return bad_record(o, IMG_FUNC_TYPES, i);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_FUNCREFS); i++)
    if (ref[i] >= nfuncs || (i > 0 && ref[i] <= ref[i - 1]))
      return bad_record(o, IMG_FUNCREFS, i);
  const uint32_t *name = IMAGE_ARRAY(im, uint32_t, IMG_NAMES);
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_NAMES); i++)
    if (!name_ok(im, name[i]))
      return bad_record(o, IMG_NAMES, i);
  return name_ok(im, im->h->name) ? true : bad(o, "the module's name");
}

static bool records_ok(const Opener *o)
{
  const Image *im = o->im;
  if (!zw_types_ok(IMAGE_ARRAY(im, uint32_t, IMG_TYPES), IMAGE_COUNT(im, IMG_TYPES), IMAGE_ARRAY(im, uint32_t, IMG_TYPE_INDEX),
                   IMAGE_COUNT(im, IMG_TYPE_INDEX)))
    return bad(o, "the types");
  return functions_ok(o) && imports_ok(o) && exports_ok(o) && things_ok(o) && segments_ok(o) && code_ok(o);
}

bool zw_image_open(Image *im, const uint8_t *meta, size_t meta_bytes, const uint8_t *text, size_t text_bytes,
                   const uint8_t *data, size_t data_bytes, bool untrusted, char *err, size_t err_bytes)
{
  Opener o = { im, err, err_bytes };
  if (!zw_image_head(im, meta, meta_bytes, text, text_bytes, data, data_bytes, err, err_bytes) || !spans_ok(&o, meta_bytes) || !counts_ok(&o))
    return false;
  zw_image_count(im);
  return !untrusted || records_ok(&o);
}
