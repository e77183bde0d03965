// A second name for a file.
#include "runtime/wasi/wasi_int.h"

WASI(path_link) // old dir, lookup, path, bytes, new dir, path, bytes
{
  Resolved from, to;
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_LINK_SOURCE), a[2], a[3], 0, a[1].u32 & LOOKUP_FOLLOW, &from);
  if (e)
    return e;
  if (a[1].u32 & LOOKUP_FOLLOW)
    e = E_inval; // as the kernel's: links are linked themselves
  if (!e && !(e = zw_wasi_locate(w, m, a[4].u32, RIGHT(R_PATH_LINK_TARGET), a[5], a[6], 1, false, &to))) {
    e = zw_wasi_rights_fit(w, a[0].u32, a[4].u32);
    if (!e && (zw_wasi_is_dot(&from) || from.must_be_dir))
      e = E_perm; // directories have one name
    if (!e)
      e = to.must_be_dir ? (uint32_t)E_noent : zw_wasi_errno(zw_os_link_at(from.dir, from.name, to.dir, to.name));
    zw_wasi_resolved_end(&to);
  }
  zw_wasi_resolved_end(&from);
  return e;
}
