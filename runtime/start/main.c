// A program made with --emit=exe: run the module's entry with WASI, and say by the exit code who ended it.
// Below 126 the guest spoke, from there on we did: 126 could not run, 134 a trap.
#include "runtime/base/str.h"
#include "runtime/os/os.h"
#include "runtime/start/start.h"
#include "runtime/wasi/wasi.h"
#include <string.h>

enum { CANNOT_RUN = 126, TRAPPED = 134 };

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
  char buf[1400];
  va_list ap;
  va_start(ap, fmt);
  size_t n = zw_vformat(buf, sizeof buf, fmt, ap);
  va_end(ap);
  zw_os_write_err(buf, n < sizeof buf ? n : sizeof buf - 1);
}

// Programs without directories contain nothing that opens paths: who has some names these as well.
extern int zwasm_wasi_preopen(zwasm_wasi_t *w, const char *host_dir, const char *guest_name, int writable) __attribute__((weak));
extern bool zw_wasi_parse_dir(const char *spec, char *host, char *guest, size_t room, bool *writable) __attribute__((weak));

static bool add_dir(Wasi *w, const char *s)
{
  static char host[4096], guest[4096];
  bool writable;
  return zw_wasi_parse_dir(s, host, guest, sizeof host, &writable) && zwasm_wasi_preopen(w, host, guest, writable);
}

static Wasi *make_wasi(const zwasm_exe_options_t *o, int argc, char **argv)
{
  Wasi *w = zwasm_wasi_new();
  bool ok = w && zwasm_wasi_arg(w, argc > 0 ? argv[0] : "");
  if (w)
    (void)zwasm_wasi_inherit_stdio(w); // closed ones stay closed
  for (const char *const *p = o->args; ok && p && *p; p++)
    ok = zwasm_wasi_arg(w, *p);
  for (int i = 1; ok && i < argc; i++)
    ok = zwasm_wasi_arg(w, argv[i]);
  for (const char *const *p = o->env; ok && p && *p; p++)
    ok = zwasm_wasi_env(w, *p, NULL); // "N=V" already
  for (const char *const *p = o->dirs; ok && p && *p; p++)
    if (!add_dir(w, *p)) {
      say("%s: cannot open the directory of --dir=%s\n", argc > 0 ? argv[0] : "zwasm", *p);
      return NULL;
    }
  if (!ok)
    say("zwasm: out of memory\n");
  return ok ? w : NULL;
}

static int trapped(const TrapInfo *t)
{
  static char text[64 * 200];
  if (t->kind == TRAP_exit)
    return t->exit_code;
  size_t n = zw_trap_format(t, text, sizeof text);
  zw_os_write_err(text, n < sizeof text ? n : sizeof text - 1);
  return TRAPPED;
}

static int run(zwasm_instance_t *i, const char *entry)
{
  Instance *in = zw_rt_instance(i);
  Extern e;
  Value none;
  if (!zw_instance_export(in, entry, strlen(entry), &e) || e.kind != EXT_FUNC) {
    say("%s: the module has no function export \"%s\"\n", zwasm_exe_module->name, entry);
    return CANNOT_RUN;
  }
  if (!e.u.func || !zw_func_is_void(e.u.func)) {
    say("%s: \"%s\" has parameters or results; a program's entry has none\n", zwasm_exe_module->name, entry);
    return CANNOT_RUN;
  }
  return zw_call(e.u.func, &none) == TRAP_none ? 0 : trapped(zw_store_trap(in->store));
}

int zw_main(int argc, char **argv, char **env)
{
  const zwasm_exe_options_t *o = &zwasm_exe_options;
  zwasm_trap_t trap = { 0 };
  (void)env;
  zwasm_options_t options = ZWASM_OPTIONS_INIT;
  options.wasi = make_wasi(o, argc, argv);
  if (!options.wasi)
    return CANNOT_RUN;
  options.max_stack = o->max_stack;
  options.trap_out = &trap;
  zwasm_instance_t *i = zwasm_rt_new(zwasm_exe_module, &options);
  if (i)
    return run(i, o->entry ? o->entry : "_start");
  if (trap.status == ZWASM_EXIT)
    return trap.exit_code;
  say("%s\n", zwasm_last_error());
  return trap.status == ZWASM_OK ? CANNOT_RUN : TRAPPED;
}
