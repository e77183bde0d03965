// Move the position of a descriptor, with the whence of wasi_unstable.
#include "runtime/wasi/wasi_int.h"

WASI0(fd_seek) // fd, offset, whence, result
{
  static const uint8_t now[] = { WHENCE_CUR, WHENCE_END, WHENCE_SET };
  uint32_t whence = a[2].u32 < ARRAY_COUNT(now) ? now[a[2].u32] : UINT32_MAX; // refused there, after what comes before
  return zw_wasi_seek(w, m, a[0].u32, a[1].i64, whence, a[3].u32);
}
