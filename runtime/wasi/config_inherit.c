// The arguments and variables of the process, when an embedder asks for them.
#include "runtime/wasi/wasi_int.h"

extern char **environ __attribute__((weak, visibility("default"))); // the host's libc has it, and what setenv did

// The strings of a file of NUL-terminated ones.
static int add_all(StringList *l, const char *path)
{
  int fd = zw_os_open_read(path);
  if (fd < 0)
    return 0;
  size_t n = 0, cap = 0;
  char *p = NULL;
  long got = 1;
  while (got > 0) {
    if (n + 1 >= cap) {
      size_t more = cap ? 2 * cap : 4096;
      char *q = more <= 1 << 22 ? zw_realloc(p, cap, more) : NULL; // as much as the system passes to a program
      if (!q)
        break;
      p = q, cap = more;
    }
    got = zw_os_read(fd, p + n, cap - n - 1);
    n += got > 0 ? (size_t)got : 0;
  }
  zw_os_close(fd);
  bool ok = got == 0;
  if (p)
    p[n] = 0;
  for (size_t at = 0; ok && at < n; at += strlen(p + at) + 1)
    ok = zw_wasi_list_add(l, p + at, NULL);
  zw_free(p);
  return ok;
}

int zwasm_wasi_inherit_args(zwasm_wasi_t *w)
{
  zw_wasi_list_clear(&w->args);
  return add_all(&w->args, "/proc/self/cmdline");
}
int zwasm_wasi_inherit_env(zwasm_wasi_t *w)
{
  zw_wasi_list_clear(&w->env);
  if (!&environ || !environ)
    return add_all(&w->env, "/proc/self/environ");
  for (char **p = environ; *p; p++)
    if (!zw_wasi_list_add(&w->env, *p, NULL))
      return 0;
  return 1;
}
