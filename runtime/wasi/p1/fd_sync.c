// Data and attributes to the disk.
#include "runtime/wasi/wasi_int.h"

WASI(fd_sync) { return (void)m, zw_wasi_sync(w, a[0].u32, R_FD_SYNC, false); }
