// Signals do not exist in here; the ones that end a program do that.
#include "runtime/wasi/wasi_int.h"

WASI(proc_raise)
{
  (void)w, (void)m, (void)a;
  return E_nosys;
}
