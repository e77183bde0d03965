// Remove a name that is no directory.
#include "runtime/wasi/wasi_int.h"

WASI(path_unlink_file) // dir, path, bytes
{
  Resolved r;
  OsStat st;
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_UNLINK_FILE), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  if (r.must_be_dir) // "name/" can only be a directory, which this call does not remove
    e = (e = zw_wasi_look(&r, &st)) ? e : (uint32_t)E_isdir;
  else
    e = zw_wasi_errno(zw_os_unlink_at(r.dir, r.name, false));
  zw_wasi_resolved_end(&r);
  return e;
}
