// What is behind a descriptor.
#include "runtime/wasi/wasi_int.h"

WASI(fd_filestat_get) // fd, result
{
  OsStat st;
  uint32_t e = zw_wasi_stat_fd(w, a[0].u32, &st);
  if (e)
    return e;
  return zw_wasi_put_filestat(m, a[1].u32, &st) ? E_success : E_fault;
}
