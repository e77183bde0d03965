// Functions: references to them, and host functions.
#include "runtime/vm/vm_int.h"

// ---- references ----

static const ImageThunks *thunks_of(const Image *im, uint32_t func)
{
  return IMAGE_ARRAY(im, ImageThunks, IMG_THUNKS) + IMAGE_ARRAY(im, uint32_t, IMG_FUNC_TYPES)[func];
}

void zw_funcref_init(Instance *in, uint32_t func, FuncRef *f)
{
  const Image *im = in->image;
  uint32_t type = IMAGE_ARRAY(im, uint32_t, IMG_FUNC_TYPES)[func];
  *f = (FuncRef){ .vmctx = in->vmctx, .type_id = zw_type_ids(in)[type], .func = func };
  if (im->h->text_bytes == 0) { // the interpreter's
    f->code = (void *)(uintptr_t)zw_host_generic;
    return;
  }
  uint32_t defined = func - im->h->nimported_funcs, entry = thunks_of(im, func)->entry;
  f->code = (void *)(uintptr_t)(im->text + (im->entries ? __atomic_load_n(&im->entries[defined], __ATOMIC_ACQUIRE)
                                                        : im->funcs[IMAGE_ARRAY(im, uint32_t, IMG_FUNC_CODE)[defined]].code_off));
  f->entry = entry ? (void *)(uintptr_t)(im->text + entry) : NULL;
}

// The place of `func` among the FuncRefs of the vmctx, which are sorted; -1 = not there.
static int64_t find_ref(const Image *im, uint32_t func)
{
  const uint32_t *ref = IMAGE_ARRAY(im, uint32_t, IMG_FUNCREFS);
  uint32_t lo = 0, hi = IMAGE_COUNT(im, IMG_FUNCREFS);
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (ref[mid] < func)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < IMAGE_COUNT(im, IMG_FUNCREFS) && ref[lo] == func ? (int64_t)lo : -1;
}

FuncRef *zw_instance_ref(Instance *in, uint32_t func)
{
  int64_t at = find_ref(in->image, func);
  return at >= 0 ? (FuncRef *)(void *)((char *)in->vmctx + in->image->layout.funcrefs) + at : zw_instance_func(in, func);
}

static FuncRef *find_or_make(Instance *in, uint32_t func)
{
  const Image *im = in->image;
  char *v = (char *)in->vmctx;
  if (func < im->h->nimported_funcs)
    return ((TableElem *)(void *)(v + im->layout.imports))[func].ref;
  int64_t at = find_ref(im, func);
  if (at >= 0)
    return (FuncRef *)(void *)(v + im->layout.funcrefs) + at;
  FuncRef *f = zw_alloc(sizeof *f);
  if (f)
    zw_funcref_init(in, func, f);
  return f;
}
bool zw_funcref_is_made(const Instance *in, uint32_t func)
{
  return func >= in->image->h->nimported_funcs && find_ref(in->image, func) < 0;
}

static __attribute__((noinline)) FuncRef *first_use(Instance *in, uint32_t func)
{
  uint32_t n = IMAGE_COUNT(in->image, IMG_FUNC_TYPES);
  CHECK(func < n);
  if (!in->refs && !(in->refs = zw_alloc(n * sizeof *in->refs)))
    return NULL;
  in->nrefs = n;
  return in->refs[func] = find_or_make(in, func);
}

FuncRef *zw_instance_func(Instance *in, uint32_t func)
{
  FuncRef *f = func < in->nrefs ? in->refs[func] : NULL; // the way of every call from C
  return f ? f : first_use(in, func);
}

bool zw_func_is_void(const FuncRef *f)
{
  const TypeInfo *t = zw_type_info(f->type_id);
  return t->n == 0 && t->m == 0;
}

bool zw_is_func_ref(ValType t)
{
  uint32_t heap = zw_heap_type(t);
  if (heap < HEAP_ABSTRACT)
    return zw_type_info(heap)->kind == COMP_FUNC;
  return heap == HEAP_FUNC || heap == HEAP_NOFUNC;
}

TableElem zw_table_elem(FuncRef *f)
{
  if (!f)
    return (TableElem){ 0 };
  return (TableElem){ .code = f->code, .vmctx = f->vmctx, .type_id = f->type_id, .func = f->func, .ref = f };
}

// ---- host functions ----

FuncRef *zw_host_func_new(Store *s, const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults, HostFn fn, void *env)
{
  uint32_t id = zw_type_func(params, nparams, results, nresults);
  return id ? zw_host_func_of_type(s, id, fn, env) : NULL;
}

FuncRef *zw_host_func_of_type(Store *s, uint32_t type_id, HostFn fn, void *env)
{
  HostFuncObject *o = zw_alloc(sizeof *o);
  if (!o)
    return NULL;
  HostFunc *h = &o->f;
  h->fn = fn, h->env = env;
  h->head.is_host = 1;
  h->head.store = s;
  h->head.trap_shim = (void *)(uintptr_t)zw_trap_shim;
  h->head.host_shim = (void *)(uintptr_t)zw_host_shim;
  h->head.scratch[0] = (void *)(uintptr_t)fn; // where entry_x64.S looks
  h->head.scratch[1] = env;
  h->ref = (FuncRef){ .code = (void *)(uintptr_t)zw_host_generic, .vmctx = &h->head, .type_id = type_id };
  o->next = s->hosts;
  s->hosts = o;
  return &h->ref;
}
