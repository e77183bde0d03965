// Another name for a file or directory.
#include "runtime/wasi/wasi_int.h"

WASI(path_rename) // old dir, path, bytes, new dir, path, bytes
{
  Resolved from, to;
  OsStat st;
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_RENAME_SOURCE), a[1], a[2], 0, false, &from);
  if (e)
    return e;
  if (!(e = zw_wasi_locate(w, m, a[3].u32, RIGHT(R_PATH_RENAME_TARGET), a[4], a[5], 1, false, &to))) {
    e = zw_wasi_rights_fit(w, a[0].u32, a[3].u32);
    if (!e && (zw_wasi_is_dot(&from) || zw_wasi_is_dot(&to)))
      e = E_busy;
    if (!e && (from.must_be_dir || to.must_be_dir) && !(e = zw_wasi_errno(zw_os_stat_at(from.dir, from.name, &st))) && st.type != OS_DIR)
      e = E_notdir;
    if (!e)
      e = zw_wasi_errno(zw_os_rename_at(from.dir, from.name, to.dir, to.name));
    zw_wasi_resolved_end(&to);
  }
  zw_wasi_resolved_end(&from);
  return e;
}
