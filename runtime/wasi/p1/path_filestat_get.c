// What a path leads to.
#include "runtime/wasi/wasi_int.h"

WASI(path_filestat_get) // dir, lookup, path, bytes, result
{
  OsStat st;
  uint32_t e = zw_wasi_stat_path(w, m, a, &st);
  if (e)
    return e;
  return zw_wasi_put_filestat(m, a[4].u32, &st) ? E_success : E_fault;
}
