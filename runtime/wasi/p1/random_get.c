// Random bytes.
#include "runtime/wasi/wasi_int.h"

WASI(random_get) // buffer, bytes
{
  (void)w;
  uint8_t *p = guest_at(m, a[0].u32, a[1].u32);
  return p ? zw_wasi_errno(zw_os_random(p, a[1].u32)) : (uint32_t)E_fault;
}
