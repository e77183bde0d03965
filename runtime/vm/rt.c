// zwasm_rt.h on top of the rest: modules linked into a program, their instances, traps as values.
//
// Each instance has a store of its own unless it must share one to import what belongs to another instance.
#include "runtime/vm/rt_int.h"

typedef struct TrapView { zwasm_trap_t trap; zwasm_frame_t frames[64]; char names[64][16]; } TrapView;
STATIC_ASSERT(ZWASM_EXIT == (int)TRAP_exit && ZWASM_HOST_TRAP == (int)TRAP_host && TRAP_COUNT == ZWASM_EXIT + 1, "the same numbers");
STATIC_ASSERT(ZWASM_STACK_OVERFLOW == (int)TRAP_stack_overflow && ZWASM_OUT_OF_BOUNDS == (int)TRAP_oob, "the same numbers");

const char zwasm_abi_1 __attribute__((visibility("hidden"))) = 1; // what objects referred to before
extern const char IMAGE_RUNTIME_SYMBOL;
const char IMAGE_RUNTIME_SYMBOL __attribute__((visibility("hidden"))) = 1;

const char *zwasm_last_error(void)
{
  size_t bytes;
  return zw_thread_error(&bytes);
}
void zw_rt_error(const char *fmt, ...)
{
  size_t bytes;
  char *buf = zw_thread_error(&bytes);
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(buf, bytes, fmt, ap);
  va_end(ap);
}

// ---- the image of a module, opened once ----

static const Image *open_module(const zwasm_module_t *m)
{
  char err[200];
  Image *im = __atomic_load_n((Image **)m->state, __ATOMIC_ACQUIRE), *other = NULL;
  if (im)
    return im;
  if (m->abi != ZWASM_ABI || m->struct_size < sizeof *m) {
    zw_rt_error("%s was compiled for zwasm runtime ABI %u, this runtime has ABI %u: compile the module again", m->name, m->abi, (unsigned)ZWASM_ABI);
    return NULL;
  }
  im = zw_alloc(sizeof *im);
  if (!im) {
    zw_rt_error("%s: out of memory", m->name);
    return NULL;
  }
  if (!zw_image_open_own(im, m->meta, m->meta_bytes, m->text, m->text_bytes, m->data, m->data_bytes, err, sizeof err)) {
    zw_rt_error("%s: %s", m->name, err);
    zw_free(im);
    return NULL;
  }
  if (!__atomic_compare_exchange_n((Image **)m->state, &other, im, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    zw_free(im);
    return other;
  }
  return im;
}

// ---- a new instance ----

typedef struct Birth {
  zwasm_instance_t *i;
  const Image *im;
  zwasm_options_t o;
  uint32_t *type_ids;
  Extern *imports;
  TrapKind trap;
  char err[1000];
} Birth;

static void *field(const Birth *b, const zwasm_import_t *m)
{
  return b->o.imports ? *(void *const *)(const void *)((const char *)b->o.imports + m->offset) : NULL;
}

// What is to be imported, when it belongs to a store.
static const StoreObject *object_of(const Birth *b, const ImageImport *im, const zwasm_import_t *m)
{
  void *p = m->kind == ZWASM_IMPORT_FIELD ? field(b, m) : NULL;
  if (!p)
    return NULL;
  switch ((ExternKind)im->kind) {
  case EXT_MEMORY: return ((Memory *)p)->shared ? NULL : &((Memory *)p)->object;
  case EXT_TABLE: return &((Table *)p)->object;
  case EXT_TAG: return &((TagCell *)p)->object;
  case EXT_GLOBAL: return zw_is_ref((IMAGE_ARRAY(b->im, ImageGlobal, IMG_GLOBALS) + im->index)->type) ? &((GlobalCell *)p)->object : NULL;
  case EXT_FUNC: break;
  }
  return NULL;
}

// Objects that are imported decide the store, unless the options do.  What lies in stores that nothing else uses yet is
// brought together; what cannot be is refused by name when the imports are checked.
static bool choose_store(Birth *b)
{
  const ImageImport *im = IMAGE_ARRAY(b->im, ImageImport, IMG_IMPORTS);
  Store *s = b->o.linked ? b->o.linked->store : NULL;
  for (uint32_t k = 0; k < b->i->module->nimports && !(s && s->instances); k++) {
    const StoreObject *o = object_of(b, &im[k], &b->i->module->imports[k]);
    if (o && (!s || o->store->instances))
      s = o->store;
  }
  for (uint32_t k = 0; k < b->i->module->nimports && s; k++) {
    const StoreObject *o = object_of(b, &im[k], &b->i->module->imports[k]);
    if (o && o->store != s)
      zw_store_absorb(s, o->store);
  }
  StoreOptions so = { .max_stack = b->o.max_stack ? b->o.max_stack : b->i->module->max_stack, .max_memory = b->o.max_memory,
                      .max_table_elements = b->o.max_table_elements };
  if (!s)
    s = zw_store_new(&so);
  else if (!s->instances) // made for what is imported
    s->options = so;
  b->i->store = s;
  if (s)
    zw_store_hold(s);
  return s != NULL;
}

bool zw_type_has_refs(uint32_t type_id)
{
  const TypeInfo *t = zw_type_info(type_id);
  for (uint32_t k = 0; k < t->n + t->m; k++)
    if (zw_is_ref(t->types[k]))
      return true;
  return false;
}

static Extern find_import(Birth *b, const ImageImport *im, const zwasm_import_t *m)
{
  Extern e = { .kind = (uint8_t)im->kind };
  switch ((ExternKind)im->kind) {
  case EXT_FUNC:
    if (m->kind == ZWASM_IMPORT_FN_FIELD && !(b->i->functions[im->index] = field(b, m)))
      break; // nothing was given
    if (m->kind != ZWASM_IMPORT_FIELD && m->fn) {
      uint32_t type = b->type_ids[IMAGE_ARRAY(b->im, uint32_t, IMG_FUNC_TYPES)[im->index]];
      FuncRef *(*make)(Store *, uint32_t, HostFn, void *) = zw_type_has_refs(type) ? zw_refs_import : zw_host_func_of_type;
      if (make)
        e.u.func = make(b->i->store, type, (HostFn)(uintptr_t)m->fn, m->kind == ZWASM_IMPORT_WASI ? (void *)b->o.wasi : b->i);
    }
    break;
  case EXT_MEMORY: e.u.memory = field(b, m); break;
  case EXT_TABLE: e.u.table = field(b, m); break;
  case EXT_GLOBAL: {
    const ImageGlobal *g = IMAGE_ARRAY(b->im, ImageGlobal, IMG_GLOBALS) + im->index;
    void *at = field(b, m);
    if (zw_is_ref(g->type)) {
      e.u.global = at;
      break;
    }
    Value none = { .u64x2 = { 0, 0 } };
    if (at && (e.u.global = zw_global_new(b->i->store, zw_valtype_with_ids(g->type, b->type_ids), g->mutable_, none)))
      e.u.global->at = at;
    break;
  }
  case EXT_TAG: e.u.tag = field(b, m); break;
  }
  return e;
}

static bool find_imports(Birth *b)
{
  const zwasm_module_t *m = b->i->module;
  const ImageImport *im = IMAGE_ARRAY(b->im, ImageImport, IMG_IMPORTS);
  b->type_ids = zw_alloc((b->im->counts.types + 1) * sizeof *b->type_ids);
  b->imports = zw_alloc((m->nimports + 1) * sizeof *b->imports);
  b->i->functions = zw_alloc((b->im->counts.imported_funcs + 1) * sizeof *b->i->functions);
  if (!b->type_ids || !b->imports || !b->i->functions || !zw_types_intern(IMAGE_ARRAY(b->im, uint32_t, IMG_TYPES), IMAGE_COUNT(b->im, IMG_TYPES),
                                                      IMAGE_ARRAY(b->im, uint32_t, IMG_TYPE_INDEX), b->im->counts.types, b->type_ids))
    return false;
  for (uint32_t k = 0; k < m->nimports; k++) {
    Extern *e = &b->imports[k];
    *e = find_import(b, &im[k], &m->imports[k]);
    if (e->kind == EXT_MEMORY && e->u.memory && e->u.memory->shared && e->u.memory->object.store != b->i->store &&
        !zw_store_hold_other(b->i->store, e->u.memory->object.store))
      return false;
  }
  return true;
}

// The reactor's rule: _initialize runs once, before anything else.  spec: WASI application ABI
static TrapKind initialize(Instance *in)
{
  Extern e;
  Value none;
  if (!zw_instance_export(in, "_initialize", 11, &e) || e.kind != EXT_FUNC)
    return TRAP_none;
  const TypeInfo *t = zw_type_info(e.u.func->type_id);
  return t->n == 0 && t->m == 0 ? zw_call(e.u.func, &none) : TRAP_none;
}

static bool give_birth(Birth *b)
{
  zw_format(b->err, sizeof b->err, "out of memory");
  if (!choose_store(b) || !find_imports(b))
    return false;
  b->i->in = zw_instance_make(b->i->store, b->im, b->imports, (uint32_t)b->i->module->nimports, b->err, sizeof b->err);
  if (!b->i->in)
    return false;
  b->i->in->host_data = b->i;
  if (IMAGE_COUNT(b->im, IMG_FUNC_TYPES) && !zw_instance_func(b->i->in, 0))
    return false;
  b->i->calls = b->i->in->refs;
  bool ok = zw_instance_start(b->i->in, &b->trap, b->err, sizeof b->err);
  if (ok)
    b->trap = initialize(b->i->in);
  if (b->trap != TRAP_none) {
    size_t n = zw_trap_format(zw_store_trap(b->i->store), b->err, sizeof b->err);
    if (n > 0 && n < sizeof b->err)
      b->err[n - 1] = 0; // the line's end
  }
  return ok && b->trap == TRAP_none;
}

static bool options_ok(const zwasm_module_t *m, const zwasm_options_t *o, zwasm_options_t *out)
{
  static const zwasm_options_t none = ZWASM_OPTIONS_INIT;
  *out = none;
  if (!o)
    return true;
  if (o->struct_size < offsetof(zwasm_options_t, max_memory) || o->struct_size > 4096) {
    zw_rt_error("%s: the options were not made with ZWASM_OPTIONS_INIT", m->name);
    return false;
  }
  __builtin_memcpy(out, o, o->struct_size < sizeof *out ? o->struct_size : sizeof *out);
  return true;
}

static void release(zwasm_instance_t *i)
{
  zw_free(i->view);
  zw_free(i->functions);
  zw_store_release(i->store);
}

static zwasm_instance_t *start(const zwasm_module_t *m, zwasm_instance_t *i, const zwasm_options_t *o)
{
  Birth b = { .i = i, .im = open_module(m) };
  if (!b.im || !options_ok(m, o, &b.o))
    return NULL;
  i->module = m, i->user = b.o.user;
  bool ok = give_birth(&b);
  zw_free(b.type_ids);
  zw_free(b.imports);
  if (ok)
    return i;
  zw_rt_error("%s: %s", m->name, b.err);
  if (b.o.trap_out)
    *b.o.trap_out = (zwasm_trap_t){ .status = (zwasm_status_t)b.trap, .message = zwasm_last_error(),
                                    .exit_code = b.trap == TRAP_exit ? zw_store_trap(i->store)->exit_code : 0 };
  release(i);
  return NULL;
}
Instance *zw_rt_instance(zwasm_instance_t *i) { return i->in; }

size_t zwasm_rt_sizeof(const zwasm_module_t *m)
{
  (void)m;
  return sizeof(zwasm_instance_t);
}
zwasm_instance_t *zwasm_rt_new(const zwasm_module_t *m, const zwasm_options_t *o)
{
  zwasm_instance_t *i = zw_alloc(sizeof *i);
  if (!i) {
    zw_rt_error("%s: out of memory", m->name);
    return NULL;
  }
  if (start(m, i, o))
    return i;
  zw_free(i);
  return NULL;
}
zwasm_instance_t *zwasm_rt_init_at(const zwasm_module_t *m, void *where, size_t size, const zwasm_options_t *o)
{
  if (size < sizeof(zwasm_instance_t) || (uintptr_t)where % _Alignof(zwasm_instance_t)) {
    zw_rt_error("%s: an instance needs %zu bytes, aligned to %zu", m->name, sizeof(zwasm_instance_t), _Alignof(zwasm_instance_t));
    return NULL;
  }
  zwasm_instance_t *i = where;
  *i = (zwasm_instance_t){ .placed = true };
  return start(m, i, o);
}
void zwasm_rt_delete(zwasm_instance_t *i)
{
  if (!i)
    return;
  bool placed = i->placed;
  release(i);
  if (!placed)
    zw_free(i);
}

// ---- calls and traps ----

static __attribute__((noinline, cold)) zwasm_status_t no_memory(zwasm_instance_t *i, bool plain)
{
  if (plain)
    zw_raise(i->in->vmctx, TRAP_alloc_failure, "out of memory");
  zw_trap_note(i->store, TRAP_alloc_failure, "out of memory");
  return ZWASM_ALLOCATION_FAILURE;
}
zwasm_status_t zw_rt_call_try_slowly(zwasm_instance_t *i, uint32_t func, zwasm_value_t *args)
{
  FuncRef *f = zw_instance_func(i->in, func);
  return f ? (zwasm_status_t)zw_call(f, (Value *)(void *)args) : no_memory(i, false);
}
void zw_rt_call_slowly(zwasm_instance_t *i, uint32_t func, zwasm_value_t *args)
{
  FuncRef *f = zw_instance_func(i->in, func);
  if (f)
    zw_call_plain(f, (Value *)(void *)args);
  else
    (void)no_memory(i, true);
}
zwasm_status_t zwasm_try(zwasm_instance_t *i, void (*fn)(void *arg), void *arg) { return (zwasm_status_t)zw_try(i->in, fn, arg); }
void zwasm_after_longjmp(void) { zw_activation_unwound((uintptr_t)__builtin_dwarf_cfa()); }
void zwasm_raise(zwasm_instance_t *i, const char *message) { zw_raise(i->in->vmctx, TRAP_host, message); }
void zwasm_set_trap(zwasm_instance_t *i, const char *message) { zw_set_trap(i->in->vmctx, TRAP_host, message); }
int zwasm_handle_fault(int sig, void *siginfo, void *context) { return zw_os_handle_fault(sig, siginfo, context); }
void *zwasm_user(zwasm_instance_t *i) { return i->user; }

const zwasm_trap_t *zwasm_trap(zwasm_instance_t *i)
{
  static const zwasm_trap_t nomem = { .status = ZWASM_ALLOCATION_FAILURE, .message = "out of memory" };
  if (!i->view && !(i->view = zw_alloc(sizeof *i->view)))
    return &nomem;
  TrapView *v = i->view;
  const TrapInfo *t = zw_store_trap(i->store);
  v->trap = (zwasm_trap_t){ .status = (zwasm_status_t)t->kind, .exit_code = t->exit_code, .message = t->text, .has_address = t->has_address,
                            .address = t->address, .memory_bytes = t->memory_bytes, .nframes = t->nframes, .total_frames = t->total_frames,
                            .frames = v->frames };
  for (uint32_t k = 0; k < t->nframes; k++) {
    const TrapFrame *f = &t->frames[k];
    const Image *im = f->image;
    uint32_t name = f->func < IMAGE_COUNT(im, IMG_NAMES) ? IMAGE_ARRAY(im, uint32_t, IMG_NAMES)[f->func] : 0;
    uint32_t line;
    const char *file = zw_frame_line(f, &line);
    zw_format(v->names[k], sizeof v->names[k], "func %u", f->func);
    v->frames[k] = (zwasm_frame_t){ .module = im->h->name ? zw_image_str(im, im->h->name) : "wasm",
                                    .function = name ? zw_image_str(im, name) : v->names[k],
                                    .file = file, .line = line, .func_index = f->func, .wasm_offset = f->wasm_at };
  }
  return &v->trap;
}
size_t zwasm_trap_text(zwasm_instance_t *i, char *buf, size_t bytes) { return zw_trap_format(zw_store_trap(i->store), buf, bytes); }
