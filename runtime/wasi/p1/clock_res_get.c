// The resolution of a clock.
#include "runtime/wasi/wasi_int.h"

WASI(clock_res_get) // clock, result
{
  uint64_t ns;
  (void)w;
  uint32_t e = a[0].u32 > 3 ? (uint32_t)E_inval : zw_wasi_errno(zw_os_clock_res((int)a[0].u32, &ns));
  if (e)
    return e;
  return put_u64(m, a[1].u32, ns) ? E_success : E_fault;
}
