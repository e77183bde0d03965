// A guest that divides by zero, three calls deep.
#include <stdio.h>
#include "div.h"
__attribute__((noinline)) static int fac(int n, int d)
{
  if (n == 0)
    return quotient(1, d);
  return n * fac(n - 1, d);
}
#ifndef REACTOR
int main(int argc, char **argv)
{
  (void)argv;
  return fac(3, argc - 1);
}
#else
int over(int n, int d) { return fac(n, d); }
#endif
