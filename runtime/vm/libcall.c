// The C bodies of libcall.def: objects here, the rest in libcall_*.c and exception.c, so that a linked program has only
// those that its code calls.  Entered through the shims of entry_x64.S, which keep every register of the caller, with
// the vmctx first and then the arguments; integers of 32 bits arrive zero-extended.  A trap goes to the call's own site.
#include "runtime/vm/vm_int.h"

void zw_lib_f32_trunc(VmCtx *v);

// What no engine of ours emits says so instead of going wrong.
void zw_lib_f32_trunc(VmCtx *v) { zw_raise(v, TRAP_host, "f32_trunc serves other targets"); }
