// The position of a descriptor.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_seek(Wasi *w, GuestMem m, uint32_t fd, int64_t off, uint32_t whence, uint32_t at)
{
  WasiFd *f;
  // Asking where one stands needs only the right to know.
  uint64_t right = off == 0 && whence == WHENCE_CUR ? RIGHT(R_FD_TELL) : RIGHT(R_FD_SEEK) | RIGHT(R_FD_TELL);
  uint32_t e = zw_wasi_fd(w, fd, 0, &f);
  if (e)
    return e;
  if (f->type != OS_FILE && f->type != OS_BLOCK && f->type != OS_DIR)
    return E_spipe;
  if (right & ~f->rights)
    return E_notcapable;
  if (whence > WHENCE_END)
    return E_inval;
  if (!guest_at(m, at, 8))
    return E_fault;
  int64_t r = zw_os_seek(f->host, off, (int)whence);
  if (r < 0)
    return zw_wasi_errno(r);
  (void)put_u64(m, at, (uint64_t)r);
  return E_success;
}
