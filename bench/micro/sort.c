// Quicksort and heapsort of integers.
#include <stdint.h>
#include <stdio.h>
static uint32_t v[1000000];
static void quick(uint32_t *a, int n)
{
  while (n > 16) {
    uint32_t p = a[n / 2];
    int i = 0, j = n - 1;
    for (;; i++, j--) {
      while (a[i] < p) i++;
      while (a[j] > p) j--;
      if (i >= j)
        break;
      uint32_t t = a[i]; a[i] = a[j], a[j] = t;
    }
    quick(a, i);
    a += i, n -= i;
  }
  for (int i = 1; i < n; i++) {
    uint32_t x = a[i];
    int j = i;
    for (; j > 0 && a[j - 1] > x; j--)
      a[j] = a[j - 1];
    a[j] = x;
  }
}
static void heap(uint32_t *a, int n)
{
  for (int k = n / 2 - 1, end = n; end > 1;) {
    uint32_t x;
    if (k >= 0) x = a[k];
    else x = a[--end], a[end] = a[0];
    int i = k >= 0 ? k-- : 0;
    for (int c; (c = 2 * i + 1) < end; a[i] = a[c], i = c) {
      c += c + 1 < end && a[c + 1] > a[c];
      if (a[c] <= x)
        break;
    }
    a[i] = x;
  }
}
int main(void)
{
  uint32_t x = 1, sum = 0;
  const int n = sizeof v / sizeof *v;
  for (int round = 0; round < 6; round++) {
    for (int i = 0; i < n; i++)
      x = x * 1664525 + 1013904223, v[i] = x;
    if (round & 1) heap(v, n);
    else quick(v, n);
    for (int i = 1; i < n; i++)
      if (v[i - 1] > v[i])
        return 1;
    sum += v[n / 3];
  }
  printf("%u\n", sum);
  return 0;
}
