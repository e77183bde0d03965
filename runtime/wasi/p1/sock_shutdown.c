// End one or both directions of a connection.
#include "runtime/wasi/wasi_int.h"

WASI(sock_shutdown) // fd, how: 1 receive, 2 send, 3 both
{
  WasiFd *f;
  (void)m;
  uint32_t e = zw_wasi_socket(w, a[0].u32, RIGHT(R_SOCK_SHUTDOWN), &f);
  if (e)
    return e;
  return a[1].u32 >= 1 && a[1].u32 <= 3 ? zw_wasi_errno(zw_os_shutdown(f->host, (int)a[1].u32 - 1)) : (uint32_t)E_inval;
}
