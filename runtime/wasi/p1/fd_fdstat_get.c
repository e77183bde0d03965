// What a descriptor is and may do.
#include "runtime/wasi/wasi_int.h"

WASI(fd_fdstat_get) // fd, result: type u8, flags u16 at 2, rights u64 at 8 and 16
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, 0, &f);
  uint8_t *p = guest_at(m, a[1].u32, 24);
  if (e || !p)
    return e ? e : (uint32_t)E_fault;
  zw_put64(p, 0);
  p[0] = zw_wasi_filetype(f->type, f->stream_socket);
  zw_put16(p + 2, f->flags);
  zw_put64(p + 8, f->rights);
  zw_put64(p + 16, f->inheriting);
  return E_success;
}
