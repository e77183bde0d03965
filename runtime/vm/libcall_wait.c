// Library calls of threads; libcall.c has the rules.
#include "runtime/vm/vm_int.h"

uint64_t zw_lib_wait32(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout);
uint64_t zw_lib_wait64(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout);
uint64_t zw_lib_notify(VmCtx *v, uint64_t mem, uint64_t at, uint64_t count);

uint64_t zw_lib_wait32(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout)
{
  uint32_t result;
  TrapKind k = zw_memory_wait(v->instance->memories[mem], at, expected, 4, timeout, &result);
  zw_trap_unless(v, k == TRAP_none, k);
  return result;
}
uint64_t zw_lib_wait64(VmCtx *v, uint64_t mem, uint64_t at, uint64_t expected, int64_t timeout)
{
  uint32_t result;
  TrapKind k = zw_memory_wait(v->instance->memories[mem], at, expected, 8, timeout, &result);
  zw_trap_unless(v, k == TRAP_none, k);
  return result;
}
uint64_t zw_lib_notify(VmCtx *v, uint64_t mem, uint64_t at, uint64_t count)
{
  uint32_t woken;
  TrapKind k = zw_memory_notify(v->instance->memories[mem], at, (uint32_t)count, &woken);
  zw_trap_unless(v, k == TRAP_none, k);
  return woken;
}
