// References in the hands of C: calls through them, functions of the host, tables and globals.
#include "runtime/vm/rt_int.h"

// ---- functions ----

static zwasm_ref_t handle(Store *s, uint64_t word, uint32_t heap)
{
  zwasm_ref_t r = word ? zw_ref_new(s, word, heap) : NULL;
  if (!r)
    zw_rt_error("%s", word ? "out of memory" : "");
  return r;
}

zwasm_ref_t zwasm_ref_export(zwasm_instance_t *i, const char *name)
{
  Extern e;
  if (!zw_instance_export(i->in, name, __builtin_strlen(name), &e) || e.kind != EXT_FUNC) {
    zw_rt_error("%s exports no function '%s'", i->module->name, name);
    return NULL;
  }
  if (!e.u.func)
    zw_rt_error("out of memory");
  return e.u.func ? handle(i->store, (uintptr_t)e.u.func, HEAP_FUNC) : NULL;
}

static ValType type_of_letter(char c)
{
  switch (c) {
  case 'i': return VT_I32;
  case 'l': return VT_I64;
  case 'f': return VT_F32;
  case 'd': return VT_F64;
  case 'v': return VT_V128;
  case 'x': return VT_EXTERNREF;
  case 'c': return VT_FUNCREF;
  }
  return VT_BOT;
}

// One list of letters, up to `end`.
static bool letters_fit(const char **p, char end, const ValType *types, uint32_t n)
{
  for (uint32_t k = 0; k < n; k++, ++*p) {
    ValType want = type_of_letter(**p);
    bool other_ref = **p == 'r' && zw_is_ref(types[k]);
    if (!other_ref && want != types[k] && (want == VT_BOT || !zw_is_ref(want) || (want | VT_NULL) != (types[k] | VT_NULL)))
      return false;
  }
  return *(*p)++ == end;
}

zwasm_status_t zwasm_ref_call(zwasm_instance_t *i, zwasm_ref_t func, const char *type, zwasm_value_t *args)
{
  uint64_t word;
  TrapKind trap = func ? zw_ref_in(i->store, func, VT_FUNCREF, &word) : TRAP_null_func;
  FuncRef *f = trap == TRAP_none ? (FuncRef *)(uintptr_t)word : NULL;
  const TypeInfo *t = f ? zw_type_info(f->type_id) : NULL;
  if (f && (!letters_fit(&type, '_', t->types, t->n) || !letters_fit(&type, 0, t->types + t->n, t->m)))
    trap = TRAP_indirect_type;
  if (trap != TRAP_none) {
    zw_trap_note(i->store, trap, NULL);
    return (zwasm_status_t)trap;
  }
  Value few[16], *v = few; // aligned, which the program's may not be
  uint32_t n = t->n > t->m ? t->n : t->m;
  if (n > ARRAY_COUNT(few) && !(v = zw_alloc(n * sizeof *v))) {
    zw_trap_note(i->store, TRAP_alloc_failure, "out of memory");
    return ZWASM_ALLOCATION_FAILURE;
  }
  __builtin_memcpy(v, args, t->n * sizeof *v);
  trap = zw_call_refs(i->store, f, v);
  if (trap == TRAP_none)
    __builtin_memcpy(args, v, t->m * sizeof *v);
  if (v != few)
    zw_free(v);
  return (zwasm_status_t)trap;
}

zwasm_ref_t zwasm_ref_host(zwasm_instance_t *i, const char *type, zwasm_host_fn_t fn, void *env)
{
  ValType types[2][64];
  uint32_t n[2] = { 0, 0 }, list = 0;
  bool ok = fn != NULL;
  for (const char *p = type; *p && ok; p++) {
    if (*p == '_' && list == 0)
      list = 1;
    else if ((ok = n[list] < ARRAY_COUNT(types[0]) && type_of_letter(*p) != VT_BOT))
      types[list][n[list]++] = type_of_letter(*p);
  }
  if (!ok || list == 0) {
    zw_rt_error("'%s' is not the type of a function of the host: up to 64 letters of ilfdvxc, _ and as many again", type);
    return NULL;
  }
  uint32_t id = zw_type_func(types[0], n[0], types[1], n[1]);
  FuncRef *f = !id ? NULL : zw_type_has_refs(id) ? zw_refs_import(i->store, id, (HostFn)(uintptr_t)fn, env)
                                                 : zw_host_func_of_type(i->store, id, (HostFn)(uintptr_t)fn, env);
  if (!f)
    zw_rt_error("out of memory");
  return f ? handle(i->store, (uintptr_t)f, HEAP_FUNC) : NULL;
}

// ---- tables ----

zwasm_ref_t zwasm_table_get(zwasm_table_t *table, uint64_t i)
{
  Table *t = (Table *)table;
  if (i < t->def.length)
    return handle(t->object.store, zw_table_get(t, i), zw_ref_top(t->elem));
  zw_rt_error("element %llu of a table of %llu", (unsigned long long)i, (unsigned long long)t->def.length);
  return NULL;
}
int zwasm_table_set(zwasm_table_t *table, uint64_t i, zwasm_ref_t r)
{
  Table *t = (Table *)table;
  uint64_t word;
  if (i >= t->def.length || zw_ref_in(t->object.store, r, t->elem, &word) != TRAP_none)
    return 0;
  zw_table_set(t, i, word);
  return 1;
}
uint64_t zwasm_table_grow(zwasm_table_t *table, uint64_t n, zwasm_ref_t init)
{
  Table *t = (Table *)table;
  uint64_t word;
  return zw_ref_in(t->object.store, init, t->elem, &word) == TRAP_none ? zw_table_grow(t, n, word) : UINT64_MAX;
}

// ---- globals ----

zwasm_ref_t zwasm_global_get(zwasm_global_t *global)
{
  const GlobalCell *g = (const GlobalCell *)global;
  return handle(g->object.store, g->at->u64, zw_ref_top(g->type));
}
static bool put(GlobalCell *g, zwasm_ref_t r)
{
  uint64_t word;
  if (zw_ref_in(g->object.store, r, g->type, &word) != TRAP_none)
    return false;
  *g->at = (Value){ .u64x2 = { word, 0 } };
  return true;
}
int zwasm_global_set(zwasm_global_t *global, zwasm_ref_t r)
{
  GlobalCell *g = (GlobalCell *)global;
  return g->mutable_ && put(g, r);
}
zwasm_global_t *zwasm_global_new(zwasm_instance_t *linked, zwasm_reftype_t type, int is_mutable, zwasm_ref_t value)
{
  GlobalCell *g = zw_rt_global_new(linked, type, is_mutable);
  if (!g || put(g, value))
    return (zwasm_global_t *)g;
  zw_rt_error(zw_ref_store(value) == g->object.store ? "a global's value is a reference of another type"
                                                     : "a global's value belongs to another instance: name that one as `linked`");
  zwasm_global_delete((zwasm_global_t *)g);
  return NULL;
}
