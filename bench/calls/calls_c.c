// The border in an object: typed exports called from C, a typed import called from wasm.  Prints "NAME ns".
#include "calls.h"
#include <stdio.h>
#include <time.h>

int32_t calls_host_tick(calls *self, int32_t a, int32_t b) { return (void)self, a + b; }

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void)
{
  enum { N = 5000000 };
  calls *c = calls_new(NULL);
  if (!c)
    return 1;
  int32_t sum = 0, status = 0;
  double t = now();
  for (int32_t k = 0; k < N; k++)
    sum = calls_add(c, sum, k);
  printf("host-to-wasm, typed export: %.3f\n", (now() - t) / N);
  t = now();
  for (int32_t k = 0; k < N; k++) {
    int32_t result;
    status |= (int)calls_add_try(c, sum, k, &result);
    sum = result;
  }
  printf("host-to-wasm, _try: %.3f\n", (now() - t) / N);
  t = now();
  sum += calls_spin(c, N);
  printf("wasm-to-host, typed import: %.3f\n", (now() - t) / N);
  calls_delete(c);
  return status || sum == 42;
}
