// The text of a symbolic link.
#include "runtime/wasi/wasi_int.h"

WASI(path_readlink) // dir, path, bytes, buffer, room, result
{
  Resolved r;
  uint8_t *buf = guest_at(m, a[3].u32, a[4].u32);
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_READLINK), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  if (!buf || !guest_at(m, a[5].u32, 4))
    e = E_fault;
  char nowhere;
  uint32_t room = a[4].u32 < OS_PATH_MAX ? a[4].u32 : (uint32_t)OS_PATH_MAX; // no target is longer; the kernel's room is signed
  long n = 0;
  if (!e) // without room too: there may be no such link
    n = zw_wasi_is_dot(&r) ? -OS_EINVAL : zw_os_readlink_at(r.dir, r.name, room ? (char *)buf : &nowhere, room ? room : 1);
  if (n < 0)
    e = zw_wasi_errno(n);
  n = room ? n : 0;
  zw_wasi_resolved_end(&r);
  if (!e)
    (void)put_u32(m, a[5].u32, (uint32_t)n);
  return e;
}
