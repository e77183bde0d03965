// Data to the disk.
#include "runtime/wasi/wasi_int.h"

WASI(fd_datasync) { return (void)m, zw_wasi_sync(w, a[0].u32, R_FD_DATASYNC, true); }
