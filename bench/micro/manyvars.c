// A loop that carries fourteen variables: more than a small register file has.
#include <stdint.h>
#include <stdio.h>
int main(void)
{
  uint32_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12;
  for (uint32_t n = 0; n < 250000000; n++) {
    a += b ^ n, b = (b << 3) + c, c ^= d, d += e >> 2, e = e * 5 + f, f ^= g + n;
    g += h, h = (h >> 1) ^ i, i += j, j ^= k << 1, k += l, l ^= a;
  }
  printf("%u\n", a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l);
  return 0;
}
