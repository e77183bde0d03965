// How a file is going to be used.
#include "runtime/wasi/wasi_int.h"

WASI(fd_advise) // fd, offset, bytes, advice
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_ADVISE), &f);
  (void)m;
  if (e)
    return e;
  if (a[3].u32 > 5 || a[1].i64 < 0 || a[2].i64 < 0)
    return E_inval;
  return f->type == OS_DIR ? (uint32_t)E_badf : zw_wasi_errno(zw_os_advise(f->host, a[1].u64, a[2].u64, (int)a[3].u32));
}
