// Change how a descriptor is used.
#include "runtime/wasi/wasi_int.h"

WASI(fd_fdstat_set_flags) // fd, flags
{
  WasiFd *f;
  uint32_t flags = a[1].u32, e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FDSTAT_SET_FLAGS), &f);
  (void)m;
  if (e)
    return e;
  if (flags > 31)
    return E_inval;
  enum { FIXED = FDFLAG_DSYNC | FDFLAG_SYNC | FDFLAG_RSYNC };
  if ((flags ^ f->flags) & FIXED)
    return E_notsup; // only chosen when a file is opened
  if (!f->shared) {
    int r = zw_os_set_flags(f->host, (flags & FDFLAG_APPEND ? OS_APPEND : 0) | (flags & FDFLAG_NONBLOCK ? OS_NONBLOCK : 0));
    if (r < 0)
      return zw_wasi_errno(r);
  }
  f->flags = (uint16_t)flags;
  return E_success;
}
