// Files as the guest sees them, field by field, in both forms.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_stat_fd(Wasi *w, uint32_t fd, OsStat *st)
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, fd, RIGHT(R_FD_FILESTAT_GET), &f);
  *st = (OsStat){ 0 };
  return e || f->host < 0 ? e : zw_wasi_errno(zw_os_stat(f->host, st));
}

bool zw_wasi_put_filestat(GuestMem m, uint32_t at, const OsStat *st)
{
  uint8_t *p = guest_at(m, at, FILESTAT_BYTES);
  if (!p)
    return false;
  zw_put64(p, st->dev);
  zw_put64(p + 8, st->ino);
  zw_put64(p + 16, zw_wasi_filetype(st->type, st->stream_socket)); // and seven bytes of padding
  zw_put64(p + 24, st->nlink);
  zw_put64(p + 32, st->size);
  zw_put64(p + 40, st->atime);
  zw_put64(p + 48, st->mtime);
  zw_put64(p + 56, st->ctime);
  return true;
}

bool zw_wasi_put_filestat0(GuestMem m, uint32_t at, const OsStat *st)
{
  enum { FILESTAT0_BYTES = 56 };
  uint8_t *p = guest_at(m, at, FILESTAT0_BYTES);
  if (!p)
    return false;
  zw_put64(p, st->dev);
  zw_put64(p + 8, st->ino);
  zw_put32(p + 16, zw_wasi_filetype(st->type, st->stream_socket)); // and three bytes of padding
  zw_put32(p + 20, st->nlink < UINT32_MAX ? (uint32_t)st->nlink : UINT32_MAX);
  zw_put64(p + 24, st->size);
  zw_put64(p + 32, st->atime);
  zw_put64(p + 40, st->mtime);
  zw_put64(p + 48, st->ctime);
  return true;
}
