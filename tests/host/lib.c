// A shared library that contains the module; lib_main.c loads it twice by different names.
#include "guest.h"
int32_t guest_env_callback(guest *g, int32_t n) { (void)g; return n; }
double guest_env_mix(guest *g, int32_t a, int64_t b, float c, double d, int32_t e, int64_t f, double h, int32_t i, int64_t j)
{
  (void)g, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)h, (void)i, (void)j;
  return 0;
}
__attribute__((visibility("default"))) long long lib_fac(int n)
{
  guest *g = guest_new(0);
  if (!g)
    return -1;
  int32_t r;
  long long f = guest_load_try(g, 1 << 20, &r) == ZWASM_OUT_OF_BOUNDS ? guest_fac(g, n) : -2;
  guest_delete(g);
  return f;
}
