// The end of the guest, never of its host.
#include "runtime/wasi/wasi_int.h"

enum { GUEST_CODES = 126 }; // from there on it is the host who speaks

void zwasm_wasi_p1_proc_exit(void *env, VmCtx *caller, Value *args)
{
  char text[64];
  (void)env;
  if (args[0].u32 < GUEST_CODES)
    zw_raise_exit(caller, (int)args[0].u32);
  zw_format(text, sizeof text, "proc_exit: code %u is not below %d", args[0].u32, (int)GUEST_CODES);
  zw_raise(caller, TRAP_host, text);
}
