// Descriptors and sockets that the host gives.
#include "runtime/wasi/wasi_int.h"

int zw_wasi_listen(Wasi *w, const char *address)
{
  int fd = zw_os_listen(address);
  if (fd < 0)
    return fd;
  int r = zw_wasi_give_next(w, fd, true);
  if (r < 0)
    zw_os_close(fd);
  return r;
}
int zw_wasi_port(Wasi *w, uint32_t fd) { return fd < w->nfds && w->fds[fd].open ? zw_os_port(w->fds[fd].host) : -OS_EBADF; }
int zwasm_wasi_listen(zwasm_wasi_t *w, const char *address) { return zw_wasi_listen(w, address); }
int zwasm_wasi_give_fd(zwasm_wasi_t *w, int host_fd) { return zw_wasi_give_next(w, host_fd, false); }
