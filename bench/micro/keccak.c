// Straight-line crypto with thirty live 64-bit values: the permutation of SHA-3 with all lanes in variables.
#include <stdint.h>
#include <stdio.h>
#define ROL(x, n) ((x) << (n) | (x) >> (64 - (n)))
static uint64_t RC[24];
static void permute(uint64_t s[25])
{
  uint64_t a0 = s[0], a1 = s[1], a2 = s[2], a3 = s[3], a4 = s[4], b0 = s[5], b1 = s[6], b2 = s[7], b3 = s[8], b4 = s[9],
           c0 = s[10], c1 = s[11], c2 = s[12], c3 = s[13], c4 = s[14], d0 = s[15], d1 = s[16], d2 = s[17], d3 = s[18], d4 = s[19],
           e0 = s[20], e1 = s[21], e2 = s[22], e3 = s[23], e4 = s[24];
  for (int r = 0; r < 24; r++) {
    uint64_t x0 = a0 ^ b0 ^ c0 ^ d0 ^ e0, x1 = a1 ^ b1 ^ c1 ^ d1 ^ e1, x2 = a2 ^ b2 ^ c2 ^ d2 ^ e2, x3 = a3 ^ b3 ^ c3 ^ d3 ^ e3,
             x4 = a4 ^ b4 ^ c4 ^ d4 ^ e4;
    uint64_t t0 = x4 ^ ROL(x1, 1), t1 = x0 ^ ROL(x2, 1), t2 = x1 ^ ROL(x3, 1), t3 = x2 ^ ROL(x4, 1), t4 = x3 ^ ROL(x0, 1);
    a0 ^= t0, b0 ^= t0, c0 ^= t0, d0 ^= t0, e0 ^= t0, a1 ^= t1, b1 ^= t1, c1 ^= t1, d1 ^= t1, e1 ^= t1;
    a2 ^= t2, b2 ^= t2, c2 ^= t2, d2 ^= t2, e2 ^= t2, a3 ^= t3, b3 ^= t3, c3 ^= t3, d3 ^= t3, e3 ^= t3;
    a4 ^= t4, b4 ^= t4, c4 ^= t4, d4 ^= t4, e4 ^= t4;
    uint64_t m = ROL(a1, 1);
    a1 = ROL(b1, 44), b1 = ROL(b4, 20), b4 = ROL(e2, 61), e2 = ROL(c4, 39), c4 = ROL(e0, 18), e0 = ROL(a2, 62), a2 = ROL(c2, 43);
    c2 = ROL(c3, 25), c3 = ROL(d4, 8), d4 = ROL(e3, 56), e3 = ROL(d0, 41), d0 = ROL(a4, 27), a4 = ROL(e4, 14), e4 = ROL(e1, 2);
    e1 = ROL(b3, 55), b3 = ROL(d1, 45), d1 = ROL(a3, 28), a3 = ROL(d3, 21), d3 = ROL(d2, 15), d2 = ROL(c1, 10), c1 = ROL(b2, 6);
    b2 = ROL(c0, 3), c0 = m, m = b0, b0 = ROL(m, 36);
    uint64_t u, v;
    u = b0, b0 = a3, a3 = u; // rows and columns change places
    u = a0, v = a1, a0 ^= ~a1 & a2, a1 ^= ~a2 & a3, a2 ^= ~a3 & a4, a3 ^= ~a4 & u, a4 ^= ~u & v;
    u = b0, v = b1, b0 ^= ~b1 & b2, b1 ^= ~b2 & b3, b2 ^= ~b3 & b4, b3 ^= ~b4 & u, b4 ^= ~u & v;
    u = c0, v = c1, c0 ^= ~c1 & c2, c1 ^= ~c2 & c3, c2 ^= ~c3 & c4, c3 ^= ~c4 & u, c4 ^= ~u & v;
    u = d0, v = d1, d0 ^= ~d1 & d2, d1 ^= ~d2 & d3, d2 ^= ~d3 & d4, d3 ^= ~d4 & u, d4 ^= ~u & v;
    u = e0, v = e1, e0 ^= ~e1 & e2, e1 ^= ~e2 & e3, e2 ^= ~e3 & e4, e3 ^= ~e4 & u, e4 ^= ~u & v;
    a0 ^= RC[r];
  }
  s[0] = a0, s[1] = a1, s[2] = a2, s[3] = a3, s[4] = a4, s[5] = b0, s[6] = b1, s[7] = b2, s[8] = b3, s[9] = b4;
  s[10] = c0, s[11] = c1, s[12] = c2, s[13] = c3, s[14] = c4, s[15] = d0, s[16] = d1, s[17] = d2, s[18] = d3, s[19] = d4;
  s[20] = e0, s[21] = e1, s[22] = e2, s[23] = e3, s[24] = e4;
}
int main(void)
{
  uint64_t s[25] = { 1 };
  for (unsigned r = 0; r < 24; r++)
    RC[r] = 0x8000000080008081ull * (r + 1);
  for (int n = 0; n < 400000; n++)
    permute(s);
  printf("%016llx\n", (unsigned long long)s[0]);
  return 0;
}
