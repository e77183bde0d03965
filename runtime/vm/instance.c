// Instantiation, the one path for every engine: check, allocate, evaluate, copy segments, start.
//
// The instance is in its store's list from the first step.  Until the first write into something imported a failure
// takes it out again with all it made; after that it stays, because its functions may lie in an imported table.
// spec: exec-instantiation
#include "runtime/vm/vm_int.h"

// Programs without tables and segments of elements do without these.
extern Table *zw_table_make(Store *s, const ImageLimits *l, ValType elem, uint64_t init, char *err, size_t err_bytes) ZW_WHEN_NAMED;
extern bool zw_table_init(Instance *in, uint32_t table, uint32_t seg, uint64_t dst, uint64_t src, uint64_t len) ZW_WHEN_NAMED;
extern void zw_table_delete(Table *t) ZW_WHEN_NAMED;
extern struct GcHeap *zw_store_gc(Store *s) ZW_WHEN_NAMED; // and without objects without these
extern const uint32_t *const *zw_type_rows(void) ZW_WHEN_NAMED;

typedef struct Maker {
  Instance *in;
  const Image *im;
  const Extern *imports;
  uint32_t nimports;
  char *err;
  size_t err_bytes;
} Maker;

static bool nomem(const Maker *k) { return zw_format(k->err, k->err_bytes, "out of memory"), false; }
static void *part(const Instance *in, uint32_t off) { return (char *)in->vmctx + off; }

// ---- may this image run here at all? ----

static const char *missing_cpu(uint64_t bits)
{
  static const char *const names[] = { "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16", "avx", "avx2", "bmi1", "bmi2",
                                       "lzcnt", "fma", "movbe", "f16c", "avx512" };
  unsigned i = zw_ctz64(bits);
  return i < ARRAY_COUNT(names) ? names[i] : "a feature this runtime does not know";
}
static bool image_fits(const Maker *k)
{
  const ImageHeader *h = k->im->h;
  const char *name = h->name ? zw_image_str(k->im, h->name) : "the module";
  if (h->text_bytes == 0)
    return true;
#ifdef __x86_64__
  uint32_t arch = ARCH_X86_64;
#else
  uint32_t arch = ARCH_AARCH64;
#endif
  if (h->arch != arch) {
    zw_format(k->err, k->err_bytes, "%s was compiled for another processor", name);
    return false;
  }
  uint64_t missing = zw_os_cpu_missing(h->cpu_bits);
  if (missing) {
    zw_format(k->err, k->err_bytes, "%s was compiled for a newer processor; this CPU lacks %s", name, missing_cpu(missing));
    return false;
  }
  if (h->flags & IMAGE_GUARD && k->in->store->options.no_signals) {
    zw_format(k->err, k->err_bytes, "%s relies on a fault handler and signals are off; compile with --no-signals", name);
    return false;
  }
  if (h->flags & IMAGE_GUARD && !zw_faults_install()) {
    zw_format(k->err, k->err_bytes, "cannot install the fault handler; compile with --no-signals");
    return false;
  }
  return true;
}

// ---- memory of the instance itself ----

static VmCtx *vmctx_new(size_t bytes)
{
  char *p = zw_alloc(bytes + 64 + sizeof(void *));
  if (!p)
    return NULL;
  char *at = (char *)zw_align_up((uintptr_t)p + sizeof(void *), 64);
  ((void **)(void *)at)[-1] = p;
  return (VmCtx *)(void *)at;
}

static bool allocate(Maker *k)
{
  Instance *in = k->in;
  const Image *im = k->im;
  const VmCounts *n = &im->counts;
  size_t pointers = (size_t)n->memories + n->tables + n->globals + IMAGE_COUNT(im, IMG_TAGS);
  size_t flags = (size_t)IMAGE_COUNT(im, IMG_ELEMS) + IMAGE_COUNT(im, IMG_DATAS);
  void **p = zw_alloc(pointers * sizeof *p + flags + 1);
  in->memories = (Memory **)p;
  in->vmctx = vmctx_new(im->layout.size);
  if (!p || !in->vmctx)
    return nomem(k);
  in->tables = (Table **)(p += n->memories);
  in->globals = (GlobalCell **)(p += n->tables);
  in->tags = (TagCell **)(p += n->globals);
  in->dropped_elems = (uint8_t *)(p + IMAGE_COUNT(im, IMG_TAGS));
  in->dropped_datas = in->dropped_elems + IMAGE_COUNT(im, IMG_ELEMS);
  return true;
}

static void fill_vmctx(Instance *in)
{
  VmCtx *v = in->vmctx;
  v->instance = in;
  v->store = in->store;
  v->gc_base = in->store->gc_base;
  v->trap_shim = (void *)(uintptr_t)zw_trap_shim;
  v->host_shim = (void *)(uintptr_t)zw_host_shim;
  uintptr_t budget = zw_stack_budget(in->store);
  v->scratch[0] = (void *)(budget < ACTIVATION_LEAST_STACK ? ACTIVATION_LEAST_STACK : budget); // CTX_BUDGET
  for (int i = 0; i < LIB_COUNT; i++)
    v->libcall[i] = zw_shims[i];
}

// ---- imports ----

// The import slot calls through a thunk of this module where it has one, which is faster than the general one.
static TableElem import_slot(const Maker *k, const ImageImport *i, FuncRef *f)
{
  uint32_t type = IMAGE_ARRAY(k->im, uint32_t, IMG_FUNC_TYPES)[i->index];
  uint32_t host = k->im->h->text_bytes ? (IMAGE_ARRAY(k->im, ImageThunks, IMG_THUNKS) + type)->host : 0;
  TableElem e = zw_table_elem(f);
  if (f->vmctx->is_host && host && zw_type_ids(k->in)[type] == f->type_id)
    e.code = (void *)(uintptr_t)(k->im->text + host);
  return e;
}

static bool take_imports(Maker *k)
{
  bool (*check)(const Instance *, const ImageImport *, const Extern *, char *, size_t) = zw_link_check;
  Instance *in = k->in;
  const ImageImport *import = IMAGE_ARRAY(k->im, ImageImport, IMG_IMPORTS);
  TableElem *slot = part(in, k->im->layout.imports);
  if (k->nimports != IMAGE_COUNT(k->im, IMG_IMPORTS)) {
    zw_format(k->err, k->err_bytes, "%u imports were given, the module has %u", k->nimports, IMAGE_COUNT(k->im, IMG_IMPORTS));
    return false;
  }
  for (uint32_t i = 0; i < k->nimports; i++) {
    const Extern *e = &k->imports[i];
    uint32_t index = import[i].index;
    if (check ? !check(in, &import[i], e, k->err, k->err_bytes) : !e->u.func)
      return check ? false : nomem(k);
    switch ((ExternKind)e->kind) {
    case EXT_FUNC: slot[index] = import_slot(k, &import[i], e->u.func); break;
    case EXT_TABLE: in->tables[index] = e->u.table; break;
    case EXT_MEMORY: in->memories[index] = e->u.memory; break;
    case EXT_GLOBAL: in->globals[index] = e->u.global; break;
    case EXT_TAG: in->tags[index] = e->u.tag; break;
    }
  }
  return true;
}

// ---- what the module defines ----

static bool needs_full(const Maker *k, const ImageLimits *l)
{
  if (k->im->h->text_bytes == 0) // the interpreter's code checks; but what it exports may be imported by code that does not
    return !l->is64 && l->page_log2 == 16 && !k->in->store->options.no_signals;
  return k->im->h->flags & IMAGE_GUARD && !l->is64 && l->page_log2 == 16;
}

static bool make_memories(Maker *k)
{
  const ImageMemory *m = IMAGE_ARRAY(k->im, ImageMemory, IMG_MEMORIES);
  VmMemory *v = part(k->in, k->im->layout.memories);
  for (uint32_t i = 0; i < k->im->counts.memories; i++) {
    bool full = needs_full(k, &m[i].limits);
    Memory **p = &k->in->memories[i];
    if (i >= k->im->h->nimported_memories && !(*p = zw_memory_make(k->in->store, &m[i].limits, full, k->err, k->err_bytes)))
      return false;
    if (k->im->h->text_bytes && full && !(*p)->full_reservation) {
      zw_format(k->err, k->err_bytes, "an imported memory has no guard pages, which this code relies on; compile with --bounds=check");
      return false;
    }
    v[i] = (VmMemory){ (*p)->def.base, &(*p)->def };
  }
  if (k->im->counts.memories)
    k->in->vmctx->mem0_base = v[0].base;
  return true;
}

static bool make_globals(Maker *k)
{
  const ImageGlobal *g = IMAGE_ARRAY(k->im, ImageGlobal, IMG_GLOBALS);
  Value *v = part(k->in, k->im->layout.globals);
  for (uint32_t i = 0; i < k->im->counts.globals; i++) {
    if (i < k->im->h->nimported_globals) {
      v[i] = (Value){ .u64x2 = { (uintptr_t)k->in->globals[i]->at, 0 } };
      continue;
    }
    if (!zw_const_eval(k->in, &g[i].init, g[i].type, &v[i], k->err, k->err_bytes))
      return false;
    GlobalCell *c = zw_global_new(k->in->store, zw_valtype_with_ids(g[i].type, zw_type_ids(k->in)), g[i].mutable_, v[i]);
    if (!c)
      return nomem(k);
    c->at = &v[i];
    k->in->globals[i] = c;
  }
  return true;
}

static bool make_tables(Maker *k)
{
  const ImageTable *t = IMAGE_ARRAY(k->im, ImageTable, IMG_TABLES);
  VmTable *v = part(k->in, k->im->layout.tables);
  for (uint32_t i = 0; i < k->im->counts.tables; i++) {
    Table **p = &k->in->tables[i];
    Value init;
    if (i >= k->im->h->nimported_tables) {
      ValType elem = zw_valtype_with_ids(t[i].elem, zw_type_ids(k->in));
      if (!zw_const_eval(k->in, &t[i].init, t[i].elem, &init, k->err, k->err_bytes) ||
          !(*p = zw_table_make(k->in->store, &t[i].limits, elem, init.u64, k->err, k->err_bytes)))
        return false;
    }
    v[i] = (VmTable){ (*p)->def.base, &(*p)->def };
  }
  return true;
}

static bool make_tags(Maker *k)
{
  const uint32_t *type = IMAGE_ARRAY(k->im, uint32_t, IMG_TAGS);
  for (uint32_t i = k->im->h->nimported_tags; i < IMAGE_COUNT(k->im, IMG_TAGS); i++)
    if (!(k->in->tags[i] = zw_tag_new(k->in->store, zw_type_ids(k->in)[type[i]])))
      return nomem(k);
  return true;
}

static void make_funcrefs(Maker *k)
{
  const uint32_t *func = IMAGE_ARRAY(k->im, uint32_t, IMG_FUNCREFS);
  const TableElem *slot = part(k->in, k->im->layout.imports);
  FuncRef *f = part(k->in, k->im->layout.funcrefs);
  for (uint32_t i = 0; i < k->im->counts.funcrefs; i++)
    if (func[i] < k->im->h->nimported_funcs)
      f[i] = *slot[func[i]].ref, f[i].code = slot[func[i]].code; // another reference to the same function
    else
      zw_funcref_init(k->in, func[i], &f[i]);
}

// Segments with anything but functions and nulls: their references are made once, now.
static bool evaluate_elems(Maker *k)
{
  const ImageElem *e = IMAGE_ARRAY(k->im, ImageElem, IMG_ELEMS);
  const ImageInit *item = IMAGE_ARRAY(k->im, ImageInit, IMG_ELEM_ITEMS);
  uint32_t n = IMAGE_COUNT(k->im, IMG_ELEMS);
  for (uint32_t s = 0; s < n; s++) {
    const ImageInit *first = item + e[s].items;
    uint32_t i = 0;
    while (i < e[s].nitems && (first[i].kind == INIT_FUNC || first[i].kind == INIT_NULL))
      i++;
    if (i == e[s].nitems)
      continue;
    if (!k->in->elem_values && !(k->in->elem_values = zw_alloc(n * sizeof *k->in->elem_values)))
      return nomem(k);
    uint64_t *v = k->in->elem_values[s] = zw_alloc(e[s].nitems * sizeof *v);
    if (!v)
      return nomem(k);
    for (i = 0; i < e[s].nitems; i++) {
      Value out;
      if (!zw_const_eval(k->in, &first[i], e[s].type, &out, k->err, k->err_bytes))
        return false;
      v[i] = out.u64;
    }
  }
  return true;
}

static bool make(Maker *k)
{
  const Image *im = k->im;
  if (!image_fits(k) || !allocate(k))
    return false;
  fill_vmctx(k->in);
  if (!zw_types_intern(IMAGE_ARRAY(im, uint32_t, IMG_TYPES), IMAGE_COUNT(im, IMG_TYPES), IMAGE_ARRAY(im, uint32_t, IMG_TYPE_INDEX),
                       im->counts.types, part(k->in, im->layout.type_ids)))
    return nomem(k);
  if (im->h->flags & IMAGE_GC && (!zw_store_gc(k->in->store) || !(k->in->vmctx->type_rows = zw_type_rows())))
    return nomem(k);
  if (!zw_code_register(im))
    return nomem(k);
  k->in->registered = true;
  if (!take_imports(k))
    return false;
  make_funcrefs(k);
  return make_memories(k) && make_tags(k) && make_globals(k) && make_tables(k) && evaluate_elems(k);
}

// ---- segments and start: from here on others may hold what is ours ----

static TrapKind run_elems(Maker *k, bool *ok)
{
  const ImageElem *e = IMAGE_ARRAY(k->im, ImageElem, IMG_ELEMS);
  for (uint32_t i = 0; i < IMAGE_COUNT(k->im, IMG_ELEMS); i++) {
    Value at;
    if (e[i].mode == 0) {
      bool is64 = k->in->tables[e[i].table]->is64;
      *ok = zw_const_eval(k->in, &e[i].offset, is64 ? VT_I64 : VT_I32, &at, k->err, k->err_bytes);
      if (!*ok)
        return TRAP_none;
      if (!zw_table_init(k->in, e[i].table, i, is64 ? at.u64 : at.u32, 0, e[i].nitems))
        return TRAP_table_oob;
    }
    if (e[i].mode != 1)
      k->in->dropped_elems[i] = 1;
  }
  return TRAP_none;
}
static TrapKind run_datas(Maker *k, bool *ok)
{
  const ImageData *d = IMAGE_ARRAY(k->im, ImageData, IMG_DATAS);
  for (uint32_t i = 0; i < IMAGE_COUNT(k->im, IMG_DATAS); i++) {
    Value at;
    if (d[i].mode != 0)
      continue;
    bool is64 = k->in->memories[d[i].memory]->is64;
    *ok = zw_const_eval(k->in, &d[i].offset, is64 ? VT_I64 : VT_I32, &at, k->err, k->err_bytes);
    if (!*ok)
      return TRAP_none;
    if (!zw_memory_init(k->in, d[i].memory, i, is64 ? at.u64 : at.u32, 0, d[i].bytes))
      return TRAP_oob;
    k->in->dropped_datas[i] = 1;
  }
  return TRAP_none;
}

static TrapKind run(Maker *k, bool *ok)
{
  *ok = true;
  TrapKind trap = run_elems(k, ok);
  if (trap == TRAP_none && *ok)
    trap = run_datas(k, ok);
  if (trap != TRAP_none)
    zw_trap_note(k->in->store, trap, NULL);
  if (trap != TRAP_none || !*ok || k->im->h->start_func == UINT32_MAX)
    return trap;
  FuncRef *f = zw_instance_func(k->in, k->im->h->start_func);
  *ok = f ? true : nomem(k);
  Value none;
  return f ? zw_call(f, &none) : TRAP_none;
}

Instance *zw_instance_make(Store *s, const Image *im, const Extern *imports, uint32_t nimports, char *err, size_t err_bytes)
{
  Instance *in = zw_alloc(sizeof *in);
  Maker k = { in, im, imports, nimports, err, err_bytes };
  if (err_bytes)
    err[0] = 0;
  if (!in) {
    nomem(&k);
    return NULL;
  }
  in->image = im, in->store = s, in->next = s->instances;
  if (s->instances)
    s->instances->prev = in;
  s->instances = in;
  if (make(&k))
    return in;
  zw_instance_delete(in);
  return NULL;
}

bool zw_instance_start(Instance *in, TrapKind *trap, char *err, size_t err_bytes)
{
  Maker k = { .in = in, .im = in->image, .err = err, .err_bytes = err_bytes };
  bool ok;
  *trap = run(&k, &ok);
  if (*trap != TRAP_none)
    zw_format(err, err_bytes, "%s", in->store->trap.text);
  return *trap == TRAP_none && ok;
}

Instance *zw_instance_new(Store *s, const Image *im, const Extern *imports, uint32_t nimports, TrapKind *trap, char *err, size_t err_bytes)
{
  *trap = TRAP_none;
  Instance *in = zw_instance_make(s, im, imports, nimports, err, err_bytes);
  return in && zw_instance_start(in, trap, err, err_bytes) ? in : NULL;
}

// ---- the end ----

// Only while nothing outside refers to it: when instantiation fails early, or with the store.
static void delete_own(Instance *in)
{
  const Image *im = in->image;
  if (!in->memories || !in->vmctx)
    return;
  for (uint32_t i = im->h->nimported_memories; i < im->counts.memories && in->memories[i]; i++)
    zw_memory_delete(in->memories[i]);
  for (uint32_t i = im->h->nimported_tables; i < im->counts.tables && in->tables[i]; i++)
    zw_table_delete(in->tables[i]);
  for (uint32_t i = im->h->nimported_globals; i < im->counts.globals && in->globals[i]; i++)
    zw_object_remove(&in->globals[i]->object), zw_free(in->globals[i]);
  for (uint32_t i = im->h->nimported_tags; i < IMAGE_COUNT(im, IMG_TAGS) && in->tags[i]; i++)
    zw_object_remove(&in->tags[i]->object), zw_free(in->tags[i]);
}

void zw_instance_delete(Instance *in)
{
  const Image *im = in->image;
  *(in->prev ? &in->prev->next : &in->store->instances) = in->next;
  if (in->next)
    in->next->prev = in->prev;
  if (in->registered)
    zw_code_unregister(im);
  delete_own(in);
  for (uint32_t i = 0; in->refs && i < IMAGE_COUNT(im, IMG_FUNC_TYPES); i++)
    if (zw_funcref_is_made(in, i))
      zw_free(in->refs[i]);
  for (uint32_t i = 0; in->elem_values && i < IMAGE_COUNT(im, IMG_ELEMS); i++)
    zw_free(in->elem_values[i]);
  zw_free(in->refs);
  zw_free(in->bridges);
  zw_free(in->elem_values);
  zw_free(in->memories); // and the arrays behind it
  if (in->vmctx)
    zw_free(((void **)(void *)in->vmctx)[-1]);
  zw_free(in);
}

bool zw_instance_export(Instance *in, const char *name, size_t len, Extern *out)
{
  const ImageExport *e = IMAGE_ARRAY(in->image, ImageExport, IMG_EXPORTS);
  for (uint32_t i = 0; i < IMAGE_COUNT(in->image, IMG_EXPORTS); i++, e++)
    if (zw_str_eq(zw_image_name(in->image, e->name), (Str){ name, len })) {
      zw_instance_export_at(in, i, out);
      return true;
    }
  return false;
}
void zw_instance_export_at(Instance *in, uint32_t i, Extern *out)
{
  const ImageExport *e = IMAGE_ARRAY(in->image, ImageExport, IMG_EXPORTS) + i;
  out->kind = (uint8_t)e->kind;
  switch ((ExternKind)e->kind) {
  case EXT_FUNC: out->u.func = zw_instance_func(in, e->index); return;
  case EXT_TABLE: out->u.table = in->tables[e->index]; return;
  case EXT_MEMORY: out->u.memory = in->memories[e->index]; return;
  case EXT_GLOBAL: out->u.global = in->globals[e->index]; return;
  case EXT_TAG: out->u.tag = in->tags[e->index]; return;
  }
}
