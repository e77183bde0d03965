// One system call, and its count is the answer.
#include "runtime/wasi/wasi_int.h"

WASI(fd_read) // fd, iovs, niovs, result
{
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_READ), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  if (!guest_at(m, a[3].u32, 4))
    return E_fault;
  if (f->stream)
    return zw_wasi_count(m, a[3].u32, f->stream->read ? f->stream->read(f->stream, v, n) : -OS_EBADF);
  if (zw_wasi_would_block(f, OS_POLL_IN))
    return E_again;
  return zw_wasi_count(m, a[3].u32, zw_os_readv(f->host, v, n));
}
