// Direct calls that are not recursive: small functions with several arguments, some of them calling on.
#include <stdint.h>
#include <stdio.h>
#define NOINLINE __attribute__((noinline))
static NOINLINE uint32_t mix(uint32_t a, uint32_t b, uint32_t c) { return (a ^ b) * 31 + c; }
static NOINLINE uint32_t clamp(uint32_t v, uint32_t low, uint32_t high) { return v < low ? low : v > high ? high : v; }
static NOINLINE uint32_t step(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
  uint32_t x = mix(a, b, c);
  return clamp(x >> 3, c, 0x0fffffff) + mix(d, x, a);
}
static NOINLINE double blend(double a, double b, double t) { return a + (b - a) * t; }
int main(void)
{
  uint32_t a = 1, b = 2;
  double f = 0;
  for (uint32_t i = 0; i < 50000000; i++) {
    uint32_t t = step(a, b, i & 255, i);
    a = b, b = t;
    f = blend(f, (double)(t & 1023), .125);
  }
  printf("%u %.6f\n", a, f);
  return 0;
}
