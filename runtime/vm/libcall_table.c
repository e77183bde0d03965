// Library calls on tables, and the type check of an indirect call; libcall.c has the rules.
#include "runtime/abi/gcobj.h"
#include "runtime/vm/vm_int.h"

uint64_t zw_lib_table_grow(VmCtx *v, uint64_t table, uint64_t init, uint64_t delta);
uint64_t zw_lib_table_get(VmCtx *v, uint64_t table, uint64_t index);
void zw_lib_table_set(VmCtx *v, uint64_t table, uint64_t index, uint64_t value);
void zw_lib_table_fill(VmCtx *v, uint64_t table, uint64_t dst, uint64_t value, uint64_t len);
void zw_lib_table_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_table_init(VmCtx *v, uint64_t table, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_elem_drop(VmCtx *v, uint64_t seg);
uint64_t zw_lib_sig_subtype(VmCtx *v, uint64_t actual, uint64_t wanted);

uint64_t zw_lib_table_grow(VmCtx *v, uint64_t table, uint64_t init, uint64_t delta)
{
  Table *t = v->instance->tables[table];
  uint64_t old = zw_table_grow(t, delta, init);
  return t->is64 ? old : (uint32_t)old;
}
uint64_t zw_lib_table_get(VmCtx *v, uint64_t table, uint64_t index)
{
  Table *t = v->instance->tables[table];
  zw_trap_unless(v, index < t->def.length, TRAP_table_oob);
  return zw_table_get(t, index);
}
void zw_lib_table_set(VmCtx *v, uint64_t table, uint64_t index, uint64_t value)
{
  Table *t = v->instance->tables[table];
  zw_trap_unless(v, index < t->def.length, TRAP_table_oob);
  zw_table_set(t, index, value);
}
void zw_lib_table_fill(VmCtx *v, uint64_t table, uint64_t dst, uint64_t value, uint64_t len)
{
  zw_trap_unless(v, zw_table_fill(v->instance->tables[table], dst, value, len), TRAP_table_oob);
}
void zw_lib_table_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len)
{
  zw_trap_unless(v, zw_table_copy(v->instance->tables[d], v->instance->tables[s], dst, src, len), TRAP_table_oob);
}
void zw_lib_table_init(VmCtx *v, uint64_t table, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len)
{
  zw_trap_unless(v, zw_table_init(v->instance, (uint32_t)table, (uint32_t)seg, dst, src, len), TRAP_table_oob);
}
void zw_lib_elem_drop(VmCtx *v, uint64_t seg) { v->instance->dropped_elems[seg] = 1; }

uint64_t zw_lib_sig_subtype(VmCtx *v, uint64_t actual, uint64_t wanted)
{
  (void)v;
  return actual != 0 && actual < GC_ID_FREE && zw_type_sub((uint32_t)actual, (uint32_t)wanted);
}
