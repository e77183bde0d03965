// The engine side of the runner: images, instances, imports, calls, and the host module "spectest".
#include "tools/zwasm/wast_engine.h"
#include "runtime/base/vec.h"
#include "runtime/gc/gc.h"
#include "runtime/type/type.h"
#include "runtime/vm/vm.h"
#include <string.h>

typedef struct Definition { Str id; Image *image; bool trial; } Definition;
typedef struct Named { Str name; Instance *in; bool spectest; } Named; // in NULL: failed
typedef struct HostValue { uint64_t number; uint32_t handle; } HostValue; // a host reference and what keeps it alive

struct WastEngine {
  const Lane *lane;
  Arena a;
  Store *store;
  VEC(Definition) definitions;
  VEC(Named) instances;      // by $id, newest last
  VEC(Named) registered;
  Named current;
  VEC(HostValue) hosts;
  VEC(Extern) spectest;
  VEC(Str) spectest_names;
  // results of the last action
  Value *values;
  const ValType *types;      // with ids
  uint32_t nvalues;
};

static Str keep(WastEngine *e, Str s) { return (Str){ s.n ? zw_arena_str(&e->a, s.p, s.n) : "", s.n }; }

static void fail(RunResult *r, RunStatus status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void fail(RunResult *r, RunStatus status, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(r->text, sizeof r->text, fmt, ap);
  va_end(ap);
  r->status = status;
}

// ---- spectest ----
static void print_nothing(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)caller, (void)args;
}

static void add_spectest(WastEngine *e, const char *name, Extern x)
{
  *zw_push(&e->a, &e->spectest_names) = (Str){ name, strlen(name) };
  *zw_push(&e->a, &e->spectest) = x;
}

static bool make_spectest(WastEngine *e)
{
  static const struct { const char *name; uint32_t n; ValType params[2]; } prints[] = {
    { "print", 0, { 0 } }, { "print_i32", 1, { VT_I32 } }, { "print_i64", 1, { VT_I64 } }, { "print_f32", 1, { VT_F32 } },
    { "print_f64", 1, { VT_F64 } }, { "print_i32_f32", 2, { VT_I32, VT_F32 } }, { "print_f64_f64", 2, { VT_F64, VT_F64 } },
  };
  static const struct { const char *name; ValType type; Value v; } globals[] = {
    { "global_i32", VT_I32, { .i32 = 666 } }, { "global_i64", VT_I64, { .i64 = 666 } },
    { "global_f32", VT_F32, { .f32 = 666.6f } }, { "global_f64", VT_F64, { .f64 = 666.6 } },
  };
  bool ok = true;
  for (size_t i = 0; i < ARRAY_COUNT(prints); i++) {
    FuncRef *f = zw_host_func_new(e->store, prints[i].params, prints[i].n, NULL, 0, print_nothing, NULL);
    ok = ok && f;
    add_spectest(e, prints[i].name, (Extern){ .kind = EXT_FUNC, .u.func = f });
  }
  for (size_t i = 0; i < ARRAY_COUNT(globals); i++) {
    GlobalCell *g = zw_global_new(e->store, globals[i].type, false, globals[i].v);
    ok = ok && g;
    add_spectest(e, globals[i].name, (Extern){ .kind = EXT_GLOBAL, .u.global = g });
  }
  Table *t = zw_table_new(e->store, 10, 20, true, false, VT_FUNCREF, 0), *t64 = zw_table_new(e->store, 10, 20, true, true, VT_FUNCREF, 0);
  Memory *m = zw_memory_new(e->store, 1, 2, true, false, false, 16), *shared = zw_memory_new(e->store, 1, 2, true, false, true, 16);
  add_spectest(e, "table", (Extern){ .kind = EXT_TABLE, .u.table = t });
  add_spectest(e, "table64", (Extern){ .kind = EXT_TABLE, .u.table = t64 });
  add_spectest(e, "memory", (Extern){ .kind = EXT_MEMORY, .u.memory = m });
  add_spectest(e, "shared_memory", (Extern){ .kind = EXT_MEMORY, .u.memory = shared });
  return ok && t && t64 && m && shared;
}

WastEngine *zw_wast_engine_new(const Lane *lane)
{
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  WastEngine *e = zw_new(&a, WastEngine);
  if (!e)
    return NULL;
  *e = (WastEngine){ .lane = lane, .a = a };
  e->store = zw_store_new(&(StoreOptions){ .no_signals = lane->no_signals });
  if (!e->store || !make_spectest(e)) {
    zw_wast_engine_delete(e);
    return NULL;
  }
  *zw_push(&e->a, &e->registered) = (Named){ .name = STR("spectest"), .spectest = true };
  return e;
}

void zw_wast_engine_delete(WastEngine *e)
{
  if (!e)
    return;
  if (e->store)
    zw_store_delete(e->store);
  for (uint32_t i = 0; i < e->definitions.n; i++)
    if (e->definitions.p[i].image)
      e->lane->unload(e->definitions.p[i].image);
  Arena a = e->a; // e lies in it
  zw_arena_free(&a);
}

// ---- modules and instances ----
void zw_wast_define(WastEngine *e, const Candidate *c, RunResult *r)
{
  *r = (RunResult){ .status = RUN_OK };
  Definition d = { .id = keep(e, c->id), .trial = c->trial };
  if (!(d.image = e->lane->load(c->bytes, c->len, c->features_on, r->text, sizeof r->text)))
    r->status = RUN_ERROR;
  *zw_push(&e->a, &e->definitions) = d;
}

static const Definition *find_definition(const WastEngine *e, Str id, bool trial)
{
  for (uint32_t i = e->definitions.n; i-- > 0;)
    if (e->definitions.p[i].trial == trial && (id.n == 0 || zw_str_eq(e->definitions.p[i].id, id)))
      return &e->definitions.p[i];
  return NULL;
}

static const Named *find_named(const Named *list, uint32_t n, Str name)
{
  for (uint32_t i = n; i-- > 0;) // the newest of a name counts
    if (zw_str_eq(list[i].name, name))
      return &list[i];
  return NULL;
}

static bool find_export(const WastEngine *e, const Named *from, Str name, Extern *out)
{
  if (!from->spectest)
    return from->in && zw_instance_export(from->in, name.p, name.n, out);
  for (uint32_t i = 0; i < e->spectest.n; i++)
    if (zw_str_eq(e->spectest_names.p[i], name)) {
      *out = e->spectest.p[i];
      return true;
    }
  return false;
}

// What the module imports, as far as it is there; what is missing stays empty and the runtime says so.
static Extern *find_imports(WastEngine *e, const Image *im, uint32_t *n)
{
  const ImageImport *want = IMAGE_ARRAY(im, ImageImport, IMG_IMPORTS);
  *n = IMAGE_COUNT(im, IMG_IMPORTS);
  Extern *x = zw_new_array(&e->a, Extern, *n);
  for (uint32_t i = 0; i < *n; i++) {
    const Named *from = find_named(e->registered.p, e->registered.n, zw_image_name(im, want[i].module));
    if (!from || !find_export(e, from, zw_image_name(im, want[i].name), &x[i]))
      x[i] = (Extern){ 0 };
  }
  return x;
}

// A new instance of d, or why not.
static Instance *instantiate(WastEngine *e, const Definition *d, RunResult *r)
{
  *r = (RunResult){ .status = RUN_OK };
  if (!d || !d->image) {
    fail(r, RUN_ERROR, "no module to instantiate");
    return NULL;
  }
  uint32_t nimports;
  TrapKind trap = TRAP_none;
  Extern *imports = find_imports(e, d->image, &nimports);
  Instance *in = zw_instance_new(e->store, d->image, imports, nimports, &trap, r->text, sizeof r->text);
  if (!in && trap != TRAP_none) {
    r->trap = trap;
    fail(r, RUN_TRAP, "%s", zw_trap_text(trap));
  } else if (!in) {
    r->status = RUN_LINK;
  }
  return in;
}

void zw_wast_instantiate(WastEngine *e, Str module, Str id, RunResult *r)
{
  Named n = { .name = keep(e, id), .in = instantiate(e, find_definition(e, module, false), r) };
  e->current = n;
  if (id.n)
    *zw_push(&e->a, &e->instances) = n;
}

void zw_wast_try(WastEngine *e, RunResult *r) { instantiate(e, find_definition(e, (Str){ NULL, 0 }, true), r); }

// The instance of that name, or NULL: r says so.
static const Named *find_instance(const WastEngine *e, Str id, RunResult *r)
{
  const Named *n = id.n ? find_named(e->instances.p, e->instances.n, id) : &e->current;
  if (n && n->in)
    return n;
  fail(r, RUN_ERROR, id.n ? "no instance $%.*s" : "no current instance%.*s", (int)id.n, id.p);
  return NULL;
}

void zw_wast_register(WastEngine *e, Str name, Str id, RunResult *r)
{
  *r = (RunResult){ .status = RUN_OK };
  const Named *n = find_instance(e, id, r);
  if (n)
    *zw_push(&e->a, &e->registered) = (Named){ .name = keep(e, name), .in = n->in };
}

// ---- values ----
// The reference that stands for host value `number`: the same one each time.
static GcRef host_ref(WastEngine *e, uint64_t number)
{
  struct GcHeap *h = zw_store_gc(e->store);
  for (uint32_t i = 0; i < e->hosts.n; i++)
    if (e->hosts.p[i].number == number)
      return zw_gc_handle_get(h, e->hosts.p[i].handle);
  GcRef ref = h ? zw_gc_box(h, (void *)(uintptr_t)(number + 1)) : 0;
  CHECK(ref);
  *zw_push(&e->a, &e->hosts) = (HostValue){ number, zw_gc_handle_new(h, ref) };
  return ref;
}

static bool is_type(const WastValue *w, ValType t)
{
  switch ((WastKind)w->kind) {
  case WV_I32: return t == VT_I32;
  case WV_I64: return t == VT_I64;
  case WV_F32: return t == VT_F32;
  case WV_F64: return t == VT_F64;
  case WV_V128: return t == VT_V128;
  case WV_REF_NULL: case WV_REF_FUNC: case WV_REF_EXTERN: case WV_REF_HOST: case WV_REF_ANY: case WV_REF_EQ: case WV_REF_I31:
  case WV_REF_STRUCT: case WV_REF_ARRAY: case WV_REF_EXN:
    return zw_is_ref(t);
  case WV_EITHER: return false;
  }
  return false;
}

static bool to_value(WastEngine *e, const WastValue *w, ValType t, Value *out)
{
  if (!is_type(w, t) || (w->any && w->kind != WV_REF_NULL))
    return false;
  *out = w->v;
  if (w->kind == WV_REF_NULL)
    *out = (Value){ .ref = 0 };
  else if (w->kind == WV_REF_EXTERN || w->kind == WV_REF_HOST)
    *out = (Value){ .ref = host_ref(e, w->v.u64) };
  else if (zw_is_ref(t))
    return false; // no way to write one
  return true;
}

static bool nan_matches(uint8_t pattern, uint64_t bits, unsigned bytes)
{
  uint64_t quiet = bytes == 4 ? 0x7fc00000 : 0x7ff8000000000000, sign = bytes == 4 ? 0x80000000 : 1ull << 63;
  return pattern == NAN_CANONICAL ? (bits & ~sign) == quiet : (bits & quiet) == quiet;
}

static bool vector_matches(const WastValue *w, const Value *v)
{
  if (!w->float_lanes)
    return memcmp(v->bytes, w->v.bytes, 16) == 0;
  for (unsigned i = 0; i < 16u / w->lane_bytes; i++) {
    uint64_t got = 0, want = 0;
    memcpy(&got, v->bytes + i * w->lane_bytes, w->lane_bytes);
    memcpy(&want, w->v.bytes + i * w->lane_bytes, w->lane_bytes);
    if (w->nan[i] ? !nan_matches(w->nan[i], got, w->lane_bytes) : got != want)
      return false;
  }
  return true;
}

static bool ref_matches(WastEngine *e, const WastValue *w, const Value *v, ValType t)
{
  bool is_func = zw_gc_is_func_type(t);
  uint64_t bits = is_func ? (uint64_t)(uintptr_t)v->ptr : (uint32_t)v->ref;
  struct GcHeap *h = zw_store_gc(e->store);
  switch ((WastKind)w->kind) {
  case WV_REF_NULL: return bits == 0;
  case WV_REF_FUNC: return is_func && bits;
  case WV_REF_EXTERN: case WV_REF_HOST:
    if (is_func || bits == 0)
      return false;
    return w->any || (zw_gc_is_box(h, (GcRef)bits) && (uintptr_t)zw_gc_unbox(h, (GcRef)bits) == w->v.u64 + 1);
  case WV_REF_ANY: return !is_func && bits;
  case WV_REF_EQ: return !is_func && bits && zw_gc_is(h, (GcRef)bits, VT_REF | HEAP_EQ);
  case WV_REF_I31: return !is_func && (bits & 1);
  case WV_REF_STRUCT: return !is_func && bits && zw_gc_is(h, (GcRef)bits, VT_REF | HEAP_STRUCT);
  case WV_REF_ARRAY: return !is_func && bits && zw_gc_is(h, (GcRef)bits, VT_REF | HEAP_ARRAY);
  case WV_REF_EXN: return !is_func && bits && zw_heap_type(t) == HEAP_EXN;
  case WV_I32: case WV_I64: case WV_F32: case WV_F64: case WV_V128: case WV_EITHER: return false;
  }
  return false;
}

static bool matches(WastEngine *e, const WastValue *w, const Value *v, ValType t)
{
  if (w->kind == WV_EITHER) {
    for (uint32_t i = 1; i <= w->alternatives; i++)
      if (matches(e, w + i, v, t)) // not nested deeper: the script has no either inside either
        return true;
    return false;
  }
  if (!is_type(w, t))
    return false;
  switch ((WastKind)w->kind) {
  case WV_I32: return v->u32 == w->v.u32;
  case WV_I64: return v->u64 == w->v.u64;
  case WV_F32: return w->nan[0] ? nan_matches(w->nan[0], v->u32, 4) : v->u32 == w->v.u32;
  case WV_F64: return w->nan[0] ? nan_matches(w->nan[0], v->u64, 8) : v->u64 == w->v.u64;
  case WV_V128: return vector_matches(w, v);
  case WV_REF_NULL: case WV_REF_FUNC: case WV_REF_EXTERN: case WV_REF_HOST: case WV_REF_ANY: case WV_REF_EQ: case WV_REF_I31:
  case WV_REF_STRUCT: case WV_REF_ARRAY: case WV_REF_EXN:
    return ref_matches(e, w, v, t);
  case WV_EITHER: break;
  }
  return false;
}

static void describe(const Value *v, ValType t, char *buf, size_t bytes)
{
  switch (zw_is_ref(t) ? VT_BOT : t) {
  case VT_I32: zw_format(buf, bytes, "i32 %d (0x%x)", v->i32, v->u32); break;
  case VT_I64: zw_format(buf, bytes, "i64 %lld (0x%llx)", (long long)v->i64, (unsigned long long)v->u64); break;
  case VT_F32: zw_format(buf, bytes, "f32 bits 0x%08x", v->u32); break;
  case VT_F64: zw_format(buf, bytes, "f64 bits 0x%016llx", (unsigned long long)v->u64); break;
  case VT_V128: zw_format(buf, bytes, "v128 i32x4 0x%08x 0x%08x 0x%08x 0x%08x", v->u32x4[0], v->u32x4[1], v->u32x4[2], v->u32x4[3]); break;
  default: zw_format(buf, bytes, "a reference 0x%llx of type 0x%x", (unsigned long long)v->u64, t); break;
  }
}

static void describe_wanted(const WastValue *w, char *buf, size_t bytes)
{
  static const char *const names[] = { "i32", "i64", "f32", "f64", "v128", "ref.null", "ref.func", "ref.extern", "ref.host", "ref.any",
                                       "ref.eq", "ref.i31", "ref.struct", "ref.array", "ref.exn", "either" };
  if (w->nan[0])
    zw_format(buf, bytes, "%s nan", names[w->kind]);
  else if (w->kind == WV_V128)
    describe(&w->v, VT_V128, buf, bytes);
  else if (w->kind <= WV_F64)
    describe(&w->v, (ValType)w->kind, buf, bytes);
  else
    zw_format(buf, bytes, "%s", names[w->kind]);
}

bool zw_wast_results_are(WastEngine *e, const WastValue *want, uint32_t n, char *why, size_t why_bytes)
{
  if (n != e->nvalues) {
    zw_format(why, why_bytes, "%u results, expected %u", e->nvalues, n);
    return false;
  }
  const WastValue *w = want;
  for (uint32_t i = 0; i < n; i++, w += 1 + w->alternatives)
    if (!matches(e, w, &e->values[i], e->types[i])) {
      char got[120], wanted[120];
      describe(&e->values[i], e->types[i], got, sizeof got);
      describe_wanted(w, wanted, sizeof wanted);
      zw_format(why, why_bytes, "result %u is %s, expected %s", i, got, wanted);
      return false;
    }
  return true;
}

// ---- actions ----
static void read_global(WastEngine *e, const GlobalCell *g)
{
  e->values = zw_new_array(&e->a, Value, 1);
  e->values[0] = *g->at;
  e->types = &g->type, e->nvalues = 1;
}

static void call(WastEngine *e, FuncRef *f, const Action *a, RunResult *r)
{
  const TypeInfo *type = zw_type_info(f->type_id);
  uint32_t slots = type->n > type->m ? type->n : type->m;
  if (type->n != a->nargs) {
    fail(r, RUN_ERROR, "%u arguments for %u parameters", a->nargs, type->n);
    return;
  }
  Value *args = zw_new_array(&e->a, Value, slots + 1u);
  for (uint32_t i = 0; i < a->nargs; i++)
    if (!to_value(e, &a->args[i], type->types[i], &args[i])) {
      fail(r, RUN_ERROR, "argument %u does not fit the parameter", i);
      return;
    }
  e->values = args, e->types = type->types + type->n, e->nvalues = type->m;
  TrapKind trap = zw_call(f, args);
  if (trap != TRAP_none) {
    r->trap = trap;
    const TrapInfo *info = zw_store_trap(e->store);
    fail(r, RUN_TRAP, "%s", trap == TRAP_host && info->text[0] ? info->text : zw_trap_text(trap));
  }
}

void zw_wast_act(WastEngine *e, const Action *a, RunResult *r)
{
  *r = (RunResult){ .status = RUN_OK };
  e->nvalues = 0;
  const Named *n = find_instance(e, a->module, r);
  Extern x;
  if (!n)
    return;
  if (!find_export(e, n, a->name, &x))
    fail(r, RUN_ERROR, "no export \"%.*s\"", (int)a->name.n, a->name.p);
  else if (a->get && x.kind == EXT_GLOBAL)
    read_global(e, x.u.global);
  else if (!a->get && x.kind == EXT_FUNC)
    call(e, x.u.func, a, r);
  else
    fail(r, RUN_ERROR, "export \"%.*s\" is something else", (int)a->name.n, a->name.p);
}

const char *zw_wast_trap_text(uint32_t trap) { return zw_trap_text((TrapKind)trap); }
bool zw_wast_is_exhaustion(uint32_t trap) { return trap == TRAP_stack_overflow; }
bool zw_wast_is_exception(uint32_t trap) { return trap == TRAP_uncaught_exception; }

// ---- threads ----
WastEngine *zw_wast_engine_for_thread(WastEngine *e, Str shared)
{
  WastEngine *t = zw_wast_engine_new(e->lane);
  if (!t || shared.n == 0)
    return t;
  const Named *n = find_named(e->instances.p, e->instances.n, shared);
  if (n) {
    Named copy = *n;
    copy.name = keep(t, shared);
    *zw_push(&t->a, &t->instances) = copy;
    t->current = copy;
  }
  return t;
}
