// Library calls on memories; libcall.c has the rules.
#include "runtime/vm/vm_int.h"

uint64_t zw_lib_memory_grow(VmCtx *v, uint64_t mem, uint64_t delta);
void zw_lib_memory_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_memory_fill(VmCtx *v, uint64_t mem, uint64_t dst, uint64_t byte, uint64_t len);
void zw_lib_memory_init(VmCtx *v, uint64_t mem, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len);
void zw_lib_data_drop(VmCtx *v, uint64_t seg);

uint64_t zw_lib_memory_grow(VmCtx *v, uint64_t mem, uint64_t delta)
{
  Memory *m = v->instance->memories[mem];
  uint64_t old = zw_memory_grow(m, delta);
  return m->is64 ? old : (uint32_t)old;
}
void zw_lib_memory_copy(VmCtx *v, uint64_t d, uint64_t s, uint64_t dst, uint64_t src, uint64_t len)
{
  zw_trap_unless(v, zw_memory_copy(v->instance->memories[d], v->instance->memories[s], dst, src, len), TRAP_oob);
}
void zw_lib_memory_fill(VmCtx *v, uint64_t mem, uint64_t dst, uint64_t byte, uint64_t len)
{
  zw_trap_unless(v, zw_memory_fill(v->instance->memories[mem], dst, (uint8_t)byte, len), TRAP_oob);
}
void zw_lib_memory_init(VmCtx *v, uint64_t mem, uint64_t seg, uint64_t dst, uint64_t src, uint64_t len)
{
  zw_trap_unless(v, zw_memory_init(v->instance, (uint32_t)mem, (uint32_t)seg, dst, src, len), TRAP_oob);
}
void zw_lib_data_drop(VmCtx *v, uint64_t seg) { v->instance->dropped_datas[seg] = 1; }
