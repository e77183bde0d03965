// What was granted.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_preopened(Wasi *w, uint32_t fd, WasiFd **f)
{
  uint32_t e = zw_wasi_fd(w, fd, 0, f);
  return e ? e : (*f)->preopen ? (uint32_t)E_success : (uint32_t)E_badf; // how guests find the last one
}
