// Machine code that runs in this process and is made while it runs: a function when it is called first.
//
// The image looks like any other: one text in which calls are bound, one meta span with its tables.  Both lie in room
// that was reserved at the start and are filled in one direction, so nothing that somebody reads ever moves:
//
//   text    thunks | entry | a stub per function | code in the order of first calls ...
//   tables  meta as always | functions | sites | maps | handlers | inlined positions ...   each in room of its own
//
// A function without code is its stub: calls, funcrefs and table elements lead there.  The stub calls the entry, which saves all
// that may hold an argument and asks zw_lazy_reach; the call goes on in the code.  From then on the stub is a jump to it, and the calls of
// the stub that code has made so far, each on the function's list, go straight.
//
// Threads.  One lock per image is held while a function is compiled and placed.  Nobody else takes it: readers (calls,
// the fault handler, the unwinder) see what one store has published: the number of function records, when all
// that they lead to is written; an entry offset; a stub; the displacement of a call.  Records ascend, as the text does.
//
// No page is ever both writable and executable: the text is mapped twice (zw_os_code_pair).
// The compiler runs on a stack of the image: the guest's may be nearly full, and only the lock's holder is on it.
#include "compiler/sink/sink.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/vm/vm_int.h"
#include <string.h>

// Room that fills up.  off: of its start in `write`.
typedef struct Room { uint64_t off, used, bytes; } Room;
typedef struct Waiting { uint32_t at, next; } Waiting; // the fixup of a call that goes through a stub; next: a node + 1

enum { TYPED = THUNK_TRAP }; // thunk kinds that there are per type

typedef struct LazyImage {
  Image im;
  OsMutex lock;
  LazyCompiler from;
  const Module *m;
  const Target *t;
  CodeOptions o;
  uint32_t nstubs, ncompiled;
  uint8_t *write, *run;       // all of it; the text, executable
  uint64_t bytes, text_bytes, meta;
  Room text, funcs, sites, maps, handlers, inlines, nodes;
  uint32_t stubs, *entries;   // offset in the text; Image.entries
  uint32_t *waiting;          // per defined function: its list of calls
  bool *failed;               // those that cannot be compiled: what their bodies' facts were is used up
  uint32_t free_node;
  uint32_t *thunk[TYPED], trap[TRAP_COUNT]; // offsets in the text, per canonical type and per kind of trap; 0 = not made
  uint8_t *stack;
  uint64_t looks, references; // elements that may be looked at by now; those there were the last time
} LazyImage;
// invariant: entries[k] is the offset of stub k, or of code

void zw_lazy_entry(void);
void zw_lazy_on_stack(void (*fn)(void *arg), void *arg, void *top);
void *zw_lazy_reach(VmCtx *v, const uint8_t *stub_end, const uintptr_t *at_entry);

static uint32_t stub_of(const LazyImage *z, uint32_t k) { return z->stubs + k * z->t->stub_bytes; }
static bool has_code(const LazyImage *z, uint32_t k) { return z->entries[k] != stub_of(z, k); }

uint32_t zw_lazy_compiled(const Image *im)
{
  const LazyImage *z = im->entries ? im->owner : NULL;
  return z ? z->ncompiled : 0;
}

// ---- placing code ----

static bool fits(const Room *r, uint64_t bytes) { return bytes <= r->bytes - r->used; }

static void need(const LazyImage *z, bool ok)
{
  if (!ok)
    zw_fail(z->m->ctx, ERR_limit, ZW_NO_POS, "the room for the machine code of this module is full");
}

static uint64_t append(LazyImage *z, Room *r, const void *p, size_t bytes)
{
  uint64_t at = r->used;
  if (bytes)
    memcpy(z->write + r->off + at, p, bytes);
  r->used += bytes;
  return at;
}

static Waiting *node(LazyImage *z, uint32_t n) { return (Waiting *)(void *)(z->write + z->nodes.off) + n - 1; }

static void wait_for(LazyImage *z, uint32_t k, uint32_t at)
{
  uint32_t n = z->free_node;
  if (n)
    z->free_node = node(z, n)->next;
  else
    n = (uint32_t)((z->nodes.used += sizeof(Waiting)) / sizeof(Waiting));
  *node(z, n) = (Waiting){ at, z->waiting[k] };
  z->waiting[k] = n;
}

static uint32_t place_thunk(LazyImage *z, uint32_t target, Arena *scratch);

// Where the call of `c`, whose code is to lie at code_off, goes.
static uint32_t bind(LazyImage *z, const FuncCode *c, uint32_t code_off, const Fixup *x, Arena *scratch)
{
  if (x->target >> 31)
    return place_thunk(z, x->target, scratch);
  CHECK(x->target >= z->m->nimported_funcs && x->target < z->m->nfuncs);
  uint32_t k = x->target - z->m->nimported_funcs;
  if (x->target == c->func)
    return code_off;
  if (!has_code(z, k))
    wait_for(z, k, code_off + x->at);
  return z->entries[k];
}

// Nothing fails behind this, so nothing is left half done.
static void check_room(const LazyImage *z, const FuncCode *c)
{
  need(z, fits(&z->text, c->nbytes + 64ull) && fits(&z->sites, c->sites_bytes) && fits(&z->maps, c->maps_bytes) &&
              fits(&z->handlers, c->nhandlers * sizeof *c->handlers) && fits(&z->inlines, c->ninlines * sizeof *c->inlines) &&
              fits(&z->funcs, sizeof(ImageFunc)) && fits(&z->nodes, c->nfixups * sizeof(Waiting)));
}

// Code and tables of c; returns its offset.  The thunks it calls are there.
static uint32_t place(LazyImage *z, const FuncCode *c, Arena *scratch)
{
  check_room(z, c);
  uint64_t end = z->text.used, off = zw_align_up(end, c->align);
  memset(z->write + end, 0xcc, off - end); // as between functions of a blob
  memcpy(z->write + off, c->bytes, c->nbytes);
  z->text.used = off + c->nbytes;
  for (uint32_t x = 0; x < c->nfixups; x++) {
    CHECK(c->fixups[x].at + 4ull <= c->nbytes);
    z->t->apply_fixup(z->write, off + c->fixups[x].at, c->fixups[x].kind, bind(z, c, (uint32_t)off, &c->fixups[x], scratch));
  }
  BlobPlace at = { .text = off, .sites = append(z, &z->sites, c->sites, c->sites_bytes), .maps = append(z, &z->maps, c->maps, c->maps_bytes),
                   .inlines = append(z, &z->inlines, c->inlines, c->ninlines * sizeof *c->inlines) / sizeof *c->inlines,
                   .handlers = z->handlers.used / sizeof *c->handlers };
  zw_image_handlers(c, (uint32_t)off, (ImageHandler *)(void *)(z->write + z->handlers.off) + at.handlers);
  z->handlers.used += c->nhandlers * sizeof *c->handlers;
  ImageFunc f = zw_image_func(c, &at);
  append(z, &z->funcs, &f, sizeof f);
  __atomic_store_n(&z->im.nfuncs, (uint32_t)(z->funcs.used / sizeof f), __ATOMIC_RELEASE);
  return (uint32_t)off;
}

// Its own targets first: XTAIL needs XCALL, which needs TRAP, which needs nobody.
static void place_targets(LazyImage *z, const FuncCode *c, Arena *scratch)
{
  for (uint32_t x = 0; x < c->nfixups; x++)
    if (c->fixups[x].target >> 31)
      place_thunk(z, c->fixups[x].target, scratch);
}

static uint32_t *thunk_slot(LazyImage *z, uint32_t kind, uint32_t n)
{
  if (kind == THUNK_TRAP) {
    CHECK(n < TRAP_COUNT);
    return &z->trap[n];
  }
  CHECK(kind < TYPED && n < z->m->ntypes && z->m->types[n].kind == COMP_FUNC);
  return &z->thunk[kind][z->m->types[n].canon];
}

static uint32_t place_thunk(LazyImage *z, uint32_t target, Arena *scratch)
{
  uint32_t kind = target >> 24 & 0x7f, n = target & 0xffffff, *slot = thunk_slot(z, kind, n);
  if (*slot)
    return *slot;
  const FuncCode *c = z->t->thunk(z->m->ctx, z->m, kind, kind == THUNK_TRAP ? n : z->m->types[n].canon, &z->o, scratch);
  place_targets(z, c, scratch);
  return *slot = place(z, c, scratch);
}

// The function is there: who came through its stub comes straight from now on.
static void publish(LazyImage *z, uint32_t k, uint32_t off)
{
  __atomic_store_n(&z->entries[k], off, __ATOMIC_RELEASE);
  __atomic_store_n((uint64_t *)(void *)(z->write + stub_of(z, k)), z->t->stub(stub_of(z, k), off, false), __ATOMIC_RELEASE);
  for (uint32_t n = z->waiting[k], next; n; n = next) {
    next = node(z, n)->next;
    z->t->move_call(z->write, node(z, n)->at, off);
    node(z, n)->next = z->free_node;
    z->free_node = n;
  }
  z->waiting[k] = 0;
  z->ncompiled++;
}

void zw_lazy_place(Image *im, const FuncCode *c, Arena *scratch)
{
  LazyImage *z = im->owner;
  uint32_t k = c->func - z->m->nimported_funcs;
  CHECK(c->func >= z->m->nimported_funcs && k < z->nstubs && !has_code(z, k));
  place_targets(z, c, scratch);
  publish(z, k, place(z, c, scratch));
}

// ---- the first call ----

typedef struct FirstCall { LazyImage *z; uint32_t func; bool ok; char err[sizeof((TrapInfo *)0)->text]; } FirstCall;

void zw_lazy_jumped(Image *im)
{
  const LazyImage *z = im->owner;
  zw_asan_unpoison(z->stack, (size_t)((uint8_t *)__builtin_frame_address(0) - z->stack));
}

static void compile(void *arg)
{
  FirstCall *f = arg;
  bool *failed = &f->z->failed[f->func - f->z->m->nimported_funcs];
  if (*failed) {
    f->ok = false;
    zw_format(f->err, sizeof f->err, "function %u could not be compiled when it was called before", f->func);
    return;
  }
  *failed = !(f->ok = f->z->from.function(f->z->from.owner, &f->z->im, f->func, f->err, sizeof f->err));
}

// A trap at the call, whose frame is the innermost.  Its arguments on the stack, if it has some, lie between the frame and us: there
// the backtrace begins with nothing.
static _Noreturn void refuse(VmCtx *v, const FirstCall *f, const uintptr_t *at_entry)
{
  enum { IN_REGISTERS = 5 };
  const FuncType *t = zw_func_type(f->z->m, f->func);
  bool plain = t->nparams <= IN_REGISTERS && t->nresults <= IN_REGISTERS;
  TrapSite site = { .pc = plain ? at_entry[0] : 0, .sp = (uintptr_t)(at_entry + 1) };
  zw_trap(v, TRAP_host, &site, f->err, 0);
}

static void *code_of(const LazyImage *z, uint32_t func)
{
  uint32_t off = __atomic_load_n(&z->entries[func - z->m->nimported_funcs], __ATOMIC_ACQUIRE);
  return z->run + off;
}

static uint64_t settle_table(const LazyImage *z, const VmCtx *v, const Table *t)
{
  TableElem *e = t->def.base;
  for (uint64_t i = 0; i < t->def.length; i++)
    if (e[i].vmctx == v)
      e[i].code = code_of(z, e[i].func);
  return t->def.length;
}

// The references of this instance, which is its thread's own, and its tables' elements lead to code that is there, not to stubs, so that
// indirect calls take no way round.  Looking through them costs what is in them: done so often that it is little beside compiling.
static void settle(LazyImage *z, Instance *in, uint32_t func)
{
  enum { LOOKS = 4096 };       // of elements per function compiled: some microseconds
  const Image *im = in->image;
  VmCtx *v = in->vmctx;
  if (func < in->nrefs && in->refs[func])
    in->refs[func]->code = code_of(z, func);
  if (!z->m->funcs[func].declared_ref || __atomic_add_fetch(&z->looks, LOOKS, __ATOMIC_RELAXED) < __atomic_load_n(&z->references, __ATOMIC_RELAXED))
    return;
  uint64_t n = im->counts.funcrefs;
  FuncRef *f = (FuncRef *)(void *)((char *)v + im->layout.funcrefs);
  for (uint32_t i = 0; i < n; i++)
    if (f[i].vmctx == v)
      f[i].code = code_of(z, f[i].func);
  for (uint32_t k = 0; k < im->counts.tables; k++)
    if (in->tables[k]->funcs)
      n += settle_table(z, v, in->tables[k]);
  __atomic_store_n(&z->looks, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&z->references, n, __ATOMIC_RELAXED);
}

void *zw_lazy_reach(VmCtx *v, const uint8_t *stub_end, const uintptr_t *at_entry)
{
  LazyImage *z = v->instance->image->owner;
  uint32_t k = (uint32_t)(stub_end - z->t->stub_call_bytes - (z->run + z->stubs)) / z->t->stub_bytes;
  CHECK(v->instance->image->entries && k < z->nstubs);
  FirstCall f = { .z = z, .func = z->m->nimported_funcs + k, .ok = true };
  zw_os_lock(&z->lock);
  bool first = !has_code(z, k);
  if (first)
    zw_lazy_on_stack(compile, &f, z->stack + z->from.stack_bytes);
  uint32_t off = z->entries[k];
  zw_os_unlock(&z->lock);
  if (!f.ok)
    refuse(v, &f, at_entry);
  if (first)
    settle(z, v->instance, f.func);
  return z->run + off;
}

// ---- the image ----

static void free_lazy(Image *im)
{
  LazyImage *z = im->owner;
  z->from.done(z->from.owner);
  zw_os_unmap(z->run, z->text_bytes);
  zw_os_unmap(z->write, z->bytes);
  zw_os_unmap(z->stack - zw_os_page_size(), z->from.stack_bytes + zw_os_page_size());
  zw_free(z);
}

static Room take_room(uint64_t *at, uint64_t bytes)
{
  Room r = { .off = zw_align_up(*at, 4096), .bytes = zw_align_up(bytes, 4096) };
  *at = r.off + r.bytes;
  return r;
}

static uint64_t at_most(uint64_t n, uint64_t most) { return n < most ? n : most; }

// `times` is generous: bytes of text for a byte of the module's code.  Code has 3, and what does not fit traps.
typedef struct Plan { uint64_t meta, data, thunks, times; } Plan;
static bool map_room(LazyImage *z, const Plan *p)
{
  enum { LEAST = 4 << 20, MOST_TABLE = 640 << 20, MOST_TEXT = 0x7fff0000 };
  uint64_t code = z->m->code_len, n = z->nstubs, at = 0;
  uint64_t table = at_most(LEAST + code * p->times / 4, MOST_TABLE);
  z->text = take_room(&at, at_most(LEAST + p->thunks + n * z->t->stub_bytes + code * p->times, MOST_TEXT));
  z->text_bytes = at;
  z->meta = zw_align_up(at, 4096);
  at = z->meta + p->meta;
  z->funcs = take_room(&at, (n + (uint64_t)TYPED * z->m->ntypes + TRAP_COUNT) * sizeof(ImageFunc));
  z->sites = take_room(&at, table);
  z->maps = take_room(&at, table);
  z->handlers = take_room(&at, table);
  z->inlines = take_room(&at, table);
  if (at - z->meta > UINT32_MAX)
    return false;
  Room data = take_room(&at, p->data), entries = take_room(&at, n * 4), waiting = take_room(&at, n * 4), failed = take_room(&at, n);
  z->nodes = take_room(&at, at_most(LEAST + code * 8, 0xffff0000));
  z->bytes = at;
  if (!zw_os_code_pair(z->text_bytes, z->bytes, &z->write, &z->run))
    return false;
  z->im.data = z->write + data.off;
  z->entries = (uint32_t *)(void *)(z->write + entries.off);
  z->waiting = (uint32_t *)(void *)(z->write + waiting.off);
  z->failed = (bool *)(z->write + failed.off);
  return true;
}

static bool make_stack(LazyImage *z)
{
  size_t guard = zw_os_page_size(), bytes = z->from.stack_bytes + guard;
  uint8_t *p = zw_os_map(bytes);
  if (!p)
    return false;
  if (!zw_os_decommit(p, guard)) {
    zw_os_unmap(p, bytes);
    return false;
  }
  z->stack = p + guard;
  return true;
}

static void fill_stubs(LazyImage *z, uint64_t thunks_end)
{
  uint64_t entry = zw_align_up(thunks_end, 16);
  z->t->stub_entry(z->write + entry, (const void *)(uintptr_t)zw_lazy_entry);
  z->stubs = (uint32_t)(entry + z->t->stub_entry_bytes);
  for (uint32_t k = 0; k < z->nstubs; k++) {
    uint32_t at = z->entries[k] = stub_of(z, k);
    uint64_t stub = z->t->stub(at, entry, true);
    memcpy(z->write + at, &stub, sizeof stub);
  }
  z->text.used = stub_of(z, z->nstubs);
}

// All of a room: readers take the count for the end of what they may read.
static ImageSpan span(const LazyImage *z, const Room *r, uint32_t size) { return (ImageSpan){ (uint32_t)(r->off - z->meta), (uint32_t)(r->bytes / size) }; }

// The sections that grow, in their rooms.
static void move_tables(LazyImage *z, Blob *b, ImageHeader *h)
{
  append(z, &z->funcs, b->funcs, b->nfuncs * sizeof *b->funcs);
  append(z, &z->sites, b->sites, b->sites_bytes);
  append(z, &z->maps, b->maps, b->maps_bytes);
  append(z, &z->handlers, b->handlers, b->nhandlers * sizeof *b->handlers);
  append(z, &z->inlines, b->inlines, b->ninlines * sizeof *b->inlines);
  h->span[IMG_FUNCS] = (ImageSpan){ (uint32_t)(z->funcs.off - z->meta), b->nfuncs };
  h->span[IMG_SITES] = span(z, &z->sites, 1);
  h->span[IMG_MAPS] = span(z, &z->maps, 1);
  h->span[IMG_HANDLERS] = span(z, &z->handlers, sizeof *b->handlers);
  h->span[IMG_INLINES] = span(z, &z->inlines, sizeof *b->inlines);
  h->meta_bytes = (uint32_t)(z->inlines.off + z->inlines.bytes - z->meta);
  h->text_bytes = z->text_bytes;
}

static void note_thunks(LazyImage *z, const Blob *b, Arena *a)
{
  static const uint16_t flag[TYPED] = { [THUNK_ENTRY] = IMAGE_FUNC_THUNK_ENTRY, [THUNK_XCALL] = IMAGE_FUNC_THUNK_XCALL,
                                        [THUNK_HOST] = IMAGE_FUNC_THUNK_HOST, [THUNK_XTAIL] = IMAGE_FUNC_THUNK_XTAIL };
  for (unsigned kind = 0; kind < TYPED; kind++)
    z->thunk[kind] = zw_new_array(a, uint32_t, z->m->ntypes + 1);
  for (uint32_t k = 0; k < b->nfuncs; k++) {
    const ImageFunc *f = &b->funcs[k];
    if (f->flags == IMAGE_FUNC_THUNK_TRAP)
      z->trap[f->func] = f->code_off;
    for (unsigned kind = 0; kind < TYPED; kind++)
      if (f->flags == flag[kind])
        z->thunk[kind][f->func] = f->code_off;
  }
}

Image *zw_sink_lazy(const Module *m, const Target *t, const CodeOptions *o, const LazyCompiler *from, char *err, size_t err_bytes)
{
  // What may fail through the module's ctx comes first.
  Arena *a = &m->ctx->module;
  Blob *b = zw_blob_build_from(m, t, o, &(BlobSource){ .no_rows = true, .thunks_only = true }, a);
  MetaImage meta = zw_meta_build(m, b, b->image_flags, a);
  LazyImage start = { .from = *from, .m = m, .t = t, .o = *o, .nstubs = m->nfuncs - m->nimported_funcs };
  note_thunks(&start, b, a);
  uint8_t *thunks = zw_arena_stale(a, b->text_bytes, 1, 64);
  zw_blob_text(b, thunks);

  LazyImage *z = zw_alloc(sizeof *z);
  if (!z)
    goto refused;
  *z = start;
  const Plan plan = { meta.meta_bytes, meta.data_bytes, b->text_bytes, 64 }, modest = { meta.meta_bytes, meta.data_bytes, b->text_bytes, 8 };
  if (!map_room(z, &plan) && !map_room(z, &modest))
    goto no_room;
  if (!make_stack(z))
    goto no_stack;
  memcpy(z->write, thunks, b->text_bytes);
  fill_stubs(z, b->text_bytes);
  uint8_t *to = z->write + z->meta;
  memcpy(to, meta.meta, meta.meta_bytes);
  move_tables(z, b, (ImageHeader *)(void *)to);
  uint8_t *data = (uint8_t *)(uintptr_t)z->im.data;
  zw_meta_join(m, data);
  size_t meta_bytes = ((const ImageHeader *)(const void *)to)->meta_bytes;
  if (!zw_image_open(&z->im, to, meta_bytes, z->run, z->text_bytes, data, meta.data_bytes, false, err, err_bytes))
    BUG("an image of our own: %s", err);
  z->im.entries = z->entries;
  z->im.owner = z;
  z->im.free = free_lazy;
  return &z->im;

no_stack:
  zw_os_unmap(z->run, z->text_bytes);
  zw_os_unmap(z->write, z->bytes);
no_room:
  zw_free(z);
refused:
  zw_format(err, err_bytes, "no room is to be had for code that grows");
  return NULL;
}
