// How many arguments there are, and their bytes with the NULs.
#include "runtime/wasi/wasi_int.h"

WASI(args_sizes_get) { return zw_wasi_list_sizes(m, &w->args, a); }
