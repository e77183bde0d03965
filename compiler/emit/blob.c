// One text from many functions: place them in index order, add the thunks that something needs, resolve calls.
// Nothing here depends on the order in which functions were compiled.
//
// Thunks are shared by equal types (TypeDef.canon).  Needed are
//   ENTRY  types of functions that can be called from outside: exported, start, referable
//   XCALL  types that some code calls through (the fixups say so), also by XTAIL
//   HOST   types of imported functions; where funcrefs can come in from outside, all XCALL types too
//   TRAP   the kinds some code names
#include "compiler/emit/target.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"

enum { TEXT_START = 16, TEXT_ALIGN = 64 };

enum { TYPED = 4 }; // thunk kinds that there are per type
typedef struct Builder {
  const Module *m;
  const Target *t;
  const CodeOptions *o;
  Arena *a;
  const PackedCode *const *funcs; // the defined functions
  FuncCode **thunks;          // behind them
  uint32_t ncodes, ndefined, most; // of both; of them functions; as many as there may be
  uint64_t cfi_bytes;         // of all of them
  uint32_t *thunk[TYPED];     // per canonical type, by kind: its position behind functions and other thunks + 1; 0 = none
  uint32_t trap[TRAP_COUNT];
  bool *want[TYPED], want_trap[TRAP_COUNT];
} Builder;

typedef struct BlobText { Builder b; BlobSource from; } BlobText;

STATIC_ASSERT(THUNK_ENTRY == 0 && THUNK_XCALL == 1 && THUNK_HOST == 2 && THUNK_XTAIL == 3, "they index Builder.thunk");

static unsigned thunk_kind(uint32_t target) { return target >> 24 & 0x7f; }
static uint32_t thunk_index(uint32_t target) { return target & 0xffffff; }
static bool is_thunk(uint32_t target) { return target >> 31; }
static void code_at(const Builder *b, uint32_t k, FuncCode *c)
{
  if (k < b->ndefined)
    zw_code_open(b->funcs[k], c);
  else
    *c = *b->thunks[k - b->ndefined];
}

static uint32_t canon(const Builder *b, uint32_t type) { return b->m->types[type].canon; }

static void want(Builder *b, unsigned kind, uint32_t type)
{
  CHECK(type < b->m->ntypes && b->m->types[type].kind == COMP_FUNC);
  b->want[kind][canon(b, type)] = true;
}

static void want_targets(Builder *b, const FuncCode *c)
{
  for (uint32_t k = 0; k < c->nfixups; k++) {
    uint32_t target = c->fixups[k].target;
    if (!is_thunk(target))
      continue;
    if (thunk_kind(target) == THUNK_TRAP) {
      CHECK(thunk_index(target) < TRAP_COUNT);
      b->want_trap[thunk_index(target)] = true;
    } else
      want(b, thunk_kind(target), thunk_index(target));
    if (thunk_kind(target) == THUNK_XTAIL)
      want(b, THUNK_XCALL, thunk_index(target));
  }
}

static bool has_refs(const FuncType *f)
{
  for (uint32_t k = 0; k < f->nparams; k++)
    if (zw_is_ref(f->params[k]))
      return true;
  for (uint32_t k = 0; k < f->nresults; k++)
    if (zw_is_ref(f->results[k]))
      return true;
  return false;
}

// Can a funcref made by the host get into this module other than by a function import?
static bool funcrefs_cross_border(const Module *m)
{
  for (uint32_t k = 0; k < m->nimports; k++)
    switch ((ExternKind)m->imports[k].kind) {
    case EXT_TABLE: return true;
    case EXT_GLOBAL: if (zw_is_ref(m->globals[m->imports[k].index].type.type)) return true; break;
    case EXT_FUNC: if (has_refs(zw_func_type(m, m->imports[k].index))) return true; break;
    case EXT_MEMORY: case EXT_TAG: break;
    }
  for (uint32_t k = 0; k < m->nexports; k++)
    switch ((ExternKind)m->exports[k].kind) {
    case EXT_TABLE: return true;
    case EXT_GLOBAL: if (zw_is_ref(m->globals[m->exports[k].index].type.type)) return true; break;
    case EXT_FUNC: if (has_refs(zw_func_type(m, m->exports[k].index))) return true; break;
    case EXT_MEMORY: case EXT_TAG: break;
    }
  return false;
}

// What nothing in the code asks for.
static void find_wanted(Builder *b)
{
  const Module *m = b->m;
  for (uint32_t f = 0; f < m->nfuncs; f++) {
    if (f < m->nimported_funcs)
      want(b, THUNK_HOST, m->funcs[f].type);
    else if (m->funcs[f].declared_ref || f == m->start)
      want(b, THUNK_ENTRY, m->funcs[f].type);
  }
  for (uint32_t k = 0; k < m->nexports; k++)
    if (m->exports[k].kind == EXT_FUNC)
      want(b, THUNK_ENTRY, m->funcs[m->exports[k].index].type);
  if (funcrefs_cross_border(m))
    for (uint32_t k = 0; k < m->ntypes; k++)
      b->want[THUNK_HOST][k] |= b->want[THUNK_XCALL][k];
}

static void add_thunk(Builder *b, FuncCode *c)
{
  CHECK(b->ncodes < b->most);
  b->thunks[b->ncodes++ - b->ndefined] = c;
}

static void make_thunks(Builder *b)
{
  Ctx *ctx = b->m->ctx;
  uint32_t n = TRAP_COUNT;
  for (unsigned kind = 0; kind < TYPED; kind++)
    for (uint32_t k = 0; k < b->m->ntypes; k++) // XTAIL and XCALL are wanted by functions only
      n += b->want[kind][k];
  b->thunks = zw_new_array(b->a, FuncCode *, n);
  b->most = b->ndefined + n;
  for (unsigned kind = 0; kind < TYPED; kind++) {
    b->thunk[kind] = zw_new_array(b->a, uint32_t, b->m->ntypes + 1);
    for (uint32_t k = 0; k < b->m->ntypes; k++)
      if (b->want[kind][k]) {
        FuncCode *c = b->t->thunk(ctx, b->m, kind, k, b->o, b->a);
        want_targets(b, c); // traps
        add_thunk(b, c);
        b->thunk[kind][k] = b->ncodes;
      }
  }
  for (uint32_t k = 0; k < TRAP_COUNT; k++)
    if (b->want_trap[k]) {
      add_thunk(b, b->t->thunk(ctx, b->m, THUNK_TRAP, k, b->o, b->a));
      b->trap[k] = b->ncodes;
    }
}

// The function or thunk that a call goes to.
static uint32_t target_code(const Builder *b, uint32_t target)
{
  if (!is_thunk(target)) {
    CHECK(target >= b->m->nimported_funcs && target < b->m->nfuncs);
    return target - b->m->nimported_funcs;
  }
  uint32_t n = thunk_index(target);
  uint32_t k = thunk_kind(target) == THUNK_TRAP ? b->trap[n] : b->thunk[thunk_kind(target)][canon(b, n)];
  CHECK(k != 0);
  return k - 1;
}

ImageFunc zw_image_func(const FuncCode *c, const BlobPlace *at)
{
  return (ImageFunc){
    .code_off = (uint32_t)at->text, .code_bytes = c->nbytes, .frame_bytes = c->frame_bytes, .saved = c->saved, .flags = c->flags,
    .prologue_bytes = c->prologue_bytes, .pop_bytes = c->pop_bytes, .sites = (uint32_t)at->sites, .nsites = c->nsites,
    .maps = (uint32_t)at->maps, .nmaps = c->nmaps, .handlers = (uint32_t)at->handlers, .nhandlers = c->nhandlers,
    .inlines = (uint32_t)at->inlines, .ninlines = c->ninlines,
    .func = is_thunk(c->func) ? thunk_index(c->func) : c->func,
  };
}

void zw_image_handlers(const FuncCode *c, uint32_t code_off, ImageHandler *to)
{
  for (uint32_t h = 0; h < c->nhandlers; h++, to++) {
    *to = c->handlers[h];
    to->pc_begin += code_off, to->pc_end += code_off, to->handler_pc += code_off;
  }
}

// Offsets of everything from `first` on, by running sums; what it wants.  Thunks want traps only, and those are there.
static void place(Builder *b, Blob *out, BlobPlace *from, uint32_t first)
{
  BlobPlace at = *from;
  for (uint32_t k = first; k < b->ncodes; k++) {
    FuncCode c;
    code_at(b, k, &c);
    want_targets(b, &c);
    b->cfi_bytes += c.cfi_bytes;
    at.text = zw_align_up(at.text, c.align);
    out->libcalls |= c.libcalls;
    if (at.text + c.nbytes > INT32_MAX || at.sites + c.sites_bytes > UINT32_MAX || at.maps + c.maps_bytes > UINT32_MAX)
      zw_fail(b->m->ctx, ERR_limit, ZW_NO_POS, "the module has more than 2 GiB of machine code");
    out->funcs[k] = zw_image_func(&c, &at);
    at.text += c.nbytes, at.sites += c.sites_bytes, at.maps += c.maps_bytes, at.handlers += c.nhandlers, at.inlines += c.ninlines;
  }
  *from = at;
}

static void end_tables(Blob *out, BlobPlace at)
{
  out->text_bytes = zw_align_up(at.text, TEXT_ALIGN);
  out->sites_bytes = (uint32_t)at.sites, out->maps_bytes = (uint32_t)at.maps;
  out->nhandlers = (uint32_t)at.handlers, out->ninlines = (uint32_t)at.inlines;
}

static void append(void *to, const void *from, size_t n)
{
  if (n)
    memcpy(to, from, n);
}

// The unwind rows of all functions, in one piece.
static void keep_rows(const Builder *b, Blob *out)
{
  uint8_t *cfi = zw_arena_stale(b->a, b->cfi_bytes + 1, 1, 1);
  FuncCode c;
  out->rows = zw_stale_array(b->a, UnwindRows, b->ncodes);
  for (uint32_t k = 0; k < b->ncodes; k++) {
    code_at(b, k, &c);
    out->rows[k] = (UnwindRows){ cfi, c.cfi_bytes, c.code_bytes };
    append(cfi, c.cfi, c.cfi_bytes);
    cfi += c.cfi_bytes;
  }
}

static void fill_tables(const Builder *b, Blob *out)
{
  out->sites = zw_arena_stale(b->a, out->sites_bytes + 1u, 1, 1);
  out->maps = zw_arena_stale(b->a, out->maps_bytes + 1u, 1, 1);
  out->handlers = zw_stale_array(b->a, ImageHandler, out->nhandlers + 1);
  out->inlines = zw_stale_array(b->a, ImageInline, out->ninlines + 1);
  for (uint32_t k = 0; k < b->ncodes; k++) {
    const ImageFunc *f = &out->funcs[k];
    if (!(f->nsites | f->nmaps | f->nhandlers))
      continue;
    FuncCode c;
    code_at(b, k, &c);
    append(out->sites + f->sites, c.sites, c.sites_bytes);
    append(out->maps + f->maps, c.maps, c.maps_bytes);
    append(out->inlines + f->inlines, c.inlines, sizeof(ImageInline) * c.ninlines);
    zw_image_handlers(&c, f->code_off, out->handlers + f->handlers);
  }
}

// The calls of a function whose bytes lie at `code`.
static void bind_calls(const Builder *b, const Blob *out, const FuncCode *c, const ImageFunc *f, uint8_t *code)
{
  for (uint32_t x = 0; x < c->nfixups; x++) {
    CHECK(c->fixups[x].at + 4ull <= c->nbytes);
    uint64_t to = (uint64_t)out->funcs[target_code(b, c->fixups[x].target)].code_off - f->code_off; // from here: it may lie before it
    b->t->apply_fixup(code, c->fixups[x].at, c->fixups[x].kind, to);
  }
}

static void fill_text(const BlobText *s, const Blob *out, uint8_t *text)
{
  const Builder *b = &s->b;
  uint64_t end = 0;
  for (uint32_t k = 0; k < b->ncodes; k++) {
    FuncCode c;
    code_at(b, k, &c);
    const ImageFunc *f = &out->funcs[k];
    memset(text + end, 0xcc, f->code_off - end); // int3 between functions on x86; never executed anywhere
    append(text + f->code_off, c.bytes, c.nbytes);
    bind_calls(b, out, &c, f, text + f->code_off);
    end = (uint64_t)f->code_off + c.nbytes;
    if (s->from.placed && k < b->ndefined)
      s->from.placed(s->from.arg, k);
  }
  memset(text + end, 0xcc, out->text_bytes - end);
}

// The same into a file.  Calls are bound where the code lies, which nobody wants there afterwards.
static void put_text(const BlobText *s, const Blob *out, OutStream *to)
{
  const Builder *b = &s->b;
  uint64_t end = 0;
  for (uint32_t k = 0; k < b->ncodes; k++) {
    FuncCode c;
    code_at(b, k, &c);
    const ImageFunc *f = &out->funcs[k];
    uint8_t *bytes = (uint8_t *)(uintptr_t)c.bytes;
    zw_out_fill(to, 0xcc, f->code_off - end);
    bind_calls(b, out, &c, f, bytes);
    zw_out_put(to, bytes, c.nbytes);
    end = (uint64_t)f->code_off + c.nbytes;
    if (s->from.placed && k < b->ndefined)
      s->from.placed(s->from.arg, k);
  }
  zw_out_fill(to, 0xcc, out->text_bytes - end);
}

void zw_blob_done(Blob *b)
{
  BlobText *s = b->source;
  b->source = NULL;
  if (s && s->from.done)
    s->from.done(s->from.arg);
}

// For more than one reader.
static void keep_text(Blob *b)
{
  if (b->text)
    return;
  b->text = zw_arena_stale(b->source->b.a, b->text_bytes, 1, TEXT_ALIGN);
  fill_text(b->source, b, b->text);
  zw_blob_done(b);
}

void zw_move_bytes(void *to, void *from, uint64_t n, bool last)
{
  enum { STEP = 256 << 10 };
  for (uint64_t at = 0; at < n; at += STEP) {
    uint64_t bytes = n - at < STEP ? n - at : STEP;
    memcpy((char *)to + at, (char *)from + at, bytes);
    if (last && n > STEP)
      zw_alloc_discard((char *)from + at, bytes);
  }
}

void zw_blob_text(Blob *b, uint8_t *to)
{
  if (b->text || !b->last) {
    keep_text(b);
    zw_move_bytes(to, b->text, b->text_bytes, b->last);
    return;
  }
  fill_text(b->source, b, to);
  zw_blob_done(b);
}

void zw_blob_put_text(Blob *b, OutStream *to)
{
  if (b->text || !b->last) {
    keep_text(b);
    zw_out_put(to, b->text, b->text_bytes);
    return;
  }
  put_text(b->source, b, to);
  zw_blob_done(b);
}

Blob *zw_blob_build(const Module *m, const Target *t, const CodeOptions *o, const PackedCode *const *funcs, Arena *a)
{
  Blob *b = zw_blob_build_from(m, t, o, &(BlobSource){ .funcs = funcs }, a);
  keep_text(b);
  return b;
}

Blob *zw_blob_build_from(const Module *m, const Target *t, const CodeOptions *o, const BlobSource *from, Arena *a)
{
  BlobText *source = zw_new(a, BlobText);
  *source = (BlobText){ .b = { .m = m, .t = t, .o = o, .a = a, .ndefined = from->thunks_only ? 0 : m->nfuncs - m->nimported_funcs }, .from = *from };
  Builder *b = &source->b;
  b->funcs = from->funcs;
  b->ncodes = b->ndefined;
  for (int k = 0; k < TYPED; k++)
    b->want[k] = zw_new_array(a, bool, m->ntypes + 1);

  Blob *out = zw_new(a, Blob);
  out->source = source;
  out->funcs = zw_stale_array(a, ImageFunc, (uint64_t)b->ndefined + (uint64_t)TYPED * m->ntypes + TRAP_COUNT); // thunks: as many as there may be
  BlobPlace at = { .text = TEXT_START };
  place(b, out, &at, 0);
  find_wanted(b);
  make_thunks(b);
  place(b, out, &at, b->ndefined);
  end_tables(out, at);
  out->nfuncs = b->ncodes;
  if (!from->no_rows)
    keep_rows(b, out);
  fill_tables(b, out);
  out->func_code = zw_new_array(a, uint32_t, m->nfuncs - m->nimported_funcs + 1);
  for (uint32_t k = 0; k < b->ndefined; k++)
    out->func_code[k] = k;
  out->thunks = zw_new_array(a, ImageThunks, m->ntypes + 1);
  for (uint32_t k = 0; k < m->ntypes; k++)
    for (unsigned kind = 0; kind < THUNK_XTAIL; kind++) {
      uint32_t made = m->types[k].kind == COMP_FUNC ? b->thunk[kind][canon(b, k)] : 0;
      uint32_t off = made ? out->funcs[made - 1].code_off : 0;
      *(kind == THUNK_ENTRY ? &out->thunks[k].entry : kind == THUNK_XCALL ? &out->thunks[k].xcall : &out->thunks[k].host) = off;
    }
  out->cpu_bits = o->cpu_bits, out->image_flags = o->image_flags | (m->features_used >> FEAT_GC & 1 ? IMAGE_GC : 0), out->arch = t->arch;
  return out;
}
