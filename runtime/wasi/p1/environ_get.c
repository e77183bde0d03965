// The variables, as args_get gives the arguments.
#include "runtime/wasi/wasi_int.h"

WASI(environ_get) { return zw_wasi_list_get(m, &w->env, a); }
