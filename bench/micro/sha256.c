// Straight-line crypto: rotates, xors, eight live words and a message schedule.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
static uint32_t K[64], H[8];
static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }
static void block(const uint8_t *p)
{
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)p[i * 4] << 24 | p[i * 4 + 1] << 16 | p[i * 4 + 2] << 8 | p[i * 4 + 3];
  for (int i = 16; i < 64; i++)
    w[i] = w[i - 16] + w[i - 7] + (rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3) +
           (rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10);
  memcpy(s, H, sizeof s);
  for (int i = 0; i < 64; i++) {
    uint32_t t1 = s[7] + (rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + K[i] + w[i];
    uint32_t t2 = (rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1, s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++)
    H[i] += s[i];
}
int main(void)
{
  static uint8_t data[65536];
  for (int i = 0; i < 64; i++)
    K[i] = 0x9e3779b9u * (uint32_t)(i + 1);
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * 7);
  for (int round = 0; round < 1500; round++)
    for (unsigned i = 0; i < sizeof data; i += 64)
      block(data + i);
  printf("%08x%08x\n", H[0], H[7]);
  return 0;
}
