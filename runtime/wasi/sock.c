// Sockets that the host gave.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_socket(Wasi *w, uint32_t fd, uint64_t rights, WasiFd **f)
{
  uint32_t e = zw_wasi_fd(w, fd, 0, f);
  if (e)
    return e;
  if ((*f)->type != OS_SOCKET)
    return E_notsock;
  return rights & ~(*f)->rights ? E_notcapable : E_success;
}
