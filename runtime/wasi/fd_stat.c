// What a descriptor is, and its file's size, times and storage.
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

WASI(fd_fdstat_set_flags) // fd, flags
{
  WasiFd *f;
  uint32_t flags = a[1].u32, e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FDSTAT_SET_FLAGS), &f);
  (void)m;
  if (e)
    return e;
  if (flags > 31)
    return E_inval;
  enum { FIXED = FDFLAG_DSYNC | FDFLAG_SYNC | FDFLAG_RSYNC };
  if ((flags ^ f->flags) & FIXED)
    return E_notsup; // only chosen when a file is opened
  if (!f->shared) {
    int r = zw_os_set_flags(f->host, (flags & FDFLAG_APPEND ? OS_APPEND : 0) | (flags & FDFLAG_NONBLOCK ? OS_NONBLOCK : 0));
    if (r < 0)
      return zw_wasi_errno(r);
  }
  f->flags = (uint16_t)flags;
  return E_success;
}

WASI(fd_fdstat_set_rights) // fd, base, inheriting: only ever less
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, 0, &f);
  (void)m;
  if (e)
    return e;
  if (a[1].u64 & ~f->rights || a[2].u64 & ~f->inheriting)
    return E_notcapable;
  f->rights = a[1].u64, f->inheriting = a[2].u64;
  return E_success;
}

WASI(fd_filestat_get) // fd, result
{
  WasiFd *f;
  OsStat st;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FILESTAT_GET), &f);
  if (e || (e = zw_wasi_errno(zw_os_stat(f->host, &st))))
    return e;
  return zw_wasi_put_filestat(m, a[1].u32, &st) ? E_success : E_fault;
}

WASI(fd_filestat_set_size) // fd, bytes
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FILESTAT_SET_SIZE), &f);
  (void)m;
  if (e)
    return e;
  return a[1].i64 < 0 ? (uint32_t)E_inval : zw_wasi_errno(zw_os_truncate(f->host, a[1].u64));
}

WASI(fd_filestat_set_times) // fd, atim, mtim, flags
{
  WasiFd *f;
  int64_t atime, mtime;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_FILESTAT_SET_TIMES), &f);
  (void)m;
  if (e || (e = zw_wasi_times(a[1].u64, a[2].u64, a[3].u32, &atime, &mtime)))
    return e;
  return zw_wasi_errno(zw_os_set_times(f->host, atime, mtime));
}

static uint32_t sync(Wasi *w, uint32_t fd, int right, bool data_only)
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, fd, RIGHT(right), &f);
  return e ? e : zw_wasi_errno(zw_os_sync(f->host, data_only));
}
WASI(fd_sync) { return (void)m, sync(w, a[0].u32, R_FD_SYNC, false); }
WASI(fd_datasync) { return (void)m, sync(w, a[0].u32, R_FD_DATASYNC, true); }

WASI(fd_advise) // fd, offset, bytes, advice
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_ADVISE), &f);
  (void)m;
  if (e)
    return e;
  if (a[3].u32 > 5 || a[1].i64 < 0 || a[2].i64 < 0)
    return E_inval;
  return f->type == OS_DIR ? (uint32_t)E_badf : zw_wasi_errno(zw_os_advise(f->host, a[1].u64, a[2].u64, (int)a[3].u32));
}

WASI(fd_allocate) // fd, offset, bytes
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_ALLOCATE), &f);
  (void)m;
  if (e)
    return e;
  if (a[1].i64 < 0 || a[2].i64 <= 0)
    return E_inval;
  return zw_wasi_errno(zw_os_allocate(f->host, a[1].u64, a[2].u64));
}
