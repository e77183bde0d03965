// Sockets that the host gave: accept, receive, send, shut down.
#include "runtime/wasi/wasi_int.h"

static uint32_t socket(Wasi *w, uint32_t fd, uint64_t rights, WasiFd **f)
{
  uint32_t e = zw_wasi_fd(w, fd, 0, f);
  if (e)
    return e;
  if ((*f)->type != OS_SOCKET)
    return E_notsock;
  return rights & ~(*f)->rights ? E_notcapable : E_success;
}

WASI(sock_accept) // fd, flags, result
{
  WasiFd *f;
  OsStat st;
  uint32_t fd, e = socket(w, a[0].u32, RIGHT(R_SOCK_ACCEPT), &f);
  if (e)
    return e;
  if (a[1].u32 & ~(uint32_t)FDFLAG_NONBLOCK)
    return E_inval;
  if (!guest_at(m, a[2].u32, 4))
    return E_fault;
  if ((fd = zw_wasi_slot(w)) == UINT32_MAX)
    return E_mfile;
  f = &w->fds[a[0].u32]; // the table may have moved
  int host = zw_os_accept(f->host, a[1].u32 & FDFLAG_NONBLOCK);
  if (host < 0)
    return zw_wasi_errno(host);
  if ((e = zw_wasi_errno(zw_os_stat(host, &st)))) {
    zw_os_close(host);
    return e;
  }
  WasiFd conn = zw_wasi_fd_of(host, &st);
  conn.own = true;
  conn.rights &= f->inheriting;
  conn.flags = (uint16_t)a[1].u32;
  w->fds[fd] = conn;
  (void)put_u32(m, a[2].u32, fd);
  return E_success;
}

WASI(sock_recv) // fd, iovs, niovs, flags, result bytes, result flags u16
{
  enum { PEEK = 1, WAITALL = 2, DATA_TRUNCATED = 1 };
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  bool truncated;
  uint32_t e = socket(w, a[0].u32, RIGHT(R_FD_READ), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  uint8_t *flags = guest_at(m, a[5].u32, 2);
  if (!guest_at(m, a[4].u32, 4) || !flags)
    return E_fault;
  if (a[3].u32 > 3)
    return E_notsup;
  long r = zw_os_recv(f->host, v, n, a[3].u32 & PEEK, a[3].u32 & WAITALL, &truncated);
  if (r < 0)
    return zw_wasi_errno(r);
  (void)put_u32(m, a[4].u32, (uint32_t)r);
  zw_put16(flags, truncated ? DATA_TRUNCATED : 0);
  return E_success;
}

WASI(sock_send) // fd, iovs, niovs, flags, result
{
  WasiFd *f;
  OsIov v[WASI_IOVS];
  int n;
  uint32_t e = socket(w, a[0].u32, RIGHT(R_FD_WRITE), &f);
  if (e || (e = zw_wasi_iovs(m, a[1].u32, a[2].u32, v, &n)))
    return e;
  if (!guest_at(m, a[4].u32, 4))
    return E_fault;
  if (a[3].u32 != 0)
    return E_notsup;
  long r = zw_os_send(f->host, v, n);
  if (r < 0)
    return zw_wasi_errno(r);
  (void)put_u32(m, a[4].u32, (uint32_t)r);
  return E_success;
}

WASI(sock_shutdown) // fd, how: 1 receive, 2 send, 3 both
{
  WasiFd *f;
  (void)m;
  uint32_t e = socket(w, a[0].u32, RIGHT(R_SOCK_SHUTDOWN), &f);
  if (e)
    return e;
  return a[1].u32 >= 1 && a[1].u32 <= 3 ? zw_wasi_errno(zw_os_shutdown(f->host, (int)a[1].u32 - 1)) : (uint32_t)E_inval;
}
