// Accepts one connection on the descriptor its argument names, answers what comes in with its letters turned, and ends.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
  int listener = argc > 1 ? atoi(argv[1]) : 3;
  struct pollfd p = { .fd = listener, .events = POLLRDNORM };
  if (poll(&p, 1, 10000) != 1 || !(p.revents & POLLRDNORM))
    return printf("nobody came\n"), 1;
  int fd = accept(listener, NULL, NULL);
  if (fd < 0)
    return printf("accept: %s\n", strerror(errno)), 1;
  char buf[64], peek[4];
  ssize_t n = recv(fd, peek, 2, MSG_PEEK);
  if (n != 2)
    return printf("peek: %zd\n", n), 1;
  n = recv(fd, buf, sizeof buf, 0);
  for (ssize_t i = 0; i < n / 2; i++) {
    char c = buf[i];
    buf[i] = buf[n - 1 - i], buf[n - 1 - i] = c;
  }
  if (send(fd, buf, (size_t)n, 0) != n || shutdown(fd, SHUT_WR) != 0)
    return printf("send: %s\n", strerror(errno)), 1;
  if (recv(fd, buf, sizeof buf, 0) != 0) // the other side ends as well
    return printf("more came\n"), 1;
  if (send(fd, buf, 1, 0) != -1 || errno != EPIPE)
    return printf("sent after the end\n"), 1;
  printf("served %zd, began with %.2s\n", n, peek);
  return 0;
}
