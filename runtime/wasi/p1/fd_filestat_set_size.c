// Cut or extend a file.
#include "runtime/wasi/wasi_int.h"

WASI(fd_filestat_set_size) // fd, bytes
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FILESTAT_SET_SIZE), &f);
  (void)m;
  if (e)
    return e;
  return a[1].i64 < 0 ? (uint32_t)E_inval : zw_wasi_errno(zw_os_truncate(f->host, a[1].u64));
}
