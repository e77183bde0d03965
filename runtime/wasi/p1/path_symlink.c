// Make a symbolic link.
#include "runtime/wasi/wasi_int.h"

WASI(path_symlink) // target, bytes, dir, path, bytes: any relative target; where it leads is checked when it is used
{
  Resolved r;
  PathArg *target;
  uint32_t e = zw_wasi_path(w, m, a[0].u32, a[1].u32, 1, &target);
  if (e || (e = zw_wasi_locate(w, m, a[2].u32, RIGHT(R_PATH_SYMLINK), a[3], a[4], 0, false, &r)))
    return e;
  if (zw_wasi_is_dot(&r))
    e = E_exist;
  else
    e = r.must_be_dir ? (uint32_t)E_noent : zw_wasi_errno(zw_os_symlink_at((const char *)target->bytes, r.dir, r.name));
  zw_wasi_resolved_end(&r);
  return e;
}
