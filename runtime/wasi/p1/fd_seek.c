// Move the position of a descriptor.
#include "runtime/wasi/wasi_int.h"

WASI(fd_seek) { return zw_wasi_seek(w, m, a[0].u32, a[1].i64, a[2].u32, a[3].u32); } // fd, offset, whence, result
