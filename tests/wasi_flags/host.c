// An embedder: the guest `look` as an object in a C program, its world made with include/wasi.h.
#include "look.h"
#include <stdio.h>
#include <string.h>
#include <wasi.h>

typedef struct Text { char p[1000]; size_t n; int closed; } Text;
static ptrdiff_t take(void *arg, const void *p, size_t n)
{
  Text *t = (Text *)arg;
  if (n > sizeof t->p - 1 - t->n)
    return -1;
  memcpy(t->p + t->n, p, n);
  t->n += n;
  t->p[t->n] = 0;
  return (ptrdiff_t)n;
}
static void closed(void *arg) { ((Text *)arg)->closed++; }

static int run(zwasm_wasi_t *w)
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  o.wasi = w;
  look *l = look_new(&o);
  if (!l) {
    printf("%s\n", zwasm_last_error());
    return -1;
  }
  zwasm_status_t s = look__start_try(l);
  int code = s == ZWASM_EXIT ? zwasm_trap(look_instance(l))->exit_code : -(int)s;
  look_delete(l);
  return code;
}

int main(void)
{
  Text out = { "", 0, 0 }, err = { "", 0, 0 };
  const char *args[] = { "guest", "one" }, *names[] = { "N" }, *values[] = { "V" };
  zwasm_wasi_t *w = zwasm_wasi_new();
  if (!w || !zwasm_wasi_set_args(w, 2, args) || !zwasm_wasi_set_env(w, 1, names, values) || !zwasm_wasi_stdin_bytes(w, "bytes", 5) ||
      !zwasm_wasi_stdout_fn(w, 1, take, &out, closed) || !zwasm_wasi_stdout_fn(w, 2, take, &err, closed) ||
      !zwasm_wasi_preopen_dir(w, "box", "/a", ZWASM_DIR_ALL) || !zwasm_wasi_preopen_dir(w, "box", "/b", ZWASM_DIR_READ | ZWASM_FILE_READ))
    return 1;
  int code = run(w);
  zwasm_wasi_delete(w);
  printf("%d %d %d\n%s%s", code, out.closed, err.closed, out.p, err.p);

  // the same in the words of other runtimes, and a guest that gets nothing
  wasi_config_t *c = wasi_config_new();
  wasi_config_set_argv(c, 2, args);
  if (!wasi_config_set_stdin_file(c, "in") || !wasi_config_set_stdout_file(c, "out") || !wasi_config_preopen_dir(c, "box", "box", 1, 1))
    return 1;
  code = run(c);
  wasi_config_delete(c);
  zwasm_wasi_t *none = zwasm_wasi_new();
  printf("%d %d %d\n", code, run(none), run(NULL));
  zwasm_wasi_delete(none);
  return 0;
}
