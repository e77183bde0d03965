// memory.copy and memory.fill of many sizes.
#include <stdio.h>
#include <string.h>
static unsigned char a[1 << 20], b[1 << 20];
int main(void)
{
  unsigned sum = 0;
  for (unsigned round = 0; round < 200; round++)
    for (unsigned size = 8; size <= sizeof a; size *= 2)
      for (unsigned n = 0; n < sizeof a / size; n++) {
        memcpy(a + n * size, b + (sizeof b - (n + 1) * size), size);
        memset(b + n * size, (int)(n + round), size / 2);
        sum += a[n * size];
      }
  printf("%u\n", sum);
  return 0;
}
