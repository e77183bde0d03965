// The arguments: an array of pointers, and the strings behind each other.
#include "runtime/wasi/wasi_int.h"

WASI(args_get) { return zw_wasi_list_get(m, &w->args, a); }
