// To the disk.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_sync(Wasi *w, uint32_t fd, int right, bool data_only)
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, fd, RIGHT(right), &f);
  return e ? e : zw_wasi_errno(zw_os_sync(f->host, data_only));
}
