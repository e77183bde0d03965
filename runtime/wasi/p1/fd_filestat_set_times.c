// Set the times of what is open.
#include "runtime/wasi/wasi_int.h"

WASI(fd_filestat_set_times) // fd, atim, mtim, flags
{
  WasiFd *f;
  int64_t atime, mtime;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FILESTAT_SET_TIMES), &f);
  (void)m;
  if (e || (e = zw_wasi_times(a[1].u64, a[2].u64, a[3].u32, &atime, &mtime)))
    return e;
  return zw_wasi_errno(zw_os_set_times(f->host, atime, mtime));
}
