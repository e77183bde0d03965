// Make a directory.
#include "runtime/wasi/wasi_int.h"

WASI(path_create_directory) // dir, path, bytes
{
  Resolved r;
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_CREATE_DIRECTORY), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  e = zw_wasi_is_dot(&r) ? (uint32_t)E_exist : zw_wasi_errno(zw_os_mkdir_at(r.dir, r.name));
  zw_wasi_resolved_end(&r);
  return e;
}
