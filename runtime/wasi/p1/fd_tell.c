// The position of a descriptor.
#include "runtime/wasi/wasi_int.h"

WASI(fd_tell) { return zw_wasi_seek(w, m, a[0].u32, 0, WHENCE_CUR, a[1].u32); }      // fd, result
