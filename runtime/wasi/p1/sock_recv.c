// Receive from a connection.
#include "runtime/wasi/wasi_int.h"

WASI(sock_recv) // fd, iovs, niovs, flags, result bytes, result flags u16
{
  enum { PEEK = 1, WAITALL = 2, DATA_TRUNCATED = 1 };
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  bool truncated;
  uint32_t e = zw_wasi_socket(w, a[0].u32, RIGHT(R_FD_READ), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  uint8_t *flags = guest_at(m, a[5].u32, 2);
  if (!guest_at(m, a[4].u32, 4) || !flags)
    return E_fault;
  if (a[3].u32 > 3)
    return E_notsup;
  if (zw_wasi_would_block(f, OS_POLL_IN))
    return E_again;
  long r = zw_os_recv(f->host, v, n, a[3].u32 & PEEK, a[3].u32 & WAITALL, &truncated);
  if (r < 0)
    return zw_wasi_errno(r);
  (void)put_u32(m, a[4].u32, (uint32_t)r);
  zw_put16(flags, truncated ? DATA_TRUNCATED : 0);
  return E_success;
}
