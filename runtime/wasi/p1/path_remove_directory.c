// Remove an empty directory.
#include "runtime/wasi/wasi_int.h"

WASI(path_remove_directory) // dir, path, bytes
{
  Resolved r;
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_REMOVE_DIRECTORY), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  e = zw_wasi_is_dot(&r) ? (uint32_t)E_inval : zw_wasi_errno(zw_os_unlink_at(r.dir, r.name, true));
  zw_wasi_resolved_end(&r);
  return e;
}
