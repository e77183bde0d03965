// Planets: float arithmetic with division and square root, loop-carried through memory.
#include <math.h>
#include <stdio.h>
typedef struct Body { double x[3], v[3], mass; } Body;
static Body body[5] = { { { 0, 0, 0 }, { 0, 0, 0 }, 39.47 },
                        { { 4.84, -1.16, -.10 }, { .606, 2.81, -.02 }, .037 },
                        { { 8.34, 4.12, -.4 }, { -1.01, 1.82, .008 }, .011 },
                        { { 12.89, -15.11, -.22 }, { 1.08, .868, -.01 }, .0017 },
                        { { 15.37, -25.9, .179 }, { .979, .594, -.034 }, .002 } };
static void step(double dt)
{
  for (int i = 0; i < 5; i++)
    for (int j = i + 1; j < 5; j++) {
      double d[3], d2 = 0;
      for (int k = 0; k < 3; k++)
        d[k] = body[i].x[k] - body[j].x[k], d2 += d[k] * d[k];
      double mag = dt / (d2 * sqrt(d2));
      for (int k = 0; k < 3; k++) {
        body[i].v[k] -= d[k] * body[j].mass * mag;
        body[j].v[k] += d[k] * body[i].mass * mag;
      }
    }
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 3; k++)
      body[i].x[k] += dt * body[i].v[k];
}
int main(void)
{
  for (int i = 0; i < 5000000; i++)
    step(.001);
  printf("%.9f %.9f\n", body[0].x[0], body[4].v[2]);
  return 0;
}
