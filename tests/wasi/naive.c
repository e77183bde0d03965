// See naive.h.
#define _GNU_SOURCE 1
#include "naive.h"
#include "runtime/wasi/wasi_int.h"
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

Naive naive;
long zw_test_sys6(long n, long a, long b, long c, long d, long e,
                  long f); // sys_hook.h: what fails or waits there does so here too
uint32_t __real_zw_wasi_resolve(Wasi *w, int dir, const PathArg *p, bool follow, Resolved *out);
uint32_t __wrap_zw_wasi_resolve(Wasi *w, int dir, const PathArg *p, bool follow, Resolved *out);
int __real_zw_wasi_open_below(Wasi *w, int dir, const PathArg *p, bool follow, int flags);
int __wrap_zw_wasi_open_below(Wasi *w, int dir, const PathArg *p, bool follow, int flags);

static bool lexically_inside(const char *s)
{
  int depth = 0;
  for (size_t at = 0; s[at];) {
    size_t n = strcspn(s + at, "/");
    depth += n == 0 || (n == 1 && s[at] == '.') ? 0 : n == 2 && s[at] == '.' && s[at + 1] == '.' ? -1 : 1;
    if (depth < 0)
      return false;
    at += n + (s[at + n] == '/');
  }
  return true;
}

static uint32_t allowed(Wasi *w, int dir, const PathArg *p, bool follow)
{
  Resolved r;
  if (naive == NAIVE_LEXICAL)
    return lexically_inside((const char *)p->bytes) ? E_success : E_perm;
  uint32_t e = __real_zw_wasi_resolve(w, dir, p, follow, &r);
  if (!e)
    zw_wasi_resolved_end(&r);
  return e;
}

uint32_t __wrap_zw_wasi_resolve(Wasi *w, int dir, const PathArg *p, bool follow, Resolved *out)
{
  if (naive == NAIVE_OFF)
    return __real_zw_wasi_resolve(w, dir, p, follow, out);
  uint32_t e = allowed(w, dir, p, follow);
  if (e)
    return e;
  char path[OS_PATH_MAX + 1];
  memcpy(path, p->bytes, p->n + 1);
  for (size_t n = p->n; n > 1 && path[n - 1] == '/';)
    path[--n] = 0;
  char *slash = strrchr(path, '/');
  const char *last = slash ? slash + 1 : path;
  if (strlen(last) > OS_NAME_MAX)
    return E_nametoolong;
  *out = (Resolved){ .dir = dir };
  strcpy(out->name, last);
  if (!slash)
    return E_success;
  *slash = 0;
  out->dir = (int)zw_test_sys6(SYS_openat, dir, (long)path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
  out->own = true;
  return zw_wasi_errno(out->dir);
}

int __wrap_zw_wasi_open_below(Wasi *w, int dir, const PathArg *p, bool follow, int flags)
{
  if (naive == NAIVE_OFF)
    return __real_zw_wasi_open_below(w, dir, p, follow, flags);
  uint32_t e = allowed(w, dir, p, follow);
  if (e)
    return -(int)e;
  int f = O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW) | (flags & OS_CREATE ? O_CREAT : 0) |
          (flags & OS_EXCL ? O_EXCL : 0) | (flags & OS_TRUNC ? O_TRUNC : 0) | (flags & OS_DIRECTORY ? O_DIRECTORY : 0) |
          (!(flags & OS_WRITE) ? O_RDONLY
           : flags & OS_READ   ? O_RDWR
                               : O_WRONLY);
  int fd = (int)zw_test_sys6(SYS_openat, dir, (long)p->bytes, f, 0666, 0, 0);
  return fd < 0 ? -(int)zw_wasi_errno(fd) : fd;
}
