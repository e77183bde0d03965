// The C bodies of libcall.def: objects here, the rest in libcall_*.c and exception.c, so that a linked program has only
// those that its code calls.  Entered through the shims of entry_x64.S, which keep every register of the caller, with
// the vmctx first and then the arguments; integers of 32 bits arrive zero-extended.  A trap goes to the call's own site.
#include "runtime/vm/vm_int.h"

void zw_lib_f32_trunc(VmCtx *v);
uint64_t zw_lib_struct_new(VmCtx *v, uint64_t type);
uint64_t zw_lib_array_new(VmCtx *v, uint64_t type, uint64_t length);
void zw_lib_array_copy(VmCtx *v);
void zw_lib_array_fill(VmCtx *v);
void zw_lib_array_init_data(VmCtx *v);
void zw_lib_array_init_elem(VmCtx *v);
uint64_t zw_lib_ref_test(VmCtx *v, uint64_t ref, uint64_t type, uint64_t nullable);

// What no engine of ours emits yet says so instead of going wrong.

static _Noreturn void unsupported(VmCtx *v, const char *what) { zw_raise(v, TRAP_host, what); }

void zw_lib_f32_trunc(VmCtx *v) { unsupported(v, "f32_trunc serves other targets"); }
uint64_t zw_lib_struct_new(VmCtx *v, uint64_t type) { (void)type, unsupported(v, "struct.new is not supported yet"); }
uint64_t zw_lib_array_new(VmCtx *v, uint64_t type, uint64_t n) { (void)type, (void)n, unsupported(v, "array.new is not supported yet"); }
void zw_lib_array_copy(VmCtx *v) { unsupported(v, "array.copy is not supported yet"); }
void zw_lib_array_fill(VmCtx *v) { unsupported(v, "array.fill is not supported yet"); }
void zw_lib_array_init_data(VmCtx *v) { unsupported(v, "array.init_data is not supported yet"); }
void zw_lib_array_init_elem(VmCtx *v) { unsupported(v, "array.init_elem is not supported yet"); }
uint64_t zw_lib_ref_test(VmCtx *v, uint64_t ref, uint64_t type, uint64_t nullable)
{
  (void)ref, (void)type, (void)nullable;
  unsupported(v, "ref.test is not supported yet");
}
