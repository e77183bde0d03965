// What kind of thing was granted under this number.
#include "runtime/wasi/wasi_int.h"

WASI(fd_prestat_get) // fd, result: tag u8 (0 = directory), length u32 at 4
{
  WasiFd *f;
  uint32_t e = zw_wasi_preopened(w, a[0].u32, &f);
  uint8_t *p = guest_at(m, a[1].u32, 8);
  if (e || !p)
    return e ? e : (uint32_t)E_fault;
  zw_put32(p, 0);
  zw_put32(p + 4, (uint32_t)strlen(f->name));
  return E_success;
}
