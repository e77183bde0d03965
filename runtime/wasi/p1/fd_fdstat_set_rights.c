// Give rights up.
#include "runtime/wasi/wasi_int.h"

WASI(fd_fdstat_set_rights) // fd, base, inheriting: only ever less
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, 0, &f);
  (void)m;
  if (e)
    return e;
  if (a[1].u64 & ~f->rights || a[2].u64 & ~f->inheriting)
    return E_notcapable;
  f->rights = a[1].u64, f->inheriting = a[2].u64;
  return E_success;
}
