// Standard input without waiting, and waiting for it and a clock.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static long long ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

int main(void)
{
  char c;
  struct pollfd p = { .fd = 0, .events = POLLRDNORM };
  if (fcntl(0, F_SETFL, O_NONBLOCK) != 0)
    return 1;
  printf("read: %s\n", read(0, &c, 1) == -1 && errno == EAGAIN ? "would wait" : "?");
  long long before = ms();
  int n = poll(&p, 1, 60);
  long long took = ms() - before;
  printf("poll: %d, %s\n", n, took >= 60 ? "in time" : "early");
  printf("go\n");
  fflush(stdout);
  n = poll(&p, 1, 600000);
  printf("poll: %d, then %zd '%c'\n", n, read(0, &c, 1), c);
  return 0;
}
