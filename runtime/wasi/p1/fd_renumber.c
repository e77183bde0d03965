// Move a descriptor to another number.
#include "runtime/wasi/wasi_int.h"

WASI(fd_renumber) // from, to: both open; `to` is closed, `from` becomes free
{
  WasiFd *from, *to;
  uint32_t e = zw_wasi_fd(w, a[0].u32, 0, &from);
  (void)m;
  if (e || (e = zw_wasi_fd(w, a[1].u32, 0, &to)))
    return e;
  if (from == to)
    return E_success;
  zw_wasi_fd_end(to);
  *to = *from;
  *from = (WasiFd){ 0 };
  if (a[0].u32 < w->first_free)
    w->first_free = a[0].u32;
  return E_success;
}
