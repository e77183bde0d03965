// What one call costs: each of four in a loop, timed by the guest's own clock; "name ns" a line.
// Argument: which directory's entries to read (10,000 of them), below which files are opened too.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

static uint64_t now(void)
{
  __wasi_timestamp_t t;
  (void)__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &t);
  return t;
}
static void say(const char *name, uint64_t ns, uint64_t n) { printf("%s %.1f\n", name, (double)ns / (double)n); }

static void clock_time_get(uint32_t n)
{
  uint64_t start = now(), sum = 0;
  for (uint32_t i = 0; i < n; i++)
    sum += now();
  say("clock_time_get", now() - start, n + (sum == 0));
}

// To the end of a file of the sandbox, which is emptied when it has grown.
static void fd_write(uint32_t n)
{
  static const uint8_t text[64] = "sixty-four bytes, as a line of a log might have them, no more.\n";
  __wasi_ciovec_t v = { text, sizeof text };
  __wasi_fd_t fd;
  __wasi_size_t wrote, total = 0;
  if (__wasi_path_open(3, 0, "log", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_TRUNC, __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK, 0, 0, &fd))
    exit(2);
  uint64_t start = now();
  for (uint32_t i = 0; i < n; i++) {
    if (__wasi_fd_write(fd, &v, 1, &wrote))
      exit(3);
    total += wrote;
  }
  say("fd_write_64", now() - start, total / 64);
  (void)__wasi_fd_close(fd);
}

static void open_close(uint32_t n)
{
  __wasi_fd_t fd;
  uint64_t start = now();
  for (uint32_t i = 0; i < n; i++)
    if (__wasi_path_open(3, 0, "many/0001", 0, __WASI_RIGHTS_FD_READ, 0, 0, &fd) || __wasi_fd_close(fd))
      exit(4);
  say("path_open+fd_close", now() - start, n);
}

static void readdir(uint32_t n)
{
  static uint8_t buf[32768];
  __wasi_fd_t fd;
  uint64_t entries = 0;
  if (__wasi_path_open(3, 0, "many", __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR, 0, 0, &fd))
    exit(5);
  uint64_t start = now();
  for (uint32_t i = 0; i < n; i++) {
    __wasi_dircookie_t cookie = __WASI_DIRCOOKIE_START;
    __wasi_size_t used = sizeof buf;
    while (used == sizeof buf) {
      if (__wasi_fd_readdir(fd, buf, sizeof buf, cookie, &used))
        exit(6);
      for (uint32_t at = 0; at + 24 <= used;) {
        __wasi_dirent_t e;
        memcpy(&e, buf + at, sizeof e);
        if (at + 24 + e.d_namlen > used)
          break;
        at += 24 + e.d_namlen, cookie = e.d_next, entries++;
      }
    }
  }
  uint64_t spent = now() - start;
  if (entries < 10000ull * n)
    exit(7);
  say("fd_readdir_10000", spent, n);
  (void)__wasi_fd_close(fd);
}

int main(void)
{
  clock_time_get(1000000);
  fd_write(200000);
  open_close(20000);
  readdir(2);
  return 0;
}
