// Reading and writing: one system call per call, and its count is the answer.
#include "runtime/wasi/wasi_int.h"

static bool would_block(const WasiFd *f, short events)
{
  // The flag of a descriptor shared with the host is ours alone: ask first, then call.
  OsPoll p = { .fd = f->host, .events = events };
  return f->shared && f->flags & FDFLAG_NONBLOCK && zw_os_poll(&p, 1, 0) == 0;
}

static uint32_t finish(GuestMem m, uint32_t at, long r)
{
  if (r < 0)
    return zw_wasi_errno(r);
  return put_u32(m, at, (uint32_t)r) ? E_success : E_fault;
}

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
  if (would_block(f, OS_POLL_OUT))
    return E_again;
  return finish(m, a[3].u32, f->quiet ? zw_os_writev_quiet(f->host, v, n) : zw_os_writev(f->host, v, n));
}

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
  if (would_block(f, OS_POLL_IN))
    return E_again;
  return finish(m, a[3].u32, zw_os_readv(f->host, v, n));
}

WASI(fd_pwrite) // fd, iovs, niovs, offset, result
{
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_WRITE) | RIGHT(R_FD_SEEK), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  if (!guest_at(m, a[4].u32, 4))
    return E_fault;
  return finish(m, a[4].u32, a[3].i64 < 0 ? -OS_EINVAL : zw_os_pwritev(f->host, v, n, a[3].u64));
}

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
  return finish(m, a[4].u32, a[3].i64 < 0 ? -OS_EINVAL : zw_os_preadv(f->host, v, n, a[3].u64));
}
