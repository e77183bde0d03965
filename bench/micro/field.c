// Multiplication in a prime field with ten limbs of 26 and 25 bits, the heart of a signature: 64-bit products and carries.
#include <stdint.h>
#include <stdio.h>
typedef int32_t Fe[10];
static void multiply(Fe h, const Fe f, const Fe g)
{
  int64_t t[19] = { 0 };
  for (int i = 0; i < 10; i++)
    for (int j = 0; j < 10; j++)
      t[i + j] += (int64_t)f[i] * g[j] * (i & j & 1 ? 2 : 1);
  for (int i = 0; i < 9; i++)
    t[i] += 19 * t[i + 10];
  int64_t carry = 0;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 10; i++) {
      int bits = i & 1 ? 25 : 26;
      t[i] += carry;
      carry = (t[i] + ((int64_t)1 << (bits - 1))) >> bits;
      t[i] -= carry << bits;
    }
    carry *= 19;
  }
  for (int i = 0; i < 10; i++)
    h[i] = (int32_t)t[i];
}
int main(void)
{
  Fe a = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, b = { 9, 0, 7, 1, 5, 3, 2, 8, 4, 6 };
  for (int n = 0; n < 800000; n++) {
    multiply(a, a, b);
    multiply(b, b, a);
  }
  printf("%d %d %d\n", (int)a[0], (int)a[5], (int)b[9]);
  return 0;
}
