// Read at an offset.
#include "runtime/wasi/wasi_int.h"

WASI(fd_pread) // fd, iovs, niovs, offset, result
{
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_READ) | RIGHT(R_FD_SEEK), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  if (!guest_at(m, a[4].u32, 4))
    return E_fault;
  return zw_wasi_count(m, a[4].u32, a[3].i64 < 0 ? -OS_EINVAL : zw_os_preadv(f->host, v, n, a[3].u64));
}
