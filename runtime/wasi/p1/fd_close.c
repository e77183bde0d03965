// Close a descriptor.
#include "runtime/wasi/wasi_int.h"

WASI(fd_close) // fd
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, 0, &f);
  (void)m;
  if (e)
    return e;
  zw_wasi_fd_end(f);
  if (a[0].u32 < w->first_free)
    w->first_free = a[0].u32;
  return E_success;
}
