// One system call, and its count is the answer.
#include "runtime/wasi/wasi_int.h"

WASI(fd_write) // fd, iovs, niovs, result
{
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_WRITE), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  if (!guest_at(m, a[3].u32, 4)) // before anything is written
    return E_fault;
  if (f->stream)
    return zw_wasi_count(m, a[3].u32, f->stream->write ? f->stream->write(f->stream, v, n) : -OS_EBADF);
  if (zw_wasi_would_block(f, OS_POLL_OUT))
    return E_again;
  if (f->shared && f->flags & FDFLAG_NONBLOCK)
    n = zw_wasi_cut(v, n, OS_PIPE_BUF); // as much as fits when there is room at all
  return zw_wasi_count(m, a[3].u32, f->quiet ? zw_os_writev_quiet(f->host, v, n) : zw_os_writev(f->host, v, n));
}
