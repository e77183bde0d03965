// 64-bit arithmetic: modular multiplication and exponentiation.
#include <stdint.h>
#include <stdio.h>
static uint64_t mulmod(uint64_t a, uint64_t b, uint64_t m)
{
  uint64_t r = 0;
  while (b) {
    if (b & 1)
      r = r + a >= m ? r + a - m : r + a;
    a = a + a >= m ? a + a - m : a + a;
    b >>= 1;
  }
  return r;
}
int main(void)
{
  uint64_t m = 1000000007ull * 998244353ull >> 1, x = 3, sum = 0;
  for (int i = 0; i < 1500000; i++)
    x = mulmod(x, x ^ (uint64_t)i, m), sum += x % 1000003, sum ^= x / 97;
  printf("%llu\n", (unsigned long long)sum);
  return 0;
}
