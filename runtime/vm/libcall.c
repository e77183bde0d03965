// The C bodies of libcall.def.  Entered through the shims of entry_x64.S, which keep every register of the caller, with
// the vmctx first and then the arguments; integers of 32 bits arrive zero-extended.  A trap goes to the call's own site.
#include "runtime/vm/vm_int.h"

// Prototypes from the table: wrong counts are caught where the body is defined.
uint64_t zw_lib_memory_grow(VmCtx *v, uint64_t mem, uint64_t delta);
void zw_lib_memory_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_memory_fill(VmCtx *v, uint64_t mem, uint64_t dst, uint64_t byte, uint64_t len);
void zw_lib_memory_init(VmCtx *v, uint64_t mem, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_data_drop(VmCtx *v, uint64_t seg);
uint64_t zw_lib_table_grow(VmCtx *v, uint64_t table, uint64_t init, uint64_t delta);
uint64_t zw_lib_table_get(VmCtx *v, uint64_t table, uint64_t index);
void zw_lib_table_set(VmCtx *v, uint64_t table, uint64_t index, uint64_t value);
void zw_lib_table_fill(VmCtx *v, uint64_t table, uint64_t dst, uint64_t value, uint64_t len);
void zw_lib_table_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_table_init(VmCtx *v, uint64_t table, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_elem_drop(VmCtx *v, uint64_t seg);
uint64_t zw_lib_wait32(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout);
uint64_t zw_lib_wait64(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout);
uint64_t zw_lib_notify(VmCtx *v, uint64_t mem, uint64_t at, uint64_t count);
void zw_lib_throw(VmCtx *v, uint64_t tag, const Value *payload);
void zw_lib_throw_ref(VmCtx *v, uint64_t exn);
void zw_lib_f32_trunc(VmCtx *v);
uint64_t zw_lib_struct_new(VmCtx *v, uint64_t type);
uint64_t zw_lib_array_new(VmCtx *v, uint64_t type, uint64_t length);
void zw_lib_array_copy(VmCtx *v);
void zw_lib_array_fill(VmCtx *v);
void zw_lib_array_init_data(VmCtx *v);
void zw_lib_array_init_elem(VmCtx *v);
uint64_t zw_lib_ref_test(VmCtx *v, uint64_t ref, uint64_t type, uint64_t nullable);
uint64_t zw_lib_sig_subtype(VmCtx *v, uint64_t actual, uint64_t wanted);

static void trap_unless(VmCtx *v, bool ok, TrapKind kind)
{
  if (!ok)
    zw_trap_lib(v, kind);
}

// ---- memories ----

uint64_t zw_lib_memory_grow(VmCtx *v, uint64_t mem, uint64_t delta)
{
  Memory *m = v->instance->memories[mem];
  uint64_t old = zw_memory_grow(m, delta);
  return m->is64 ? old : (uint32_t)old;
}
void zw_lib_memory_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len)
{
  trap_unless(v, zw_memory_copy(v->instance->memories[d], v->instance->memories[s], dst, src, len), TRAP_oob);
}
void zw_lib_memory_fill(VmCtx *v, uint64_t mem, uint64_t dst, uint64_t byte, uint64_t len)
{
  trap_unless(v, zw_memory_fill(v->instance->memories[mem], dst, (uint8_t)byte, len), TRAP_oob);
}
void zw_lib_memory_init(VmCtx *v, uint64_t mem, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len)
{
  trap_unless(v, zw_memory_init(v->instance, (uint32_t)mem, (uint32_t)seg, dst, src, len), TRAP_oob);
}
void zw_lib_data_drop(VmCtx *v, uint64_t seg) { v->instance->dropped_datas[seg] = 1; }

// ---- tables ----

uint64_t zw_lib_table_grow(VmCtx *v, uint64_t table, uint64_t init, uint64_t delta)
{
  Table *t = v->instance->tables[table];
  uint64_t old = zw_table_grow(t, delta, init);
  return t->is64 ? old : (uint32_t)old;
}
uint64_t zw_lib_table_get(VmCtx *v, uint64_t table, uint64_t index)
{
  Table *t = v->instance->tables[table];
  trap_unless(v, index < t->def.length, TRAP_table_oob);
  return zw_table_get(t, index);
}
void zw_lib_table_set(VmCtx *v, uint64_t table, uint64_t index, uint64_t value)
{
  Table *t = v->instance->tables[table];
  trap_unless(v, index < t->def.length, TRAP_table_oob);
  zw_table_set(t, index, value);
}
void zw_lib_table_fill(VmCtx *v, uint64_t table, uint64_t dst, uint64_t value, uint64_t len)
{
  trap_unless(v, zw_table_fill(v->instance->tables[table], dst, value, len), TRAP_table_oob);
}
void zw_lib_table_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len)
{
  trap_unless(v, zw_table_copy(v->instance->tables[d], v->instance->tables[s], dst, src, len), TRAP_table_oob);
}
void zw_lib_table_init(VmCtx *v, uint64_t table, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len)
{
  trap_unless(v, zw_table_init(v->instance, (uint32_t)table, (uint32_t)seg, dst, src, len), TRAP_table_oob);
}
void zw_lib_elem_drop(VmCtx *v, uint64_t seg) { v->instance->dropped_elems[seg] = 1; }

// ---- threads ----

uint64_t zw_lib_wait32(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout)
{
  uint32_t result;
  TrapKind k = zw_memory_wait(v->instance->memories[mem], at, expected, 4, timeout, &result);
  trap_unless(v, k == TRAP_none, k);
  return result;
}
uint64_t zw_lib_wait64(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout)
{
  uint32_t result;
  TrapKind k = zw_memory_wait(v->instance->memories[mem], at, expected, 8, timeout, &result);
  trap_unless(v, k == TRAP_none, k);
  return result;
}
uint64_t zw_lib_notify(VmCtx *v, uint64_t mem, uint64_t at, uint64_t count)
{
  uint32_t woken;
  TrapKind k = zw_memory_notify(v->instance->memories[mem], at, (uint32_t)count, &woken);
  trap_unless(v, k == TRAP_none, k);
  return woken;
}

// ---- exceptions and GC: what no engine of ours emits yet says so instead of going wrong ----

static _Noreturn void unsupported(VmCtx *v, const char *what) { zw_raise(v, TRAP_host, what); }

void zw_lib_throw(VmCtx *v, uint64_t tag, const Value *payload)
{
  (void)tag, (void)payload;
  zw_trap_lib(v, TRAP_uncaught_exception);
}
void zw_lib_throw_ref(VmCtx *v, uint64_t exn) { zw_trap_lib(v, exn ? TRAP_uncaught_exception : TRAP_null_exn); }
void zw_lib_f32_trunc(VmCtx *v) { unsupported(v, "f32_trunc serves other targets"); }
uint64_t zw_lib_struct_new(VmCtx *v, uint64_t type) { (void)type, unsupported(v, "struct.new is not supported yet"); }
uint64_t zw_lib_array_new(VmCtx *v, uint64_t type, uint64_t n) { (void)type, (void)n, unsupported(v, "array.new is not supported yet"); }
void zw_lib_array_copy(VmCtx *v) { unsupported(v, "array.copy is not supported yet"); }
void zw_lib_array_fill(VmCtx *v) { unsupported(v, "array.fill is not supported yet"); }
void zw_lib_array_init_data(VmCtx *v) { unsupported(v, "array.init_data is not supported yet"); }
void zw_lib_array_init_elem(VmCtx *v) { unsupported(v, "array.init_elem is not supported yet"); }
uint64_t zw_lib_ref_test(VmCtx *v, uint64_t ref, uint64_t type, uint64_t nullable)
{
  (void)ref, (void)type, (void)nullable;
  unsupported(v, "ref.test is not supported yet");
}
uint64_t zw_lib_sig_subtype(VmCtx *v, uint64_t actual, uint64_t wanted)
{
  (void)v;
  return zw_type_sub((uint32_t)actual, (uint32_t)wanted);
}
