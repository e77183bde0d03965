// A connection from a socket that listens.
#include "runtime/wasi/wasi_int.h"

WASI(sock_accept) // fd, flags, result
{
  WasiFd *f;
  OsStat st;
  uint32_t fd, e = zw_wasi_socket(w, a[0].u32, RIGHT(R_SOCK_ACCEPT), &f);
  if (e)
    return e;
  if (a[1].u32 & ~(uint32_t)FDFLAG_NONBLOCK)
    return E_inval;
  if (!guest_at(m, a[2].u32, 4))
    return E_fault;
  if ((fd = zw_wasi_slot(w)) == UINT32_MAX)
    return E_mfile;
  f = &w->fds[a[0].u32]; // the table may have moved
  if (zw_wasi_would_block(f, OS_POLL_IN))
    return E_again;
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
