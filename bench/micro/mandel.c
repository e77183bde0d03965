// A float loop with a data-dependent exit.
#include <stdio.h>
int main(void)
{
  unsigned total = 0;
  for (int py = 0; py < 900; py++)
    for (int px = 0; px < 900; px++) {
      double cx = px / 450.0 - 1.5, cy = py / 450.0 - 1.0, x = 0, y = 0;
      int n = 0;
      while (x * x + y * y < 4 && n < 200) {
        double t = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = t;
        n++;
      }
      total += (unsigned)n;
    }
  printf("%u\n", total);
  return 0;
}
