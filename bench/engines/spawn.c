// Runs a command N times and prints, for each, "wall-ns cpu-ns peak-KB page-faults exit": what a bench in a large process cannot
// see, because a child's peak memory begins with its parent's.  usage: spawn N COMMAND ARGS..   (the command's stdout is closed)
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static long long ns(struct timeval t) { return t.tv_sec * 1000000000ll + t.tv_usec * 1000ll; }

int main(int argc, char **argv)
{
  if (argc < 3)
    return 2;
  posix_spawn_file_actions_t to_null;
  posix_spawn_file_actions_init(&to_null);
  posix_spawn_file_actions_addopen(&to_null, 1, "/dev/null", O_WRONLY, 0);
  for (int n = atoi(argv[1]); n > 0; n--) {
    struct rusage use;
    int status;
    pid_t pid;
    long long t = now();
    if (posix_spawnp(&pid, argv[2], &to_null, NULL, argv + 2, environ) || wait4(pid, &status, 0, &use) != pid)
      return 1;
    t = now() - t;
    printf("%lld %lld %ld %ld %d\n", t, ns(use.ru_utime) + ns(use.ru_stime), use.ru_maxrss, use.ru_minflt,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
  return 0;
}
