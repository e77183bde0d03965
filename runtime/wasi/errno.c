// The host's errno in WASI's numbers, and the helpers that every call may need.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_errno(long r)
{
  static const uint8_t from_os[132] = {
#define E(name, number, os) [os] = number,
#include "runtime/wasi/errno.def"
  };
  if (r >= 0)
    return E_success;
  return -r < (long)ARRAY_COUNT(from_os) && from_os[-r] ? from_os[-r] : (uint32_t)E_io;
}

uint8_t zw_wasi_filetype(uint8_t t, bool stream)
{
  static const uint8_t types[] = { [OS_UNKNOWN] = 0, [OS_BLOCK] = 1, [OS_CHAR] = 2, [OS_DIR] = 3, [OS_FILE] = 4, [OS_SOCKET] = 5,
                                   [OS_LINK] = 7, [OS_FIFO] = 0 };
  return t == OS_SOCKET && stream ? 6 : types[t];
}

uint32_t zw_wasi_iovs(GuestMem m, uint32_t at, uint32_t n, OsIov *out, int *nout)
{
  uint64_t total = 0;
  if (n > WASI_IOVS)
    n = WASI_IOVS; // a short count is allowed
  const uint8_t *p = guest_at(m, at, 8ull * n);
  if (!p)
    return E_fault;
  *nout = 0;
  for (uint32_t i = 0; i < n; i++, p += 8) {
    uint32_t ptr = zw_get32(p), len = zw_get32(p + 4);
    if (len > 0x7fffffff - total)
      len = (uint32_t)(0x7fffffff - total);
    uint8_t *buf = guest_at(m, ptr, len);
    if (!buf)
      return E_fault;
    out[(*nout)++] = (OsIov){ buf, len };
    total += len;
  }
  return E_success;
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

static bool one_time(uint64_t ns, bool set, bool now, int64_t *out)
{
  *out = now ? OS_TIME_NOW : set ? (int64_t)ns : OS_TIME_KEEP;
  return !(set && now) && !(set && ns > INT64_MAX);
}
uint32_t zw_wasi_times(uint64_t atim, uint64_t mtim, uint32_t f, int64_t *atime, int64_t *mtime)
{
  enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };
  bool ok = f <= 15 && one_time(atim, f & ATIM, f & ATIM_NOW, atime) && one_time(mtim, f & MTIM, f & MTIM_NOW, mtime);
  return ok ? E_success : E_inval;
}
