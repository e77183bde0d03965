// Send on a connection.
#include "runtime/wasi/wasi_int.h"

WASI(sock_send) // fd, iovs, niovs, flags, result
{
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  uint32_t e = zw_wasi_socket(w, a[0].u32, RIGHT(R_FD_WRITE), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  if (!guest_at(m, a[4].u32, 4))
    return E_fault;
  if (a[3].u32 != 0)
    return E_notsup;
  if (zw_wasi_would_block(f, OS_POLL_OUT))
    return E_again;
  if (f->shared && f->flags & FDFLAG_NONBLOCK)
    n = zw_wasi_cut(v, n, OS_PIPE_BUF); // as fd_write does
  long r = zw_os_send(f->host, v, n);
  if (r < 0)
    return zw_wasi_errno(r);
  (void)put_u32(m, a[4].u32, (uint32_t)r);
  return E_success;
}
