// Times to set.
#include "runtime/wasi/wasi_int.h"

static bool one_time(uint64_t ns, bool set, bool now, int64_t *out)
{
  *out = now ? OS_TIME_NOW : set ? (int64_t)ns : OS_TIME_KEEP;
  return !(set && now) && !(set && ns > INT64_MAX);
}
uint32_t zw_wasi_times(uint64_t atim, uint64_t mtim, uint32_t f, int64_t *atime, int64_t *mtime)
{
  enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };
  bool ok = f <= 15 && one_time(atim, f & ATIM, f & ATIM_NOW, atime) && one_time(mtim, f & MTIM, f & MTIM_NOW, mtime);
  return ok ? E_success : E_inval;
}
