// Room for a part of a file.
#include "runtime/wasi/wasi_int.h"

WASI(fd_allocate) // fd, offset, bytes
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_ALLOCATE), &f);
  (void)m;
  if (e)
    return e;
  if (a[1].i64 < 0 || a[2].i64 <= 0)
    return E_inval;
  return zw_wasi_errno(zw_os_allocate(f->host, a[1].u64, a[2].u64));
}
