// Calls through a table of function pointers.
#include <stdint.h>
#include <stdio.h>
typedef uint32_t (*Fn)(uint32_t, uint32_t);
static uint32_t f0(uint32_t a, uint32_t b) { return a + b; }
static uint32_t f1(uint32_t a, uint32_t b) { return a ^ (b << 3); }
static uint32_t f2(uint32_t a, uint32_t b) { return a * 31 + b; }
static uint32_t f3(uint32_t a, uint32_t b) { return (a >> 1) - b; }
static volatile Fn table[4] = { f0, f1, f2, f3 };
int main(void)
{
  uint32_t x = 1;
  for (uint32_t i = 0; i < 150000000; i++)
    x = table[(x ^ i) & 3](x, i);
  printf("%u\n", x);
  return 0;
}
