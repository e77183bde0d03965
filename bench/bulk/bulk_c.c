// memory.copy and memory.fill beside the libc's memmove and memset, over the same bytes, turn by turn.  Prints
// "NAME BYTES ours libc", ns each: the least of many turns.  With an argument: of so many bytes only.
#include "bulk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURNS = 15, FROM = 64 + 3, TO = (32 << 20) + 128 };
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile set)(void *, int, size_t) = memset;

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double turn(bulk *b, int fill, int ours, char *to, char *from, int32_t n, int32_t times)
{
  double t = now();
  if (ours && fill)
    bulk_fill(b, TO, 7, n, times);
  else if (ours)
    bulk_copy(b, TO, FROM, n, times);
  else
    for (int32_t k = 0; k < times; k++)
      if (fill)
        set(to, 7, (size_t)n);
      else
        move(to, from, (size_t)n);
  return (now() - t) / times;
}

int main(int argc, char **argv)
{
  static const int32_t sizes[] = { 1, 8, 24, 64, 200, 700, 1000, 1500, 4096, 16384, 65536, 1 << 18, 1 << 20, 4 << 20, 16 << 20 };
  bulk *b = bulk_new(NULL);
  if (!b)
    return 1;
  char *base = zwasm_mem_at(bulk_memory(b), 0, 64 << 20);
  memset(base, 1, 64 << 20);
  for (int fill = 0; fill < 2; fill++)
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      if (argc > 1 && sizes[k] != atoi(argv[1]))
        continue;
      double best[2] = { 1e18, 1e18 };
      int32_t times = sizes[k] < 2000 ? 20000 : sizes[k] < 1 << 20 ? 1 + (16 << 20) / sizes[k] : 2;
      for (int i = 0; i < 2 * TURNS; i++) {
        turn(b, fill, i & 1, base + TO, base + FROM, sizes[k], 1); // the caches as this contestant leaves them
        double ns = turn(b, fill, i & 1, base + TO, base + FROM, sizes[k], times);
        if (ns < best[i & 1])
          best[i & 1] = ns;
      }
      printf("%s %d %.3f %.3f\n", fill ? "memory.fill" : "memory.copy", (int)sizes[k], best[1], best[0]);
    }
  bulk_delete(b);
  return 0;
}
