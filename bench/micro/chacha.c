// Straight-line crypto with sixteen live words.
#include <stdint.h>
#include <stdio.h>
#define QR(a, b, c, d) (a += b, d ^= a, d = d << 16 | d >> 16, c += d, b ^= c, b = b << 12 | b >> 20, \
                        a += b, d ^= a, d = d << 8 | d >> 24, c += d, b ^= c, b = b << 7 | b >> 25)
int main(void)
{
  uint32_t in[16], sum = 0;
  for (int i = 0; i < 16; i++)
    in[i] = 0x61707865u * (uint32_t)(i + 1);
  for (int n = 0; n < 3000000; n++) {
    uint32_t x0 = in[0], x1 = in[1], x2 = in[2], x3 = in[3], x4 = in[4], x5 = in[5], x6 = in[6], x7 = in[7], x8 = in[8],
             x9 = in[9], xa = in[10], xb = in[11], xc = in[12], xd = in[13], xe = in[14], xf = in[15];
    for (int r = 0; r < 10; r++) {
      QR(x0, x4, x8, xc), QR(x1, x5, x9, xd), QR(x2, x6, xa, xe), QR(x3, x7, xb, xf);
      QR(x0, x5, xa, xf), QR(x1, x6, xb, xc), QR(x2, x7, x8, xd), QR(x3, x4, x9, xe);
    }
    sum += x0 ^ x1 ^ x2 ^ x3 ^ x4 ^ x5 ^ x6 ^ x7 ^ x8 ^ x9 ^ xa ^ xb ^ xc ^ xd ^ xe ^ xf;
    in[12]++;
  }
  printf("%08x\n", sum);
  return 0;
}
