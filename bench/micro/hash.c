// Open-addressing hash table with 64-bit keys.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
static uint64_t keys[1 << 18];
static uint32_t values[1 << 18];
int main(void)
{
  uint64_t x = 88172645463325252ull, hits = 0;
  for (int round = 0; round < 40; round++) {
    memset(keys, 0, sizeof keys);
    for (int i = 0; i < 1500000; i++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      uint64_t k = x % 150000 + 1;
      uint32_t h = (uint32_t)(k * 0x9e3779b97f4a7c15ull >> 46);
      while (keys[h] && keys[h] != k)
        h = (h + 1) & (sizeof keys / sizeof *keys - 1);
      hits += keys[h] == k;
      keys[h] = k, values[h]++;
    }
  }
  printf("%llu %u\n", (unsigned long long)hits, values[77]);
  return 0;
}
