// Set the times of what a path leads to.
#include "runtime/wasi/wasi_int.h"

WASI(path_filestat_set_times) // dir, lookup, path, bytes, atim, mtim, flags
{
  Resolved r;
  OsStat st;
  int64_t atime, mtime;
  uint32_t e = zw_wasi_times(a[4].u64, a[5].u64, a[6].u32, &atime, &mtime);
  if (e || (e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_FILESTAT_SET_TIMES), a[2], a[3], 0, a[1].u32 & LOOKUP_FOLLOW, &r)))
    return e;
  e = r.must_be_dir ? zw_wasi_look(&r, &st) : (uint32_t)E_success;
  if (!e)
    e = zw_wasi_errno(zw_os_set_times_at(r.dir, r.name, atime, mtime));
  zw_wasi_resolved_end(&r);
  return e;
}
