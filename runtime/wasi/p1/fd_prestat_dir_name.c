// The name under which a directory was granted.
#include "runtime/wasi/wasi_int.h"

WASI(fd_prestat_dir_name) // fd, buffer, bytes: without a NUL
{
  WasiFd *f;
  uint32_t e = zw_wasi_preopened(w, a[0].u32, &f);
  if (e)
    return e;
  size_t n = strlen(f->name);
  if (a[2].u32 < n)
    return E_nametoolong;
  uint8_t *p = guest_at(m, a[1].u32, n);
  if (!p)
    return E_fault;
  memcpy(p, f->name, n);
  return E_success;
}
