// Let others run.
#include "runtime/wasi/wasi_int.h"

WASI(sched_yield)
{
  (void)w, (void)m, (void)a;
  zw_os_yield();
  return E_success;
}
