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
