// Deep recursion with two arguments; most calls are tail calls the C compiler turns into loops.
#include <stdio.h>
static __attribute__((noinline)) unsigned ack(unsigned m, unsigned n)
{
  if (m == 0)
    return n + 1;
  return ack(m - 1, n == 0 ? 1 : ack(m, n - 1));
}
int main(void)
{
  unsigned sum = 0;
  volatile unsigned depth = 9; // or one call is made and multiplied
  for (int i = 0; i < 14; i++)
    sum += ack(3, depth);
  printf("%u\n", sum);
  return 0;
}
